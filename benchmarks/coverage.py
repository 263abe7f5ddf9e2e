"""Measures how often the 95 % intervals hold the truth, on simulated folds whose truth is known.

    python benchmarks/coverage.py            prints the tables
    python benchmarks/coverage.py --write    puts them into docs/intervals.md as well

A fold has two classes; a source holds copies of one photograph, so one class, or (rows "both") as many images
of each. An image's score is normal, its mean the distance between the classes that gives the stated accuracy,
and `correlation` is the share of its variance that all images of a source have in common. Sources of unequal
size are log-normal with a coefficient of variation of 0.53.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import special

from groupwise.stats.arrays import Floats
from groupwise.stats.calibration import bin_confidences
from groupwise.stats.estimate import Estimate
from groupwise.stats.fold import Fold, Ranking, brier_losses, log_losses
from groupwise.stats.intervals import fraction
from groupwise.stats.resampled import Resampled
from groupwise.stats.wilson import clustered_variance, wilson_interval
from marked import write_between

SEED = 20
SOURCES = (10, 20, 25, 50, 200)
ACCURACIES = (0.7, 0.9, 0.98)
CORRELATIONS = (0.0, 0.5, 0.9, 1.0)
COPIES = 14
# Networks are overconfident, so the simulated one is: its logits are too large by this factor.
SHARPNESS = 1.5
ACCURACY_REPEATS = 4000
# Of folds, for the figures that are bootstrapped; fewer of the largest ones.
REPEATS, REPEATS_OF_LARGE = 500, 300
DRAWS = 250
POPULATION = 400_000

PAGE = Path(__file__).parents[1] / "docs" / "intervals.md"


@dataclass(frozen=True)
class Design:
    """How the sources of a simulated fold are laid out."""

    sources: int
    copies: int
    correlation: float
    equal: bool = True
    both_classes: bool = False

    @property
    def label(self) -> str:
        """The cells of a table's row that say which design it is."""
        sizes = str(self.copies) if self.copies == 1 or self.equal else f"{self.copies}, unequal"
        correlation = "" if self.copies == 1 else f"{self.correlation:g}"
        return f"{self.sources} | {sizes}{', both' if self.both_classes else ''} | {correlation}"


def draw_fold(design: Design, accuracy: float, rng: np.random.Generator) -> Fold:
    """One fold of `design` from a population in which the model's accuracy is `accuracy`."""
    sizes = np.full(design.sources, design.copies)
    if not design.equal:
        sizes = np.maximum(
            1, rng.lognormal(np.log(design.copies) - 0.125, 0.5, design.sources).round().astype(int)
        )
    sources = np.repeat(np.arange(design.sources), sizes)
    labels = (np.arange(len(sources)) if design.both_classes else sources) % 2
    # How far an image lies on the right side of the boundary; below 0 it is classified wrongly.
    common, own = rng.standard_normal(design.sources)[sources], rng.standard_normal(len(sources))
    margin = (
        special.ndtri(accuracy) + np.sqrt(design.correlation) * common + np.sqrt(1 - design.correlation) * own
    )
    logit = 2 * special.ndtri(accuracy) * SHARPNESS * margin * (2 * labels - 1)
    positive = special.expit(logit)
    return Fold(labels, np.column_stack([1 - positive, positive]), sources)


class Population:
    """The truths that a fold of a given accuracy estimates, from a fold too large to err much."""

    def __init__(self, accuracy: float) -> None:
        fold = draw_fold(Design(POPULATION, 1, 0.0), accuracy, np.random.default_rng(SEED))
        self.truths = {
            "auroc": float(special.ndtr(np.sqrt(2) * special.ndtri(accuracy))),
            "average_precision": float(Ranking.of(fold, 1).weigh(np.ones((1, fold.n_sources)))[1][0]),
            "macro_f1": accuracy,
            "balanced_accuracy": accuracy,
            "log_loss": float(log_losses(fold).mean()),
            "brier": float(brier_losses(fold).mean()),
        }
        confidence = fold.probs.max(axis=1)
        order = confidence.argsort()
        self.confidence = confidence[order]
        self.residuals = np.r_[0, np.cumsum(((fold.predicted == fold.labels) - confidence)[order])]

    def calibration_error(self, edges: Floats) -> float:
        """The error in the bins that a fold chose by itself."""
        cuts = np.r_[0, np.searchsorted(self.confidence, edges, side="right"), POPULATION]
        images, residuals = np.diff(cuts), np.diff(self.residuals[cuts])
        return float(np.sqrt((residuals**2 / np.maximum(images, 1)).sum() / POPULATION))


