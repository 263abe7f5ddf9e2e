"""Races recipes to a score: each trains by itself on equal images and scores the same unseen students.

    python -m pip install --no-deps --target /tmp/peers fastai fastcore 'fastprogress<1.1' fasttransform \
        plum-dispatch beartype cloudpickle
    PYTHONPATH=/tmp/peers python benchmarks/race.py --data ../shared/data/sign-digits.csv \
        --group-column student --contestants groupwise fastai tutorial-96 --seeds 0 1 2

Each contestant runs in a process of its own, A B C A B C ..., on the same grouped split. The peers, which
set no fold aside to choose on, learn from `train` and `val`; Groupwise learns from `train` alone. Decoding,
caching and scoring count for all; importing for none, and neither does the audit, which no peer has. Printed
are the scores on `test` at the end with the seconds until then, and the seconds until each contestant first
stood, at the end of an epoch, where another one ended.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from peers import import_torchvision

Point = dict[str, float]


class Fold:
    """Image files and class numbers of the rows of split.csv in some folds."""

    def __init__(self, split_file: Path, root: Path, *names: str) -> None:
        from groupwise.data.split import read_split

        rows = read_split(split_file).rows
        classes = sorted({row.label for row in rows})
        inside = [row for row in rows if row.fold in names]
        self.files = [root / row.path for row in inside]
        self.labels = [classes.index(row.label) for row in inside]
        self.num_classes = len(classes)


def tutorial(train: Fold, test: Fold, seed: int, *, size_px: int, epochs: int) -> Iterator[Point]:
    """ResNeXt-50 from torchvision as the tutorial trains it: a DataLoader, Adam at 1e-4, batches of 32."""
    torchvision = import_torchvision()
    import torch
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset

    class Images(Dataset):  # type: ignore[type-arg]
        def __init__(self, fold: Fold) -> None:
            self.fold = fold
            self.change = torchvision.transforms.Compose(
                [
                    torchvision.transforms.Resize([size_px, size_px]),
                    torchvision.transforms.ToTensor(),
                    torchvision.transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
                ]
            )

        def __len__(self) -> int:
            return len(self.fold.files)

        def __getitem__(self, i: int) -> Any:
            return self.change(Image.open(self.fold.files[i]).convert("RGB")), self.fold.labels[i]

    torch.manual_seed(seed)
    started = time.perf_counter()
    model = torchvision.models.resnext50_32x4d(num_classes=train.num_classes)
    loaders = [DataLoader(Images(fold), 32, shuffle=fold is train, num_workers=2) for fold in (train, test)]
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    for _ in range(epochs):
        model.train()
        for images, labels in loaders[0]:
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            right = sum(int((model(images).argmax(1) == labels).sum()) for images, labels in loaders[1])
        yield {"seconds": time.perf_counter() - started, "accuracy": right / len(test.files)}


def fastai(train: Fold, test: Fold, seed: int) -> Iterator[Point]:
    """resnet18 from scratch at 96 px with fastai's augmentation: one epoch of one cycle, then six."""
    torchvision = import_torchvision()
    from fastai.callback.core import Callback
    from fastai.vision.all import (
        CategoryBlock,
        DataBlock,
        ImageBlock,
        IndexSplitter,
        Resize,
        accuracy,
        aug_transforms,
        set_seed,
        vision_learner,
    )

    set_seed(seed)
    started = time.perf_counter()
    files = train.files + test.files
    label_of = dict(zip(files, train.labels + test.labels, strict=True))
    block = DataBlock(
        blocks=(ImageBlock, CategoryBlock),
        get_y=label_of.__getitem__,
        splitter=IndexSplitter(list(range(len(train.files), len(files)))),
        item_tfms=Resize(96),
        batch_tfms=aug_transforms(),
    )
    points: list[Point] = []

    class Watch(Callback):  # type: ignore[misc]
        order = 70  # after the recorder

        def after_epoch(self) -> None:
            points.append(
                {
                    "seconds": time.perf_counter() - started,
                    "accuracy": float(self.learn.recorder.values[-1][2]),
                }
            )

    learner = vision_learner(
        block.dataloaders(files, bs=64, num_workers=2),
        torchvision.models.resnet18,
        pretrained=False,
        metrics=accuracy,
        cbs=Watch(),
    )
    learner.unfreeze()
    with learner.no_bar():
        learner.fit_one_cycle(1)
        learner.fit_one_cycle(6)
    yield from points


