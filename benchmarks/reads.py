"""How often one `train` opens each file: the user's images, and the files of its run.

    python benchmarks/reads.py ../shared/data/sign-digits.csv --group-column student [--images 90]

Trains for one epoch on the first images of two classes, in a folder that is removed, and counts by Python's
audit events, so what a library opens by itself is not among them. Further options go to `train`.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from groupwise.cli.main import main as groupwise

LEAST = 3  # openings from which a file is named


def main() -> None:
    """Train, and print a row for every file of the run that was opened several times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--images", type=int, default=90)
    parser.add_argument("--label-column", default="label")
    arguments, further = parser.parse_known_args()
    with arguments.data.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    labels = sorted({row[arguments.label_column] for row in rows})[:2]
    chosen = [
        row
        for label in labels
        for row in [r for r in rows if r[arguments.label_column] == label][: arguments.images // 2]
    ]
    with tempfile.TemporaryDirectory() as folder:
        few, run = Path(folder, "few.csv"), Path(folder, "run")
        with few.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(chosen)
        root = arguments.data.resolve().parent
        opened = count_openings(run.resolve(), root)
        began = time.process_time()
        network = ["--model.preset", "resnext11_8x4d", "--data.image_size_px", "32", "--training.epochs", "1"]
        options = ["--recipe", "default", *network, "--baselines", "none", *further]
        status = groupwise(["train", str(few), "--root", str(root), "--run", str(run), *options])
        seconds = time.process_time() - began
    print(f"\n{len(chosen)} images, exit status {status}, {seconds:.1f} s of the processor\n")
    print("| file | opened to read |\n|---|---|")
    print(f"| an image, in the mean | {opened.pop('image') / len(chosen):.1f} times |")
    for name, times in opened.most_common():
        if times >= LEAST:
            print(f"| `{name}` | {times} times |")


def count_openings(run: Path, root: Path) -> Counter[str]:
    """What is opened to read from now on, by its name within `run`; `image` is all below `root`."""
    opened: Counter[str] = Counter()

    def hear(event: str, about: tuple[object, ...]) -> None:
        if event != "open" or not isinstance(about[0], str | bytes):
            return
        file, mode = Path(os.fsdecode(about[0])), str(about[1] or "r")
        if set(mode) & set("wax+") or ".partial" in file.name:
            return
        if file.is_relative_to(run) and file.suffix:
            opened[file.relative_to(run).as_posix()] += 1
        elif file.is_relative_to(root):
            opened["image"] += 1

    sys.addaudithook(hear)
    return opened


if __name__ == "__main__":
    main()
