"""ROC, precision-recall and decision curves with bands over sources, and how probabilities spread.

The four figures beside the calibration plot that a report of a prediction model shows (Van Calster et al.
2025, Lancet Digital Health). `metrics.json` has, where there is a class to rank:

    "curves": {"class" (null for a mean over classes), "of", "prevalence",
               "roc": [{"fpr", POINT}], "precision_recall": [{"recall", POINT}],
               "net_benefit": [{"threshold", "treat_all", POINT, "gain": POINT}] (null without a class),
               "probabilities": {"edges", "counts": {class: [images a bin]}}}

with a POINT as "value", "low" and "high". The subject is the class of the operating point, of two classes the
second, and otherwise the mean over all, each against the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.bootstrap import source_weights
from groupwise.stats.estimate import Estimate
from groupwise.stats.fold import Fold
from groupwise.stats.intervals import balanced_support, resampled_share, whole_support
from groupwise.stats.wilson import clustered_variance, student_t

# The spread of 200 draws is known to 5 %; more would show nothing at the width of a line.
DRAWS = 200
GRID = np.linspace(0, 1, 51)
# From one per cent on: at 0 everybody is treated, and at 1 nobody.
THRESHOLDS = np.round(np.arange(0.01, 1.0, 0.01), 2)
EDGES = np.linspace(0, 1, 21)


class RankedClass:
    """Images in descending order of one class's probability, in steps of equal ones.

    The curves are those of scikit-learn: straight lines between the steps of the ROC curve, and of precision
    the stairs whose area is the average precision.
    """

    def __init__(self, fold: Fold, k: int) -> None:
        order = np.argsort(-fold.probs[:, k], kind="stable")
        score = fold.probs[order, k]
        self.ends: Ints = np.append(np.flatnonzero(np.diff(score)), fold.n - 1)
        self.sources, self.is_k = fold.sources[order], fold.labels[order] == k

    def weigh(self, weights: Floats) -> tuple[Floats, Floats]:
        """Sensitivity at the false positive rates of GRID, and precision at its recalls but 0.

        For each row of `weights` (D, G), (D, 51) and (D, 50); NaN in a draw that lost one side.
        """
        image = np.take(weights, self.sources, axis=1)  # (D, N)
        hits = np.cumsum(image * self.is_k, axis=1)[:, self.ends]  # (D, T), one column a step
        alarms = np.cumsum(image * ~self.is_k, axis=1)[:, self.ends]
        with np.errstate(invalid="ignore", divide="ignore"):
            recall, fpr = hits / hits[:, -1:], alarms / alarms[:, -1:]
            precision = hits / (hits + alarms)
        start = np.zeros((len(weights), 1))
        roc = np.array(
            [np.interp(GRID, x, y) for x, y in zip(np.c_[start, fpr], np.c_[start, recall], strict=True)]
        )
        # Rounding must not push a recall that is reached beyond its place.
        step = np.array([np.searchsorted(row + 1e-12, GRID[1:]) for row in recall])
        reached = np.take_along_axis(precision, np.minimum(step, len(self.ends) - 1), axis=1)
        lost = ~(np.isfinite(recall[:, -1]) & np.isfinite(fpr[:, -1]))
        roc[lost], reached[lost] = np.nan, np.nan
        return roc, reached


def score_curves(fold: Fold, classes: Sequence[str], *, positive: str | None, seed: int) -> dict[str, Any]:
    """The entry of `metrics.json`; {} where no class has images on both sides."""
    ranked = [k for k, n in enumerate(fold.support) if 0 < n < fold.n]
    subject = classes.index(positive) if positive is not None else 1 if len(classes) == 2 else None
    if not ranked or (subject is not None and subject not in ranked):
        return {}
    chosen = ranked if subject is None else [subject]
    roc, precision = _bands(fold, chosen, seed)
    of = f"mean over {len(ranked)} of {len(classes)} classes, each against the rest"
    return {
        "curves": {
            "class": None if subject is None else classes[subject],
            "of": of if subject is None else f"{classes[subject]} against the rest",
            "prevalence": None if subject is None else float(fold.support[subject] / fold.n),
            "roc": [{"fpr": x, **point} for x, point in zip(GRID.tolist(), roc, strict=True)],
            "precision_recall": [
                {"recall": x, **point} for x, point in zip(GRID[1:].tolist(), precision, strict=True)
            ],
            "net_benefit": None if subject is None else net_benefit(fold, subject),
            "probabilities": _spread(fold, classes, subject),
        }
    }


def _bands(fold: Fold, ks: Sequence[int], seed: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Points of the ROC and the precision-recall curve, the mean over the classes `ks`."""
    rankings = [RankedClass(fold, k) for k in ks]

    def weigh(weights: Floats) -> list[Floats]:
        return [
            np.mean(curves, axis=0)
            for curves in zip(*(ranking.weigh(weights) for ranking in rankings), strict=True)
        ]

    plain = weigh(np.ones((1, fold.n_sources)))
    sides = [fold.per_source((fold.labels == k).astype(np.float64)) for k in ks]
    if len(ks) == 1:
        sides.append(fold.per_source((fold.labels != ks[0]).astype(np.float64)))
    if any((side > 0).sum() < 2 for side in sides):  # a source alone shows no variation
        return (
            [_point(value, None, None) for value in plain[0][0]],
            [_point(value, None, None) for value in plain[1][0]],
        )
    drawn = [
        np.concatenate(part) for part in zip(*map(weigh, source_weights(fold, DRAWS, seed)), strict=True)
    ]
    support, df = balanced_support(fold, sides)
    banded = []
    for values, draws in zip(plain, drawn, strict=True):
        figures = [
            resampled_share(Estimate(float(value)), draws[:, i], support, df)
            for i, value in enumerate(values[0])
        ]
        banded.append([_point(one.value, one.low, one.high) for one in figures])
    return banded[0], banded[1]