def groupwise(split_file: Path, root: Path, seed: int, changes: dict[str, Any]) -> Iterator[Point]:
    """The default recipe through the layer that `groupwise train` calls, scoring `test` beside `val`."""
    from groupwise.allocator import keep_freed_memory
    from groupwise.api import load_recipe
    from groupwise.data.cache import decode_images
    from groupwise.distributed import World
    from groupwise.evaluation.predict import predict_logits
    from groupwise.files import sha256_file
    from groupwise.models.resnext import create_model
    from groupwise.training.loop import fit
    from groupwise.training.terms import FitConfig, FitData

    keep_freed_memory()
    recipe = load_recipe("default", {**changes, "seed": seed})[1]
    folds = [Fold(split_file, root, name) for name in ("train", "val", "test")]
    started = time.perf_counter()
    files = [file for fold in folds for file in fold.files]
    images = decode_images(files, [sha256_file(file) for file in files], recipe.data)
    labels = np.array([label for fold in folds for label in fold.labels])
    train, val, test = np.split(np.arange(len(files)), np.cumsum([len(fold.files) for fold in folds])[:2])
    torch_seed(seed)
    model = create_model(recipe.model.preset, **recipe.model.overrides, num_classes=folds[0].num_classes)
    config = FitConfig(recipe.training, recipe.optim, recipe.loss, recipe.augment, recipe.data, seed)
    points: list[Point] = []

    def score(judged: Any) -> None:
        right = predict_logits(judged, images[test], recipe.data).argmax(1) == labels[test]
        points.append({"seconds": time.perf_counter() - started, "accuracy": float(right.mean())})

    with tempfile.TemporaryDirectory() as folder:
        fit(
            model,
            FitData(images, labels, train, val),
            config,
            world=World(),
            checkpoints=Path(folder),
            on_scored=score,
        )
    yield from points


def torch_seed(seed: int) -> None:
    import torch

    torch.manual_seed(seed)


CONTESTANTS: dict[str, Callable[..., Iterator[Point]]] = {
    "groupwise": lambda split, root, seed: groupwise(split, root, seed, {}),
    "fastai": lambda split, root, seed: fastai(*_two(split, root), seed),
    "tutorial": lambda split, root, seed: tutorial(*_two(split, root), seed, size_px=224, epochs=12),
    "tutorial-96": lambda split, root, seed: tutorial(*_two(split, root), seed, size_px=96, epochs=12),
}


def _two(split_file: Path, root: Path) -> tuple[Fold, Fold]:
    return Fold(split_file, root, "train", "val"), Fold(split_file, root, "test")


def write_split(data: Path, group_column: str, out: Path) -> Path:
    """Split by group alone, which every contestant is given; returns the root of the paths."""
    from groupwise.data.scan import scan
    from groupwise.data.split import make_split

    manifest = scan(data, group_column=group_column, progress=lambda *_: None)
    samples = [(sample.path, sample.label, sample.group) for sample in manifest.usable]
    shares = {"train": 0.8, "val": 0.1, "test": 0.1}
    make_split(samples, range(len(samples)), shares=shares, seed=0).write(out)
    return manifest.root


def run(name: str, split_file: Path, root: Path, seed: int) -> list[Point]:
    """Train one contestant in a process of its own."""
    words = [sys.executable, __file__, "--alone", name, str(split_file), str(root), str(seed)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def table(races: dict[str, list[list[Point]]]) -> str:
    """The end of every contestant, and when it had reached the others' ends, medians over the seeds."""
    names = list(races)
    ends = {name: statistics.median(points[-1]["accuracy"] for points in races[name]) for name in names}
    lines = [
        "| contestant | seeds | score at the end | seconds | "
        + " | ".join(f"s to {name}'s {100 * ends[name]:.1f} %" for name in names)
        + " |",
        "|" + "---|" * (4 + len(names)),
    ]
    for name in names:
        scores = [100 * points[-1]["accuracy"] for points in races[name]]
        seconds = [points[-1]["seconds"] for points in races[name]]
        reached = [[_first(points, ends[other]) for points in races[name]] for other in names]
        lines.append(
            f"| {name} | {len(scores)} | {_spread(scores, 1)} | {_spread(seconds, 0)} | "
            + " | ".join(_spread(times, 0) if None not in times else "not by all" for times in reached)
            + " |"
        )
    return "\n".join(lines)


def _first(points: list[Point], accuracy: float) -> float | None:
    return next((point["seconds"] for point in points if point["accuracy"] >= accuracy), None)


def _spread(values: list[Any], digits: int) -> str:
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def main() -> None:
    if sys.argv[1:2] == ["--alone"]:
        name, split_file, root, seed = sys.argv[2:]
        for point in CONTESTANTS[name](Path(split_file), Path(root), int(seed)):
            print(json.dumps(point), flush=True)
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--group-column", required=True)
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, default=["groupwise", "fastai"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options = parser.parse_args()
    races: dict[str, list[list[Point]]] = {name: [] for name in options.contestants}
    with tempfile.TemporaryDirectory() as folder:
        split_file = Path(folder) / "split.csv"
        root = write_split(options.data, options.group_column, split_file).resolve()
        for seed in options.seeds:
            for name in options.contestants:
                races[name].append(run(name, split_file, root, seed))
                last = races[name][-1][-1]
                print(
                    f"{name}, seed {seed}: {100 * last['accuracy']:.1f} % in {last['seconds']:.0f} s",
                    flush=True,
                )
    print(f"\n{table(races)}")


if __name__ == "__main__":
    main()
