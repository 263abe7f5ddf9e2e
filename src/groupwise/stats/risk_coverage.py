"""The risk-coverage curve: how often answers are wrong when only the surest are given.

El-Yaniv and Wiener 2010 (JMLR 11:1605); the area under the curve after Geifman and El-Yaniv 2017 (NeurIPS).
`metrics.json` has for each fold, under `risk_coverage`:

    {"area": FIGURE, "accuracy_at": {"0.8": FIGURE + {"coverage", "threshold"}, "0.9": ..., "0.95": ...},
     "points": [FIGURE + {"coverage", "threshold"}, ...]}

`accuracy_at` is the accuracy among the images whose confidence is `threshold` or more: the surest 80 % of
this fold, or some more where confidences are equal. The value of a point is the risk, the share in error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from groupwise.stats.arrays import Floats, Ints, Mask
from groupwise.stats.fold import Fold
from groupwise.stats.intervals import share_of_images

COVERAGES = (0.8, 0.9, 0.95)
POINTS = 50


@dataclass(frozen=True, eq=False)
class Risks:
    """Images from the surest to the least sure, to weigh them again and again.

    Their sources (N,), whether they are wrong (N,), and the place of the last that is as sure as each, (N,).
    """

    sources: Ints
    wrong: Floats
    last: Ints

    @classmethod
    def of(cls, fold: Fold) -> Risks:
        """Rank the images of `fold`; O(N log N)."""
        order = np.argsort(-fold.confidence, kind="stable")
        confidence = -fold.confidence[order]
        last = np.searchsorted(confidence, confidence, side="right") - 1
        return cls(fold.sources[order], (~fold.right[order]).astype(np.float64), last)

    def area(self, weights: Floats) -> Floats:
        """Area under the curve for each row of `weights` (D, G), (D,).

        It is the mean over images of the risk among all that are at least as sure, so that the order of equal
        confidences does not matter.
        """
        weight = np.take(weights, self.sources, axis=1)  # (D, N)
        answered = np.take(np.cumsum(weight, axis=1), self.last, axis=1)
        wrong = np.take(np.cumsum(weight * self.wrong, axis=1), self.last, axis=1)
        risk = np.divide(wrong, answered, out=np.zeros_like(wrong), where=answered > 0)
        return np.asarray((weight * risk).sum(axis=1) / weight.sum(axis=1))


def risk_coverage(fold: Fold) -> dict[str, Any]:
    """The accuracies and points that `metrics.json` holds."""
    surest = {str(share): _threshold(fold, share) for share in COVERAGES}
    curve = dict.fromkeys(_threshold(fold, (i + 1) / POINTS) for i in range(POINTS))
    return {
        "accuracy_at": {share: _answered(fold, fold.right, threshold) for share, threshold in surest.items()},
        "points": [_answered(fold, ~fold.right, threshold) for threshold in curve],
    }


def _threshold(fold: Fold, coverage: float) -> float:
    """The highest confidence that at least this share of the images reaches."""
    return float(np.quantile(-fold.confidence, coverage, method="inverted_cdf") * -1)


def _answered(fold: Fold, hits: Mask, threshold: float) -> dict[str, Any]:
    among = fold.confidence >= threshold
    figure = share_of_images(fold, hits, among).as_json()
    return figure | {"coverage": float(among.mean()), "threshold": threshold}
