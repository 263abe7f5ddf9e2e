"""Whether the learning curve foretells the score at twice the sources, and its band holds it.

    python benchmarks/learning_curve.py CSV:COLUMN... [--repeats 10]

Each repeat sets a quarter of the sources aside to judge, takes half of the others for all that there are,
and foretells from an eighth, a quarter, half and all of those, as `groupwise learning-curve` does, what a
learner of all the others scores; then that learner is fitted and asked. Learners are a nearest neighbour and
a ridge regression on the simple features of the baselines, which take parts of a second where a network takes
minutes: this is a test of the curve and its band, not of how well networks follow it. Repeats divide the same
sources anew, so they are not independent.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.base import clone
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from groupwise.baselines.features import image_features
from groupwise.baselines.plain import SIZE_PX
from groupwise.data.split import EXCLUDED, Assignment, Split
from groupwise.experiments.learning_curve import summarise
from groupwise.experiments.subsets import parts_of, subset
from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.estimate import Estimate

LEARNERS = {
    "nearest neighbour": KNeighborsClassifier(1, algorithm="brute"),
    "ridge regression": RidgeClassifier(alpha=1000.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "sets", nargs="+", metavar="CSV:COLUMN", help="a table, and the column of its sources"
    )
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument(
        "--networks", type=int, default=2, help="learners of each size, as --repeats of the verb"
    )
    asked = parser.parse_args()
    for one in asked.sets:
        table, _, column = one.rpartition(":")
        rows, features = read(Path(table), column)
        print(f"\n{Path(table).stem}: {len(rows):,} images of {len({row.group for row in rows})} sources")
        for learner in LEARNERS:
            compare(rows, features, learner, asked.networks, asked.repeats)


def compare(rows: list[Assignment], features: np.ndarray, learner: str, networks: int, repeats: int) -> None:
    """Print what was foretold and what came, repeat by repeat."""
    print(f"\n{learner}\n\n| known sources | now | foretold at twice | band | came | inside |")
    print("|---|---|---|---|---|---|")
    inside, errors = 0, []
    for repeat in range(repeats):
        known, told, now, came = foretell(rows, features, learner, networks, repeat)
        held = bool(told.low <= came <= told.high)
        inside += held
        errors.append(100 * (came - told.value))
        band = f"{100 * told.low:.1f} to {100 * told.high:.1f}"
        said = (f"{100 * now:.1f} %", f"{100 * told.value:.1f} %", band, f"{100 * came:.1f} %")
        print("|", " | ".join((str(known), *said, "yes" if held else "no")), "|", flush=True)
    mean, size = np.mean(errors), np.mean(np.abs(errors))
    print(f"\ninside in {inside} of {repeats}; came less foretold: mean {mean:+.1f} points, size {size:.1f}")


def read(table: Path, column: str) -> tuple[list[Assignment], np.ndarray]:
    """The rows of a table, without a fold, and the features of their pictures (N, D)."""
    rows, pixels = [], []
    with table.open(newline="", encoding="utf-8") as file:
        for i, row in enumerate(csv.DictReader(file)):
            with Image.open(table.parent / row["path"]) as picture:
                picture.draft("RGB", (2 * SIZE_PX, 2 * SIZE_PX))
                small = picture.convert("RGB").resize((SIZE_PX, SIZE_PX), Image.Resampling.BICUBIC)
            pixels.append(np.asarray(small))
            rows.append(Assignment(row["path"], row["label"], row[column], i, ""))
    return rows, image_features(np.stack(pixels))


def foretell(
    rows: list[Assignment], features: np.ndarray, learner: str, networks: int, repeat: int
) -> tuple[int, Estimate, float, float]:
    """The known sources, what is foretold at twice as many, the score now, and the one that came."""
    rng = np.random.default_rng(repeat)
    groups = rng.permutation(sorted({row.group for row in rows})).tolist()
    judging, rest = set(groups[: len(groups) // 4]), groups[len(groups) // 4 :]
    known = set(rest[: len(rest) // 2])
    folds = ["test" if r.group in judging else "train" if r.group in known else EXCLUDED for r in rows]
    split = Split(tuple(row._replace(fold=fold) for row, fold in zip(rows, folds, strict=True)))
    judges = split.indices("test")

    def asked(learnt: Ints) -> Floats:
        return answers(learner, features, split, learnt, judges)

    seeds = range(100 * repeat, 100 * repeat + networks)
    *parts, whole = parts_of(split, seeds)
    right = {
        part: [asked(subset(split, part.fraction, seed=seed).indices("train")) for seed in seeds]
        for part in parts
    } | {whole: [asked(split.indices("train"))]}
    facts = summarise(split, judges, right)
    double = next(one for one in facts["fitted"] if one["sources"] == 2 * len(known))
    everything = np.array([i for i, fold in enumerate(folds) if fold != "test"])
    came = float(asked(everything).mean())
    return len(known), Estimate.from_json(double["accuracy"]), float(right[whole][0].mean()), came


def answers(learner: str, features: np.ndarray, split: Split, learnt: Ints, judges: Ints) -> Floats:
    """Which of `judges` a learner that learnt from the rows `learnt` gets right, (T,)."""
    labels = np.array([row.label for row in split.rows])
    fitted = make_pipeline(StandardScaler(), clone(LEARNERS[learner])).fit(features[learnt], labels[learnt])
    return np.asarray(fitted.predict(features[judges]) == labels[judges], dtype=np.float64)


if __name__ == "__main__":
    main()
