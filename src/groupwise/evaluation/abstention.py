"""Turns class probabilities into a choice between answering and leaving the image to a person.

The confidence above which answers are given keeps wrong answers at or below a stated share of all images:
conformal risk control (Angelopoulos, Bates, Fisch, Lei and Schuster 2022, arXiv 2208.02814), whose loss here
is "answered, and wrong". Chow 1970 (IEEE Trans. Inf. Theory 16:41) showed that confidence is what to cut by.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from groupwise.evaluation.quantile import Floats, Ints, just_above, source_quantile, too_few


@dataclass(frozen=True)
class Abstention:
    """The rule of answering: only where the highest probability is above `threshold`.

    A random image of a new source is answered, and wrongly, with probability `error_rate` at most. `groups`
    is the number of sources it was decided by; where they are too few, `threshold` is None, every image is
    answered, and `reason` says so.
    """

    error_rate: float
    groups: int = 0
    threshold: float | None = None
    reason: str | None = None

    def abstains(self, probs: Floats) -> npt.NDArray[np.bool_]:
        """Whether each of the images with probabilities (N, K) is left to a person, (N,)."""
        if self.threshold is None:
            return np.zeros(len(probs), dtype=bool)
        return np.asarray(probs.max(axis=1) <= self.threshold)


def fit_abstention(probs: Floats, labels: Ints, sources: Ints, error_rate: float) -> Abstention:
    """Decide by probabilities (N, K), class numbers (N,) and sources (N,) that the network did not learn."""
    groups = len(np.unique(sources))
    if reason := too_few(groups, error_rate):
        return Abstention(error_rate, groups, reason=reason)
    wrong = probs.argmax(axis=1) != labels
    # Risk control in one line: the share of images that are wrong and above the line is the share whose
    # confidence, taken as 0 where they are right, is above it.
    confidence = np.where(wrong, probs.max(axis=1), 0.0)
    return Abstention(
        error_rate, groups, threshold=just_above(source_quantile(confidence, sources, error_rate))
    )
