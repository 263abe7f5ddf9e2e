"""What int8 costs in accuracy on images that neither taught, chose nor calibrated, over several runs.

    python benchmarks/int8.py ../shared/data/clothing.csv --group sender RUN RUN ...

Each run is exported to int8 as `groupwise export --to int8` does, calibrated on its own `val`, and answers
the images of the table of which no file is in its manifest; runs that each leave out other senders, as those
of `benchmarks/refit.py`, so answer all of them. Printed are each run's change, and that of all answers
together, with 95 % intervals, paired by sender.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from groupwise.data.cache import decode_images
from groupwise.export.bundle import Source, write_onnx
from groupwise.export.quantise import CALIBRATION_IMAGES, INT8_LANES, logits_of, quantise
from groupwise.files import sha256_file
from groupwise.stats.calibration import calibrated
from groupwise.stats.paired_tests import compare_models


def main() -> None:
    """Answer by each run in both precisions, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--group", required=True)
    parser.add_argument("runs", type=Path, nargs="+")
    arguments = parser.parse_args()
    with arguments.data.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["sha256"] = sha256_file(arguments.data.parent / row["path"])
    parts: list[tuple[Any, ...]] = []
    for folder in arguments.runs:
        source = Source.open(folder)
        known = {sample.sha256 for sample in source.run.manifest().samples}
        classes = source.predictor.classes
        new = [row for row in rows if row["sha256"] not in known and row["label"] in classes]
        told = answer(source, arguments.data.parent, new)
        parts.append((*told, [row[arguments.group] for row in new], classes))
        tell(str(folder), *joined(parts[-1:]))
    tell("all", *joined(parts))


def answer(source: Source, root: Path, new: list[dict[str, str]]) -> tuple[Any, Any, Any]:
    """Class numbers (N,), and probabilities (N, K) in float32 and in int8."""
    preprocessing, classes = source.predictor.preprocessing, source.predictor.classes
    with tempfile.TemporaryDirectory() as temporary:
        model = write_onnx(source, Path(temporary), lanes=INT8_LANES)
    shown = source.material.spread(CALIBRATION_IMAGES)
    small = quantise(model, shown.decode(preprocessing), preprocessing)
    files = [root / row["path"] for row in new]
    images = decode_images(files, [row["sha256"] for row in new], preprocessing)
    both = [
        calibrated(logits_of(one, images, preprocessing), source.predictor.temperature)
        for one in (model, small)
    ]
    return np.array([classes.index(row["label"]) for row in new]), *both


def joined(parts: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    """The answers of several runs as of one; they have the same classes."""
    assert len({part[4] for part in parts}) == 1
    labels, before, after, groups = (np.concatenate([part[i] for part in parts]) for i in range(4))
    return labels, before, after, np.unique(groups, return_inverse=True)[1], parts[0][4]


def tell(name: str, labels: Any, before: Any, after: Any, sources: Any, classes: tuple[str, ...]) -> None:
    """One line: accuracy in both precisions, its change with the interval, and how many labels differ."""
    (pair,) = compare_models(labels, [before, after], sources, classes, seed=0)
    scores = [100 * (probs.argmax(axis=1) == labels).mean() for probs in (before, after)]
    other = (before.argmax(axis=1) != after.argmax(axis=1)).sum()
    change = pair.accuracy
    limits = "no interval" if change.low is None else f"{100 * change.low:+.2f} to {100 * change.high:+.2f}"
    print(
        f"{name}: {len(labels)} images, {len(np.unique(sources))} sources: float32 {scores[0]:.1f} %, int8"
        f" {scores[1]:.1f} %, {100 * change.value:+.2f} points ({limits}); {other} labels differ",
        flush=True,
    )


if __name__ == "__main__":
    main()
