"""The rule by which an image is given labels, apart from how it is chosen, so that a reader spares scipy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from groupwise.stats.arrays import Floats, Mask

Members = Mask


@dataclass(frozen=True)
class LabelRule:
    """From which probability an image is given a label, and from which it may have it.

    `thresholds` are one a class. All labels from `threshold` on are a set that misses at most `alpha` of the
    true ones on average; where `sources` are too few for that, it is None and `reason` says so.
    """

    thresholds: tuple[float, ...]
    alpha: float
    sources: int = 0
    threshold: float | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "thresholds", tuple(self.thresholds))  # a list in JSON

    def given(self, probs: Floats) -> Members:
        """Which labels each image is given, (N, K)."""
        return np.asarray(probs >= np.array(self.thresholds))

    def possible(self, probs: Floats) -> Members:
        """Which labels each image may have, (N, K); only for a rule that has that threshold."""
        assert self.threshold is not None
        return np.asarray(probs >= self.threshold)

    def answers(self, probs: Floats) -> LabelAnswers:
        """What is said of images by their probabilities (N, K)."""
        possible = None if self.threshold is None else self.possible(probs)
        return LabelAnswers(
            self.given(probs), possible, self.thresholds, self.alpha, self.threshold, self.reason
        )


@dataclass(frozen=True, eq=False)
class LabelAnswers:
    """The labels that images were given and may have, (N, K), and by which thresholds.

    `possible` and `threshold` are None where nothing was promised, and `reason` says why. Of several models
    that answered different images, thresholds are the mean of theirs.
    """

    given: Members
    possible: Members | None
    thresholds: tuple[float, ...]
    alpha: float
    threshold: float | None = None
    reason: str | None = None


def mean_rule(rules: Sequence[LabelRule], reason: str) -> LabelRule:
    """The rule for the mean of the probabilities of several models, each with a rule of its own.

    The mean is at least the mean threshold where the models are sure enough on average. It promises nothing,
    for `reason`: no image is left that none of them has learnt from.
    """
    thresholds = np.mean([rule.thresholds for rule in rules], axis=0)
    return LabelRule(thresholds.tolist(), rules[0].alpha, reason=reason)
