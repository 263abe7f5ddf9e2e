"""Turns class probabilities into sets of classes that miss the true one at a stated rate.

Split conformal prediction (Vovk, Gammerman and Shafer 2005; Angelopoulos and Bates 2021, arXiv 2107.07511)
with the sets of least ambiguity, "LAC" (Sadinle, Lei and Wasserman 2019, JASA 114:223): all classes whose
probability reaches one threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from groupwise.evaluation.quantile import Floats, Ints, just_below, source_quantile, too_few


@dataclass(frozen=True)
class Conformal:
    """The rule of the sets: a class belongs to one if its probability is `threshold` or more.

    The set of a random image of a new source misses its class with probability `alpha` at most. `groups` is
    the number of sources it was decided by; where they are too few, `threshold` is None and `reason` says so.
    """

    alpha: float
    groups: int = 0
    threshold: float | None = None
    reason: str | None = None

    def sets(self, probs: Floats) -> npt.NDArray[np.bool_]:
        """Which classes belong to the set of each image, (N, K); the most probable one always does.

        So no set is empty, which can only lower the rate of misses. Only for a rule that has a threshold.
        """
        assert self.threshold is not None
        first = np.arange(probs.shape[1]) == probs.argmax(axis=1)[:, None]
        return np.asarray((probs >= self.threshold) | first)


def fit_conformal(probs: Floats, labels: Ints, sources: Ints, alpha: float) -> Conformal:
    """Decide by probabilities (N, K), class numbers (N,) and sources (N,) that the network did not learn."""
    groups = len(np.unique(sources))
    if reason := too_few(groups, alpha):
        return Conformal(alpha, groups, reason=reason)
    true = probs[np.arange(len(labels)), labels]
    return Conformal(alpha, groups, threshold=just_below(-source_quantile(-true, sources, alpha)))
