"""Measures how often the intervals of a cross-validation hold the truth, where the truth can be computed.

    python benchmarks/crossval_coverage.py            prints the table
    python benchmarks/crossval_coverage.py --write    puts it into docs/crossval.md as well

A source is a photograph with copies: its class, and the share `correlation` of the noise, belong to it. The
learner is scikit-learn's ridge classifier on features of which 3 tell the two classes apart: models trained
on other sources differ, the more so the more features there are, and the accuracy of each is known exactly
from the normal distribution. Two truths are held against the intervals: what these K models reach on average,
and what the recipe reaches, averaged over all the data it could have been given.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn.linear_model import RidgeClassifier

from groupwise.data.stratify import assign_sources
from groupwise.stats.intervals import fraction
from groupwise.stats.repeated import nadeau_bengio_mean
from marked import write_between

SEED = 8
TELLING, DISTANCE = 3, 0.7
REPEATS, QUICK = 1000, 100
PAGE = Path(__file__).parents[1] / "docs" / "crossval.md"
INTERVALS, COLUMNS = ("pooled Wilson", "naive t", "Nadeau-Bengio"), ("models", "recipe", "width")


@dataclass(frozen=True)
class Design:
    """Sources with their copies, and how they are cross-validated."""

    sources: int
    copies: int
    correlation: float
    folds: int = 5
    repeats: int = 1
    features: int = 10

    @property
    def label(self) -> str:
        """The cells of a table's row that say which design it is."""
        data = f"{self.sources} | {self.copies} | {self.correlation:g} | {self.features}"
        return f"{data} | {self.folds} x {self.repeats}"


DESIGNS = (
    Design(40, 1, 0.0),
    Design(100, 1, 0.0),
    Design(400, 1, 0.0),
    Design(100, 1, 0.0, folds=10),
    Design(100, 1, 0.0, repeats=5),
    Design(40, 14, 0.9),
    Design(100, 14, 0.9),
    Design(100, 14, 0.9, repeats=5),
    Design(40, 1, 0.0, features=60),
    Design(100, 1, 0.0, features=100),
    Design(100, 1, 0.0, repeats=5, features=100),
)


def class_means(features: int) -> np.ndarray:
    """The mean of each class, (2, features)."""
    mean = np.zeros(features)
    mean[:TELLING] = DISTANCE
    return np.stack([-mean, mean])


def draw(design: Design, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (N, F), labels (N,) and sources (N,) of one sample."""
    source = np.repeat(np.arange(design.sources), design.copies)
    label = source % 2
    common = rng.standard_normal((design.sources, design.features))[source]
    own = rng.standard_normal((len(source), design.features))
    noise = np.sqrt(design.correlation) * common + np.sqrt(1 - design.correlation) * own
    return class_means(design.features)[label] + noise, label, source


def true_accuracy(model: RidgeClassifier) -> float:
    """How often the model is right on all images there could be."""
    weight, bias = np.ravel(model.coef_), np.ravel(model.intercept_)[0]
    margins = (class_means(len(weight)) @ weight + bias) * np.array([-1, 1]) / np.linalg.norm(weight)
    return float(stats.norm.cdf(margins).mean())


def cross_validate(design: Design, rng: np.random.Generator) -> dict[str, object]:
    """One study: the limits of each interval, and what its models reach in truth."""
    features, label, source = draw(design, rng)
    scores, truths, hits = [], [], np.zeros(len(label))
    for _ in range(design.repeats):
        # Sources are alike in size, so that the seed alone divides them anew.
        fold = assign_sources(label, source, [1.0] * design.folds, int(rng.integers(2**31)))
        for number in range(design.folds):
            test = fold == number
            model = RidgeClassifier().fit(features[~test], label[~test])
            right = model.predict(features[test]) == label[test]
            hits[test] += right / design.repeats
            scores.append(float(right.mean()))
            truths.append(true_accuracy(model))
    corrected = nadeau_bengio_mean(scores, 1 / (design.folds - 1), most=1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a standard error of 0, where all folds scored alike
        naive = stats.t.interval(0.95, len(scores) - 1, loc=np.mean(scores), scale=stats.sem(scores))
    pooled = fraction(np.bincount(source, weights=hits), np.bincount(source).astype(float), "")
    assert pooled.low is not None
    return {
        "pooled Wilson": (pooled.low, pooled.high),
        "naive t": naive,
        "Nadeau-Bengio": (corrected.low, corrected.high),
        "models": float(np.mean(truths)),
    }


def coverage_row(design: Design, repeats: int) -> str:
    """One row: for each interval its coverage of both truths, and its median width."""
    rng = np.random.default_rng(SEED)
    studies = [cross_validate(design, rng) for _ in range(repeats)]
    of_models = np.array([study["models"] for study in studies])
    of_recipe = of_models.mean()
    cells = []
    for name in INTERVALS:
        # Folds that scored alike have no corrected interval, which then covers nothing.
        low, high = np.array([study[name] for study in studies], dtype=float).T
        with np.errstate(invalid="ignore"):
            cells += [
                f"{np.mean((low <= of_models) & (of_models <= high)):.1%}",
                f"{np.mean((low <= of_recipe) & (of_recipe <= high)):.1%}",
                f"{100 * np.nanmedian(high - low):.1f}",
            ]
    return f"| {design.label} | {of_recipe:.1%} | {' | '.join(cells)} |"


def table(repeats: int) -> str:
    """The Markdown table."""
    heads = [f"{name}: {of}" for name in INTERVALS for of in COLUMNS]
    error = 100 * np.sqrt(0.95 * 0.05 / repeats)
    caption = (
        f"{repeats:,} studies a row; a coverage of 95 % is uncertain by {error:.1f} points (standard error)."
    )
    head = f"| sources | copies | correlation | features | K x R | accuracy | {' | '.join(heads)} |"
    rule = "|" + "---|" * (head.count("|") - 1)
    return "\n".join([caption, "", head, rule, *(coverage_row(design, repeats) for design in DESIGNS)])


def main() -> None:
    """Print the table, and with --write put it into the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=REPEATS, help="simulated studies a row")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} studies a row")
    parser.add_argument("--write", action="store_true", help="put the table into docs/crossval.md")
    arguments = parser.parse_args()
    text = table(QUICK if arguments.quick else arguments.repeats)
    print(text)
    if arguments.write:
        write_between(PAGE, "coverage", text)


if __name__ == "__main__":
    main()
