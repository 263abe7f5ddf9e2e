"""Turns the scores of cross-validation folds into an interval for their mean that knows the folds overlap.

Two models of one cross-validation share most of their training images, so their scores are correlated, and
the usual standard error of a mean is too small. Nadeau and Bengio (2003, Machine Learning 52:239) take the
share of images that are tested for the correlation, which turns the variance s^2 / J of a mean of J scores
into (1 / J + n_test / n_train) s^2. Bouckaert and Frank (2004, PAKDD) use it for repeated cross-validation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from groupwise.evaluation.wilson import student_t

METHOD = "corrected resampled t (Nadeau and Bengio 2003)"
ALIKE = "all folds scored alike, so their spread says nothing"


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


def corrected_mean(scores: Sequence[float], test_to_train: float, *, most: float = math.inf) -> FoldMean:
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
