"""Weighted kappa for classes that are ordered, where an answer that is far off counts for more.

Cohen (1968, Psychological Bulletin 70:213). `metrics.json` has, where an order was given, with a FIGURE as
everywhere:

    "kappa": {"ordered": [class], "linear": FIGURE, "quadratic": FIGURE}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from groupwise.stats.arrays import Floats
from groupwise.stats.bootstrap import source_weights
from groupwise.stats.estimate import Estimate
from groupwise.stats.fold import Fold, class_counts
from groupwise.stats.intervals import ONE_SOURCE, resampled_agreement, whole_support

POWERS = {"linear": 1, "quadratic": 2}
DRAWS = 2000


def weighted_kappa(fold: Fold, ranks: Floats, weights: Floats, power: int) -> Floats:
    """1 less the disagreement seen over that of answers which know nothing, (D,); NaN where that is 0.

    `ranks` (K,) are the places of the classes; an answer that is d places off counts d ** power.
    """
    off = np.abs(ranks[fold.labels] - ranks[fold.predicted]) ** power
    distance = np.abs(ranks[:, None] - ranks) ** power
    counts = class_counts(fold, weights)
    images = counts.labelled.sum(axis=1)
    expected = ((counts.labelled @ distance) * counts.predicted).sum(axis=1) / images
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(1 - weights @ fold.per_source(off) / expected)


def kappas(fold: Fold, classes: Sequence[str], ordered: Sequence[str], *, seed: int) -> dict[str, Any]:
    """The entry of `metrics.json`; `ordered` from the lowest to the highest, {} without an order."""
    if not ordered:
        return {}
    ranks = np.array([ordered.index(name) for name in classes], dtype=np.float64)
    told = {name: _kappa(fold, ranks, power, seed).as_json() for name, power in POWERS.items()}
    return {"kappa": {"ordered": list(ordered), **told}}


def _kappa(fold: Fold, ranks: Floats, power: int, seed: int) -> Estimate:
    value = float(weighted_kappa(fold, ranks, np.ones((1, fold.n_sources)), power)[0])
    if np.isnan(value):
        reason = "all labels and answers are of one class"
        return Estimate(None, fold.n, fold.n_sources, reason=reason)
    figure = Estimate(value, fold.n, fold.n_sources)
    if fold.n_sources < 2:
        return Estimate(value, fold.n, fold.n_sources, reason=ONE_SOURCE)
    chunks = source_weights(fold, DRAWS, seed)
    draws = np.concatenate([weighted_kappa(fold, ranks, weights, power) for weights in chunks])
    support = whole_support(fold)
    return resampled_agreement(figure, draws, support, support.df)
