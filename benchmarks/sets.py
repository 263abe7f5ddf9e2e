"""Reads a data set as it is published, from a local copy, and lays it out so that every contestant reads it.

`python benchmarks/sets.py DATA [DATA ...] [--work DIR]` reads each and says what it holds. DATA is

- a CSV file with columns `path,label` beside its pictures, and `:COLUMN` behind its name for the column that
  says which pictures belong together: people, patients, leaves, parts (a column `source` is taken unasked);
- a folder of class folders, or one of `train/` and `test/` with class folders (torchvision's layout, and PNG
  forms of CIFAR-10);
- CIFAR-10's binary form (`data_batch_1.bin` ... and `batches.meta.txt`);
- a folder of IDX files (MNIST, Fashion-MNIST: `train-images-idx3-ubyte`, packed by gzip or not);
- an `.npz` of MedMNIST.

Written once, into a folder of its own below the work folder, are the pictures (as they are where they are
files, as PNG where they are arrays) and `pictures.csv` with `path,label,source,part`. Where nothing says what
belongs together each picture is its own source. `part` is `train` or `test` where the publisher says so.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from groupwise.data.formats import FORMAT_OF_SUFFIX
from groupwise.data.manifest import Manifest, read_manifest
from groupwise.data.reading import ReadOptions
from groupwise.data.scan import scan
from groupwise.data.split import Assignment, Split
from groupwise.stats.arrays import Ints, Pixels

LISTING, MANIFEST = "pictures.csv", "manifest.csv"
TRAIN, VAL, HELD_OUT = "train", "val", "held_out"
PUBLISHED = "published"  # the split that is the publisher's own
SPLIT_SEED = 0  # the folds are one and the same whatever the seed of training
OUTER, INNER = 5, 8
PARTS = {
    "train": "train",
    "training": "train",
    "val": "train",
    "valid": "train",
    "validation": "train",
    "test": "test",
    "testing": "test",
}


class Picture(NamedTuple):
    """A file or an array (H, W) or (H, W, 3), its class, its source ("" for itself alone) and its part."""

    image: Path | Pixels
    label: str
    source: str = ""
    part: str = ""


@dataclass(frozen=True)
class PictureSet:
    """What lies in a folder of its own: pictures, their numbers of class and source, and their parts."""

    folder: Path
    manifest: Manifest
    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def files(self) -> list[Path]:
        return [self.manifest.file(sample) for sample in self.manifest.usable]

    @property
    def classes(self) -> tuple[str, ...]:
        return self.manifest.classes

    @property
    def labels(self) -> Ints:
        """The class number of each picture, (N,)."""
        return _number([sample.label for sample in self.manifest.usable])

    @property
    def sources(self) -> Ints:
        """The number of each picture's source, (N,)."""
        return _number([sample.group or sample.path for sample in self.manifest.usable])

    def folds(
        self,
        outer: str,
        *,
        per_class: int | None = None,
        count: int | None = None,
        imbalance: float = 1.0,
    ) -> list[str]:
        """The fold of each picture: `held_out`, `train` or `val`, or "" for one that is left out.

        `outer` is the number of the fifth that is held out, or `published`. `per_class` keeps so many
        pictures a class of the others at most, and `count` so many of all of them, drawn at random;
        `imbalance` thins them out, class by class, until the first has so many for one of the last.
        """
        labels, sources = self.labels, self.sources
        if outer == PUBLISHED:
            held_out = np.flatnonzero(np.array(self.parts) == "test")
            if not len(held_out):
                raise SystemExit(f"{self.folder.name}: the publisher names no test part; give --outer 0 to 4")
        else:
            held_out = _divide(labels, sources, OUTER)[int(outer)]
        folds = np.full(len(labels), "", dtype=object)
        folds[held_out] = HELD_OUT
        rest = _thin_out(np.setdiff1d(np.arange(len(labels)), held_out), labels, per_class, imbalance)
        if count is not None:
            rest = np.sort(np.random.default_rng(SPLIT_SEED).permutation(rest)[:count])
        folds[rest] = TRAIN
        folds[rest[_divide(labels[rest], sources[rest], INNER)[0]]] = VAL
        return list(folds)

    def split(self, folds: Sequence[str], *names: str) -> Split:
        """The pictures of some folds as Groupwise's commands know a split."""
        rows = [
            Assignment(sample.path, sample.label, sample.group or sample.path, number, fold)
            for number, (sample, fold) in enumerate(zip(self.manifest.usable, folds, strict=True))
            if fold in names
        ]
        return Split(tuple(rows))

    def write_learnable(self, folds: Sequence[str], *names: str) -> Path:
        """Write a CSV of some folds beside the pictures, for whole commands; returns it."""
        file = self.folder / f"learn-{os.getpid()}.csv"
        _write_rows(
            file,
            ("path", "label", "source"),
            [(r.path, r.label, r.group) for r in self.split(folds, *names).rows],
        )
        return file


