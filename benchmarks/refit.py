"""What a refit on every image gains, and whether the promises of the measured network still hold for it.

    python benchmarks/refit.py ../shared/data/clothing.csv:sender [--outer 0 1 2 3 4] [--minutes 5] [--seed 0]

A fifth of the sources, as in `model.py`, is held out of everything. `groupwise train --budget --refit` learns
from the others by its own split, measures, and goes on with all of them within its minutes; both networks
answer the pictures held out. Printed are the accuracy of each, the refit's lead with its paired interval
over sources, the share of prediction sets that hold the class (promised: 1 - alpha), the share answered and
how much of it is wrong (promised: their product is at most the error rate), and the share flagged as unlike.
The last row joins the fifths.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from groupwise.inference.decision import ClassPrediction
from groupwise.inference.predictor import load_run
from groupwise.stats.fold import check_fold
from groupwise.stats.intervals import share_of_images
from groupwise.stats.paired_tests import compare_models
from sets import HELD_OUT, TRAIN, VAL, PictureSet, add_set_options, open_set


@dataclass(frozen=True)
class Answers:
    """What the network of a run says of the pictures held out, their classes and sources."""

    answers: list[ClassPrediction]
    labels: list[str]
    sources: list[int]

    def __add__(self, other: Answers) -> Answers:
        return Answers(self.answers + other.answers, self.labels + other.labels, self.sources + other.sources)

    def probs(self, classes: Sequence[str]) -> np.ndarray:
        return np.array([[answer.probabilities[name] for name in classes] for answer in self.answers])

    def promises(self, classes: Sequence[str]) -> str:
        """Cells of the table: sets that hold the class, answered, wrong of those, flagged."""
        labels = np.array([classes.index(label) for label in self.labels])
        fold = check_fold(labels, self.probs(classes), np.array(self.sources), classes)
        pairs = list(zip(self.answers, self.labels, strict=True))
        held = np.array([label in (one.prediction_set or ()) for one, label in pairs])
        answered = np.array([not one.abstain for one in self.answers])
        wrong = np.array([one.label != label for one, label in pairs])
        share = share_of_images(fold, held, np.ones(len(held), dtype=bool))
        limits = f" ({share.low:.1%} to {share.high:.1%})" if share.low is not None else ""
        return (
            f"{share.value:.1%}{limits} | {answered.mean():.1%} | {wrong[answered].mean():.1%} |"
            f" {np.mean([bool(one.unlike) for one in self.answers]):.1%}"
        )


def answer(run: Path, pictures: PictureSet, folds: Sequence[str]) -> Answers:
    """Let a run answer the pictures held out."""
    rows = [row for row, fold in enumerate(folds) if fold == HELD_OUT]
    predictor = load_run(run)
    answers = [one.answer for one in predictor.predict([pictures.files[row] for row in rows])]
    return Answers(
        answers,
        [pictures.classes[pictures.labels[row]] for row in rows],
        [int(pictures.sources[row]) for row in rows],
    )


def train_both(
    pictures: PictureSet, folds: Sequence[str], folder: Path, minutes: float, seed: int
) -> tuple[Path, Path]:
    """The measured run and its refit, unless they are there."""
    run = folder / f"seed-{seed}"
    if not (run / "refit" / "config.json").exists():
        file = pictures.write_learnable(folds, TRAIN, VAL)
        words = ["--run", str(run), "--group-column", "source", "--budget", f"{60 * minutes:g}s", "--refit"]
        command = [sys.executable, "-m", "groupwise", "train", str(file), *words, "--seed", str(seed)]
        subprocess.run(command, check=True)
        file.unlink()
    return run, run / "refit"


def row(name: str, measured: Answers, refitted: Answers, classes: Sequence[str]) -> str:
    labels = np.array([classes.index(label) for label in measured.labels])
    probs = [measured.probs(classes), refitted.probs(classes)]
    (pair,) = compare_models(labels, probs, np.array(measured.sources), classes, seed=0)
    lead = pair.accuracy
    limits = "no interval" if lead.low is None else f"{100 * lead.low:+.1f} to {100 * lead.high:+.1f}"
    right = [np.mean(one.argmax(1) == labels) for one in probs]
    return (
        f"| {name} | {right[0]:.1%} | {right[1]:.1%} | {100 * lead.value:+.1f} ({limits}) |"
        f" {measured.promises(classes)} | {refitted.promises(classes)} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_set_options(parser)
    parser.add_argument("--outer", nargs="+", default=["0", "1", "2", "3", "4"])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=0, help="of the split and of training")
    options: Any = parser.parse_args()
    for data in options.data:
        pictures = open_set(data, options.work)
        both: list[tuple[Answers, Answers]] = []
        head = "sets that hold | answered | wrong | flagged"
        print(f"| {pictures.name} | measured | refit | lead | measured: {head} | refit: {head} |")
        print("|---" * 12 + "|")
        for outer in options.outer:
            folds = pictures.folds(outer)
            folder = options.work / f"refit-{pictures.name}-{outer}"
            runs = train_both(pictures, folds, folder, options.minutes, options.seed)
            both.append(tuple(answer(run, pictures, folds) for run in runs))  # type: ignore[arg-type]
            print(row(outer, *both[-1], pictures.classes), flush=True)
        joined = [sum(answers[1:], answers[0]) for answers in zip(*both, strict=True)]
        print(row("all", *joined, pictures.classes), flush=True)


if __name__ == "__main__":
    main()