def accuracy_designs() -> Iterator[Design]:
    for sources in SOURCES:
        yield Design(sources, 1, 0.0)
        for equal in (True, False):
            yield from (Design(sources, COPIES, correlation, equal) for correlation in CORRELATIONS)


def bootstrap_designs() -> Iterator[Design]:
    for sources in SOURCES:
        yield Design(sources, 1, 0.0)
        yield from (Design(sources, COPIES, correlation, equal=False) for correlation in CORRELATIONS)
        yield Design(sources, COPIES, 0.5, both_classes=True)


def cover_accuracy(design: Design, accuracy: float, rng: np.random.Generator) -> Floats:
    """Share of folds whose interval holds the accuracy, for the methods of COUNTED."""
    held = np.zeros(len(COUNTED))
    for _ in range(ACCURACY_REPEATS):
        fold = draw_fold(design, accuracy, rng)
        right = fold.per_source((fold.predicted == fold.labels).astype(np.float64))
        images = fold.per_source(np.ones(fold.n))
        ours, value = fraction(right, images, ""), float(right.sum() / fold.n)
        plain = wilson_interval(value, plain_effective_n(right, images), design.sources - 1)
        naive = wilson_interval(value, fold.n, np.inf)
        held += [_holds(ours, accuracy), plain[0] <= accuracy <= plain[1], naive[0] <= accuracy <= naive[1]]
    return held / ACCURACY_REPEATS


def plain_effective_n(hits: Floats, images: Floats) -> float:
    """Images over the observed design effect, at least 1, however few errors it was observed on."""
    value = hits.sum() / images.sum()
    if value in (0.0, 1.0):
        return len(images)
    coins = value * (1 - value) / images.sum()
    return float(images.sum() / max(1.0, clustered_variance(hits, images) / coins))


COUNTED = ("accuracy", "accuracy, observed design effect alone", "accuracy, Wilson on images")
# Keys of `metrics.json` and their names in the table; plain percentiles are shown for the first two as well.
NAMES = {
    "auroc": "AUROC",
    "macro_f1": "macro F1",
    "balanced_accuracy": "balanced accuracy",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "brier": "Brier",
    "ece": "ECE",
}
PERCENTILES = ("auroc", "macro_f1")


def cover_bootstrap(
    design: Design, population: Population, accuracy: float, rng: np.random.Generator
) -> Floats:
    """Share of folds whose interval holds the truth, for NAMES and then plain percentiles for PERCENTILES."""
    repeats = REPEATS_OF_LARGE if design.sources == max(SOURCES) and design.copies > 1 else REPEATS
    held = np.zeros(len(NAMES) + len(PERCENTILES))
    for _ in range(repeats):
        fold = draw_fold(design, accuracy, rng)
        resampled = Resampled.of(fold, ("no", "yes"), DRAWS, int(rng.integers(1 << 31)))
        figures = _figures(resampled)
        truths = population.truths | {"ece": population.calibration_error(bin_confidences(fold).edges)}
        held += [_holds(figures[name], truths[name]) for name in NAMES] + [
            _percentiles_hold(resampled, name, truths[name]) for name in PERCENTILES
        ]
    return held / repeats


def _figures(resampled: Resampled) -> dict[str, Estimate]:
    fold = resampled.fold
    right = fold.per_source((fold.predicted == fold.labels).astype(np.float64))
    accuracy = fraction(right, fold.per_source(np.ones(fold.n)), "")
    return {
        "auroc": resampled.ranking("auroc"),
        "macro_f1": resampled.over_classes("macro_f1"),
        "balanced_accuracy": resampled.over_classes("balanced_accuracy"),
        "average_precision": resampled.ranking("average_precision"),
        "log_loss": resampled.log_loss(accuracy),
        "brier": resampled.brier(),
        "ece": resampled.calibration_error(accuracy),
    }


