"""Turns a wanted sensitivity for one class into the probability from which an image is called that class."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from groupwise.evaluation.quantile import Floats, Ints, just_below, source_quantile


@dataclass(frozen=True)
class OperatingPoint:
    """The rule of one class: an image is called `positive_class` if its probability is `threshold` or more.

    A random image of the class, of a new source, is called so with probability `promised_sensitivity` at
    least. That is the target where the class has sources enough, and otherwise what its `groups` can promise.
    `prevalence` is the share of the class where the network will be used, if it was stated. Without a source
    of the class `threshold` is None, and `reason` says so.
    """

    positive_class: str
    target_sensitivity: float
    prevalence: float | None = None
    promised_sensitivity: float | None = None
    groups: int = 0
    threshold: float | None = None
    reason: str | None = None

    def decide(self, probs: Floats, positive: int) -> Ints:
        """The class number of each image, (N,): `positive`, or else the most probable of the others."""
        if self.threshold is None:
            return np.asarray(probs.argmax(axis=1), dtype=np.int64)
        others = probs.copy()
        others[:, positive] = -1.0
        return np.where(probs[:, positive] >= self.threshold, positive, others.argmax(axis=1))


def fit_operating_point(
    wanted: OperatingPoint, probs: Floats, labels: Ints, sources: Ints, positive: int
) -> OperatingPoint:
    """Decide by probabilities (N, K), class numbers (N,) and sources (N,) that the network did not learn."""
    members = labels == positive
    groups = len(np.unique(sources[members]))
    if groups == 0:
        return replace(wanted, reason=f"no image of {wanted.positive_class} to decide by")
    promised = min(wanted.target_sensitivity, groups / (groups + 1))
    threshold = -source_quantile(-probs[members, positive], sources[members], 1 - promised)
    return replace(wanted, promised_sensitivity=promised, groups=groups, threshold=just_below(threshold))