def open_set(data: str, work: Path) -> PictureSet:
    """Lay out `data` below `work`, unless that is done, and open it."""
    file, _, column = data.partition(":")
    folder = work / Path(file).stem
    if not (folder / MANIFEST).is_file():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _lay_out(read_pictures(Path(file), column), folder)
        manifest = scan(folder / LISTING, ReadOptions(group_column="source"))
        manifest.write(folder / MANIFEST)  # last: what follows is whole
    manifest = read_manifest(folder / MANIFEST, folder.resolve())
    with (folder / LISTING).open(newline="") as lines:
        parts = {row["path"]: row["part"] for row in csv.DictReader(lines)}
    return PictureSet(folder, manifest, tuple(parts[sample.path] for sample in manifest.usable))


def read_pictures(data: Path, column: str = "") -> Iterator[Picture]:
    """Every picture of a data set in one of the published forms that the head of this file names."""
    if data.suffix == ".csv":
        return _read_csv(data, column)
    if data.suffix == ".npz":
        return _read_npz(data)
    if any(data.glob("data_batch_*.bin")):
        return _read_cifar(data)
    if any(data.glob("*-images-idx3-ubyte*")):
        return _read_idx(data)
    if data.is_dir():
        return _read_folders(data)
    raise SystemExit(f"{data}: none of the forms that this program reads (see --help)")


def _read_csv(file: Path, column: str) -> Iterator[Picture]:
    with file.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            source = row[column] if column else row.get("source", "")
            yield Picture(file.parent / row["path"], row["label"], source)


def _read_folders(folder: Path) -> Iterator[Picture]:
    inside = sorted(path for path in folder.iterdir() if path.is_dir())
    ready = all(path.name.casefold() in PARTS for path in inside)
    for part in inside if ready else [folder]:
        for label in sorted(path for path in part.iterdir() if path.is_dir()):
            for file in sorted(label.rglob("*")):
                if file.suffix.lower() in FORMAT_OF_SUFFIX:
                    yield Picture(file, label.name, part=PARTS[part.name.casefold()] if ready else "")


def _read_cifar(folder: Path) -> Iterator[Picture]:
    """One byte of class and 3,072 of pixels, plane by plane, for each picture."""
    names = (folder / "batches.meta.txt").read_text().split()
    for file in sorted(folder.glob("*_batch*.bin")):
        for record in np.fromfile(file, np.uint8).reshape(-1, 3073):
            pixels = record[1:].reshape(3, 32, 32).transpose(1, 2, 0)
            yield Picture(pixels, names[record[0]], part="test" if file.name.startswith("test") else "train")


def _read_idx(folder: Path) -> Iterator[Picture]:
    for file in sorted(folder.glob("*-images-idx3-ubyte*")):
        images = _read_idx_array(file)
        labels = _read_idx_array(file.with_name(file.name.replace("images-idx3", "labels-idx1")))
        for image, label in zip(images, labels, strict=True):
            yield Picture(image, str(label), part="train" if file.name.startswith("train") else "test")