def _holds(figure: Estimate, truth: float) -> bool:
    assert figure.low is not None
    assert figure.high is not None
    return figure.low <= truth <= figure.high


def _percentiles_hold(resampled: Resampled, name: str, truth: float) -> bool:
    assert resampled.draws is not None
    draws = resampled.draws[name]
    low, high = np.quantile(draws[:, 1] if draws.ndim == 2 else draws, [0.025, 0.975])
    return bool(low <= truth <= high)


@dataclass(frozen=True)
class Row:
    """One design and accuracy, and the share of folds (C,) whose interval held the truth."""

    design: Design
    accuracy: float
    coverage: Floats


def accuracy_rows() -> list[Row]:
    rng = np.random.default_rng(SEED)
    return [
        Row(design, accuracy, cover_accuracy(design, accuracy, rng))
        for design in accuracy_designs()
        for accuracy in ACCURACIES
    ]


def bootstrap_rows() -> list[Row]:
    rng = np.random.default_rng(SEED)
    populations = {accuracy: Population(accuracy) for accuracy in ACCURACIES}
    return [
        Row(design, accuracy, cover_bootstrap(design, populations[accuracy], accuracy, rng))
        for design in bootstrap_designs()
        for accuracy in ACCURACIES
    ]


def summary(names: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """A table of one line a method: the lowest coverage, and how many cells lie where they should."""
    few = np.array([row.design.sources < 20 for row in rows])
    coverage = 100 * np.array([row.coverage for row in rows])
    lines = [
        "| interval | lowest, 10 sources | lowest, 20 or more | median | in 93 to 97 | above 97 |",
        "|---|---|---|---|---|---|",
    ]
    for name, cells in zip(names, coverage.T, strict=True):
        lowest = f"{cells[few].min():.1f} | {cells[~few].min():.1f} | {np.median(cells):.1f}"
        within, above = 100 * ((cells >= 93) & (cells <= 97)).mean(), 100 * (cells > 97).mean()
        lines.append(f"| {name} | {lowest} | {within:.0f} % | {above:.0f} % |")
    return lines


def table(names: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """A table of one line a design and accuracy, in per cent."""
    lines = [
        f"| sources | images a source | correlation | accuracy | {' | '.join(names)} |",
        "|" + "---|" * (4 + len(names)),
    ]
    for row in rows:
        cells = " | ".join(f"{100 * cell:.1f}" for cell in row.coverage)
        lines.append(f"| {row.design.label} | {100 * row.accuracy:.0f} % | {cells} |")
    return lines


def report() -> str:
    """Both simulations as Markdown."""
    accuracy, bootstrap = accuracy_rows(), bootstrap_rows()
    resampled = (*NAMES.values(), *(f"{NAMES[name]}, percentiles" for name in PERCENTILES))
    folds = f"{REPEATS} folds a cell, {REPEATS_OF_LARGE} of the largest, {DRAWS} draws a fold"
    return "\n".join(
        [
            *summary(COUNTED, accuracy),
            *summary(resampled, bootstrap)[2:],
            "",
            f"Accuracy; {ACCURACY_REPEATS} folds a cell, standard error {_standard_error(ACCURACY_REPEATS)}:",
            "",
            *table(COUNTED, accuracy),
            "",
            f"Bootstrapped figures; {folds}, standard error {_standard_error(REPEATS)}:",
            "",
            *table(resampled, bootstrap),
        ]
    )


def _standard_error(folds: int) -> str:
    return f"{100 * np.sqrt(0.95 * 0.05 / folds):.1f} points at 95 %"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="put the tables into docs/intervals.md")
    arguments = parser.parse_args()
    started = time.perf_counter()
    text = report()
    print(text)
    print(f"\n{time.perf_counter() - started:.0f} s")
    if arguments.write:
        write_between(PAGE, "coverage", text)


if __name__ == "__main__":
    main()
