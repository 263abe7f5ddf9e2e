"""Whether mlcroissant accepts the description of a data set, and loads its folds and pictures.

    python benchmarks/croissant.py [RUN]

It writes the description of RUN's images, or of some made pictures that a network is trained on for one
epoch, into a folder with those pictures, installs mlcroissant into an environment of its own, has it validate
the file, loads every record, and compares them with `split.csv`. The exit status is 1 where they differ.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from groupwise.data.split import read_split
from groupwise.report.croissant import JSON, write_croissant
from groupwise.runs.files import read_run

LOAD = """
import json, sys
import mlcroissant as mlc
said = mlc.Dataset(sys.argv[1])
plain = lambda value: value.decode() if isinstance(value, bytes) else value
told = {name: [{key.partition("/")[2]: plain(value) for key, value in record.items()}
        for record in said.records(name)] for name in ("classes", "folds", "images")}
told["pictures"] = [[plain(one["pictures/path"]), plain(one["pictures/label"]), plain(one["pictures/fold"]),
                     *one["pictures/content"].size, *one["pictures/content"].convert("RGB").getpixel((5, 7))]
                    for one in said.records("pictures")]
print(json.dumps(told))
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, nargs="?")
    asked = parser.parse_args().run
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        run = asked or trained(here)
        published = publish(run, here / "published")
        told = load(published / JSON, here / "env")
        wrong = differences(run, told)
    print(
        "\n".join(wrong) or f"{len(told['images']):,} records and {len(told['pictures']):,} pictures agree."
    )
    sys.exit(bool(wrong))


def trained(here: Path) -> Path:
    """A run of one epoch on 60 made pictures, two of each source, all TIFF, of classes that are no words."""
    rng = np.random.default_rng(0)
    for k, name in enumerate(("007", "NA")):
        for i in range(30):
            path = here / "data" / name / f"s{k}{i // 2:02}-{i % 2}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(128 * k, 128 * (k + 1), (24, 20 + i, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path)
    words = ["train", here / "data", "--run", here / "run", "--group-regex", r"(s\d+)-", "--recipe", "digits"]
    words += ["--training.epochs", "1", "--baselines", "none"]
    subprocess.run([sys.executable, "-m", "groupwise", *map(str, words)], check=True, capture_output=True)
    return here / "run"


def publish(run: Path, folder: Path) -> Path:
    """A folder as one would put it online: the pictures, the table and the description."""
    files = read_run(run)
    print("Left to a person:", ", ".join(write_croissant(files, folder)))
    for row in files.assignments:
        (folder / row.path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(files.root / row.path, folder / row.path)
    return folder


def load(description: Path, env: Path) -> dict[str, list[object]]:
    """What mlcroissant says, after it has validated the description."""
    subprocess.run([sys.executable, "-m", "venv", env], check=True)
    quiet = ["--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [env / "bin/pip", "install", *quiet, "--use-pep517", "mlcroissant>=1.1", "pillow"], check=True
    )
    subprocess.run([env / "bin/mlcroissant", "validate", "--jsonld", description], check=True)
    answer = subprocess.run(
        [env / "bin/python", "-c", LOAD, description],
        check=True,
        stdout=subprocess.PIPE,
        env=os.environ | {"CROISSANT_CACHE": str(env / "cache")},
    )
    return dict(json.loads(answer.stdout))


def differences(run: Path, told: dict[str, list[object]]) -> list[str]:
    """What was loaded otherwise than the run has it."""
    split, files = read_split(run / "split.csv"), read_run(run)
    seen = {sample.path: _look(files.root / sample.path) for sample in files.manifest}
    wrong = []
    rows = [
        {"path": row.path, "label": row.label, "source": source, "fold": row.fold}
        for row, source in zip(split.rows, split.sources.tolist(), strict=True)
    ]
    if [{key: one[key] for key in rows[0]} for one in told["images"]] != rows:
        wrong.append("the records are not the rows of split.csv")
    if [one["name"] for one in told["classes"]] != list(split.classes):
        wrong.append("the classes are others")
    if {one["name"] for one in told["folds"]} != {row.fold for row in split.rows}:
        wrong.append("the folds are others")
    pictures = sorted([row.path, row.label, row.fold, *seen[row.path]] for row in split.rows)
    if sorted(told["pictures"]) != pictures:
        wrong.append("the pictures are not those of the split, or their sizes or colours are others")
    return wrong


def _look(file: Path) -> tuple[int, ...]:
    """Width, height and one pixel of a picture."""
    with Image.open(file) as picture:
        return (*picture.size, *picture.convert("RGB").getpixel((5, 7)))


if __name__ == "__main__":
    main()
