"""Means over overlapping folds (Nadeau-Bengio) and over several training protocols (two-way clusters)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.wilson import Support, student_t

COVERS = (
    "other sources like these, and other seeds of split and training; not that all models learnt from the"
    " same images"
)
METHOD = "corrected resampled t (Nadeau and Bengio 2003)"
ALIKE = "all folds scored alike, so their spread says nothing"


@dataclass(frozen=True, eq=False)
class Scores:
    """Every test answer of one protocol: its seed, its source and its score (1 if right), (A,) each."""

    seeds: Ints
    sources: Ints
    scores: Floats

    @property
    def mean(self) -> float:
        """The mean score of an answer."""
        return float(self.scores.mean())

    def by_seed(self) -> list[float]:
        """The mean score of each seed, in ascending order of seeds."""
        return [float(self.scores[self.seeds == seed].mean()) for seed in np.unique(self.seeds)]


@dataclass(frozen=True)
class Gap:
    """What a second protocol scores above a first; the 95 % limits are None for one seed or one source."""

    value: float
    low: float | None
    high: float | None


def gap(first: Scores, second: Scores) -> Gap:
    """Mean score of `second` less that of `first`, paired over the seeds and sources that both have."""
    value = second.mean - first.mean
    if len(np.unique(first.seeds)) < 2 or len(np.unique(first.sources)) < 2:
        return Gap(value, None, None)
    influence = np.r_[-_influence(first), _influence(second)]
    seeds = np.r_[first.seeds, second.seeds]
    sources = np.r_[first.sources, second.sources]
    cells = np.unique(np.column_stack([sources, seeds]), axis=0, return_inverse=True)[1].ravel()
    by_source, by_seed, by_cell = (_clustered(influence, key) for key in (sources, seeds, cells))
    variance = max(by_source + by_seed - by_cell, by_source, by_seed)
    if variance == 0:  # every answer alike
        return Gap(value, value, value)
    seed_df = len(np.unique(seeds)) - 1
    source_df = Support.of(np.unique(sources, return_counts=True)[1].astype(np.float64)).df
    # Satterthwaite (1946), for a variance of two parts; simulated, it covers 94 to 98 %.
    df = variance**2 / (by_source**2 / source_df + by_seed**2 / seed_df)
    reach = student_t(max(df, min(seed_df, source_df))) * variance**0.5
    return Gap(value, max(value - reach, -1.0), min(value + reach, 1.0))


def _influence(answers: Scores) -> Floats:
    """How far each answer moves the mean, (A,)."""
    return (answers.scores - answers.mean) / len(answers.scores)


def _clustered(influence: Floats, key: Ints) -> float:
    """The variance of the summed influence when what shares a `key` is drawn together."""
    _, number = np.unique(key, return_inverse=True)
    sums = np.bincount(number, influence)
    return float(len(sums) / max(len(sums) - 1, 1) * (sums**2).sum())


@dataclass(frozen=True)
class FoldMean:
    """Mean and standard deviation of the scores of `folds` fold models, with 95 % limits for the mean.

    `df` are the degrees of freedom of Student's t. Limits are None where `reason` says why.
    """

    mean: float
    sd: float
    folds: int
    df: int
    low: float | None = None
    high: float | None = None
    method: str = METHOD
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """All fields, but `reason` only where there is one."""
        return {name: value for name, value in asdict(self).items() if name != "reason" or value}


def nadeau_bengio_mean(scores: Sequence[float], test_to_train: float, *, most: float = math.inf) -> FoldMean:
    """The mean of fold scores, and how far it may lie from what the recipe reaches on average.

    `test_to_train` is the number of images tested in a fold over the number its model was made from: with K
    folds 1 / (K - 1). Limits are kept within 0 and `most`. Raises ValueError for a single score.
    """
    if len(scores) < 2:
        raise ValueError("a single fold has no spread")
    values = np.asarray(scores, dtype=np.float64)
    mean, sd, df = float(values.mean()), float(values.std(ddof=1)), len(values) - 1
    if sd < 1e-12:
        return FoldMean(mean, 0.0, len(values), df, reason=ALIKE)
    reach = student_t(df) * sd * math.sqrt(1 / len(values) + test_to_train)
    return FoldMean(mean, sd, len(values), df, max(mean - reach, 0.0), min(mean + reach, most))