def net_benefit(fold: Fold, k: int) -> list[dict[str, Any]]:
    """Net benefit of treating the images whose probability of class `k` reaches a threshold.

    True positives less false ones at the odds of the threshold, an image (Vickers and Elkin 2006, Medical
    Decision Making 26:565). Treating none has 0, treating all is `treat_all`, and `gain` is what the network
    has over the better of the two, paired by image. Limits are linearised over sources, with Student's t.
    """
    is_k, images = fold.labels == k, fold.per_source(np.ones(fold.n))
    points = []
    for threshold in THRESHOLDS:
        odds = threshold / (1 - threshold)
        worth = np.where(is_k, 1.0, -odds)
        treated = worth * (fold.probs[:, k] >= threshold)
        treat_all = float(worth.mean())
        gained = treated - worth if treat_all > 0 else treated
        points.append(
            {
                "threshold": float(threshold),
                "treat_all": treat_all,
                **_mean(fold, treated, images),
                "gain": _mean(fold, gained, images),
            }
        )
    return points


def _mean(fold: Fold, values: Floats, images: Floats) -> dict[str, Any]:
    value, sums = float(values.mean()), fold.per_source(values)
    if fold.n_sources < 2:
        return _point(value, None, None)
    half = student_t(whole_support(fold).df) * float(np.sqrt(clustered_variance(sums, images)))
    return _point(value, value - half, value + half)


def _spread(fold: Fold, classes: Sequence[str], subject: int | None) -> dict[str, Any]:
    """Images of each class by the probability of the subject, or of their own class where it is a mean."""
    given = fold.probs[np.arange(fold.n), fold.labels] if subject is None else fold.probs[:, subject]
    counts = {
        name: np.histogram(given[fold.labels == k], EDGES)[0].tolist() for k, name in enumerate(classes)
    }
    return {"edges": np.round(EDGES, 2).tolist(), "counts": counts}


def _point(value: float | Floats | None, low: float | None, high: float | None) -> dict[str, Any]:
    return {"value": None if value is None else float(value), "low": low, "high": high}
