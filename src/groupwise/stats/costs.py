"""Answers of the least expected cost, and what answers cost (Elkan 2001, IJCAI 17:973)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.estimate import Estimate
from groupwise.stats.fold import Fold
from groupwise.stats.intervals import fraction


def cheapest_answers(probs: Floats, costs: Floats) -> Ints:
    """The class with the least expected cost of each image, (N,), the more probable one of equals.

    `probs` are (N, K), `costs` (K, K) with true classes in rows and answers in columns.
    """
    expected = probs @ costs
    least = expected <= expected.min(axis=1, keepdims=True)
    return np.asarray(np.where(least, probs, -1.0).argmax(axis=1), dtype=np.int64)


def mean_cost(fold: Fold, answers: Ints, costs: Floats) -> Estimate:
    """What an image costs on average where `answers` (N,) are given, with its interval over sources."""
    each, most = costs[fold.labels, answers], float(costs.max())
    # As a share of the most that an image can cost, it has the limits of one.
    spare = fraction(fold.per_source(each / most), fold.per_source(np.ones(fold.n)), "")
    value, low, high = (
        None if limit is None else most * limit for limit in (spare.value, spare.low, spare.high)
    )
    return replace(spare, value=value, low=low, high=high)