def _read_idx_array(file: Path) -> Pixels:
    """Two zero bytes, 8 for unsigned bytes, the number of dimensions, their sizes, and the values."""
    content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    if content[:3] != b"\0\0\x08":
        raise SystemExit(f"{file}: no IDX file of unsigned bytes")
    shape = np.frombuffer(content, ">u4", count=content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def _read_npz(file: Path) -> Iterator[Picture]:
    """MedMNIST: `train_images`, `train_labels` and the same of `val` and `test`."""
    arrays = np.load(file)
    for name in [name for name in arrays.files if name.endswith("_images")]:
        part, labels = name.removesuffix("_images"), arrays[name.replace("_images", "_labels")]
        if labels.size != len(labels):
            raise SystemExit(f"{file}: its pictures have several labels each")
        for image, label in zip(arrays[name], labels.ravel(), strict=True):
            yield Picture(image, str(label), part=PARTS[part])


def _lay_out(pictures: Iterator[Picture], folder: Path) -> None:
    """Put every picture under `folder`, a folder a class, and list them."""
    from PIL import Image

    rows: list[tuple[str, str, str, str]] = []
    for number, picture in enumerate(pictures):
        place = folder / picture.label.replace("/", "_")
        place.mkdir(exist_ok=True)
        if isinstance(picture.image, Path):
            file = place / f"{number:06}{picture.image.suffix.lower()}"
            _link(picture.image, file)
        else:
            file = place / f"{number:06}.png"
            Image.fromarray(picture.image).save(file)
        path = file.relative_to(folder).as_posix()
        rows.append((path, picture.label, picture.source or path, picture.part))
    _write_rows(folder / LISTING, ("path", "label", "source", "part"), rows)


def _link(file: Path, place: Path) -> None:
    """A second name for the file, or a copy where the file system has none."""
    try:
        os.link(file, place)
    except OSError:
        shutil.copyfile(file, place)


def _write_rows(file: Path, header: Sequence[str], rows: Sequence[tuple[str, ...]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([header, *rows])


def _number(names: Sequence[str]) -> Ints:
    return np.unique(np.array(names), return_inverse=True)[1].astype(np.int64)


def _divide(labels: Ints, sources: Ints, count: int) -> list[Ints]:
    """The rows of each of `count` parts, which share no source and hold like shares of each class."""
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=SPLIT_SEED)
    return [part for _, part in splitter.split(np.zeros(len(labels)), labels, sources)]


def _thin_out(rows: Ints, labels: Ints, per_class: int | None, imbalance: float) -> Ints:
    from ablation import thin_out

    if imbalance != 1:
        rows = thin_out(rows, labels, imbalance, SPLIT_SEED)
    if per_class is not None:
        drawn = np.random.default_rng(SPLIT_SEED).permutation(rows)
        rows = np.concatenate([drawn[labels[drawn] == k][:per_class] for k in range(labels.max() + 1)])
    return np.sort(rows)


def describe(pictures: PictureSet) -> str:
    """One line: how many, of what, how large."""
    samples = pictures.manifest.usable
    sizes = sorted(Counter(sample.label for sample in samples).values())
    sides = [min(sample.width, sample.height) for sample in samples]
    return (
        f"{pictures.name}: {len(samples):,} pictures of {len(sizes)} classes ({sizes[0]:,} to {sizes[-1]:,}),"
        f" {len(set(pictures.sources.tolist())):,} sources, shorter side {min(sides)} to {max(sides)} px"
    )


def add_set_options(parser: argparse.ArgumentParser) -> None:
    """DATA and the work folder, which `model.py` has as well."""
    parser.add_argument("data", nargs="*", help="FILE or FOLDER, with :COLUMN for the sources of a CSV")
    parser.add_argument("--work", type=Path, default=Path("runs/model"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_set_options(parser)
    options: Any = parser.parse_args()
    for data in options.data:
        print(describe(open_set(data, options.work)), flush=True)


if __name__ == "__main__":
    main()
