"""The rule by which an image is given labels, apart from how it is chosen, so that a reader spares scipy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Members = npt.NDArray[np.bool_]


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
