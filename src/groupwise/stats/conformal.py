"""Conformal sets of classes, abstention and operating points, each with a stated rate of error.

Split conformal prediction (Vovk, Gammerman and Shafer 2005; Angelopoulos and Bates 2021, arXiv 2107.07511)
with the sets of least ambiguity, "LAC" (Sadinle, Lei and Wasserman 2019, JASA 114:223): all classes whose
probability reaches one threshold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from groupwise.stats.arrays import Floats, Ints, Mask
from groupwise.text import count

# Sums of 1 / (G + 1) miss a round share by some units in the last place.
ROUNDING = 1e-9
# A line is the score of an image of the fold, and the same network computed elsewhere scores that image a
# little otherwise. So lines keep a distance to their image: in the logarithm of the odds, which logits that
# are 1e-4 apart (as far as an export may be) move by 2e-4 / T, 4e-3 for the lowest temperature there is;
# and for scores that are no probabilities.
ODDS_MARGIN, SCORE_MARGIN = 5e-3, 1e-3


@dataclass(frozen=True)
class Conformal:
    """The rule of the sets: a class belongs to one if its probability is `threshold` or more.

    The set of a random image of a new source misses its class with probability `alpha` at most. `sources` is
    the number of sources it was decided by; where they are too few, `threshold` is None and `reason` says so.
    """

    alpha: float
    sources: int = 0
    threshold: float | None = None
    reason: str | None = None

    def sets(self, probs: Floats) -> Mask:
        """Which classes belong to the set of each image, (N, K); the most probable one always does.

        So no set is empty, which can only lower the rate of misses. Only for a rule that has a threshold.
        """
        assert self.threshold is not None
        first = np.arange(probs.shape[1]) == probs.argmax(axis=1)[:, None]
        return np.asarray((probs >= self.threshold) | first)


def fit_conformal(probs: Floats, labels: Ints, sources: Ints, alpha: float) -> Conformal:
    """Decide by probabilities (N, K), class numbers (N,) and sources (N,) that the network did not learn."""
    n_sources = len(np.unique(sources))
    if reason := too_few(n_sources, alpha):
        return Conformal(alpha, n_sources, reason=reason)
    true = probs[np.arange(len(labels)), labels]
    return Conformal(alpha, n_sources, threshold=just_below(-source_quantile(-true, sources, alpha)))


def source_quantile(scores: Floats, sources: Ints, rate: float) -> float:
    """The lowest score that a random image of a new source exceeds with probability `rate` at most.

    `scores` and `sources` are (N,). Infinite where there are fewer than `sources_needed(rate)` sources.
    """
    _, number, sizes = np.unique(sources, return_inverse=True, return_counts=True)
    order = np.argsort(scores, kind="stable")
    mass = np.cumsum(1 / ((len(sizes) + 1) * sizes[number[order]]))
    within = np.flatnonzero(mass >= 1 - rate - ROUNDING)
    return float(scores[order[within[0]]]) if len(within) else math.inf


def just_below(prob: float) -> float:
    """A line that an image of this probability reaches wherever it is computed."""
    return min(_move_odds(prob, -ODDS_MARGIN), float(np.nextafter(prob, 0)))


def just_above(prob: float) -> float:
    """A line that an image of this probability does not pass wherever it is computed; 0 stays, as of none."""
    return max(_move_odds(prob, ODDS_MARGIN), float(np.nextafter(prob, 1))) if prob > 0 else 0.0


def _move_odds(prob: float, by: float) -> float:
    favourable = prob * math.exp(by)
    return favourable / (1 - prob + favourable)


def sources_needed(rate: float) -> int:
    """The fewest sources that can promise `rate`: with G of them it is 1 / (G + 1) at best."""
    return math.ceil(1 / rate - 1 - ROUNDING)


def too_few(n_sources: int, rate: float) -> str | None:
    """Why `rate` cannot be promised from so many sources; None where it can."""
    needed = sources_needed(rate)
    if n_sources >= needed:
        return None
    have = count(n_sources, "source")
    return f"{have} to decide by, and a promise of {100 * rate:g} % needs at least {needed}"


@dataclass(frozen=True)
class Abstention:
    """The rule of answering: only where the highest probability is above `threshold`.

    A random image of a new source is answered, and wrongly, with probability `error_rate` at most. `sources`
    is the number of sources it was decided by; where they are too few, `threshold` is None, every image is
    answered, and `reason` says so.
    """

    error_rate: float
    sources: int = 0
    threshold: float | None = None
    reason: str | None = None

    def abstains(self, probs: Floats) -> Mask:
        """Whether each of the images with probabilities (N, K) is left to a person, (N,)."""
        if self.threshold is None:
            return np.zeros(len(probs), dtype=bool)
        return np.asarray(probs.max(axis=1) <= self.threshold)


def fit_abstention(probs: Floats, labels: Ints, sources: Ints, error_rate: float) -> Abstention:
    """Decide by probabilities (N, K), class numbers (N,) and sources (N,) that the network did not learn."""
    n_sources = len(np.unique(sources))
    if reason := too_few(n_sources, error_rate):
        return Abstention(error_rate, n_sources, reason=reason)
    wrong = probs.argmax(axis=1) != labels
    # Risk control in one line: the share of images that are wrong and above the line is the share whose
    # confidence, taken as 0 where they are right, is above it.
    confidence = np.where(wrong, probs.max(axis=1), 0.0)
    return Abstention(
        error_rate, n_sources, threshold=just_above(source_quantile(confidence, sources, error_rate))
    )


@dataclass(frozen=True)
class OperatingPoint:
    """The rule of one class: an image is called `positive_class` if its probability is `threshold` or more.

    A random image of the class, of a new source, is called so with probability `promised_sensitivity` at
    least: the target where the class has sources enough, and otherwise what its `sources` can promise.
    `prevalence` is the share of the class where the network will be used, if it was stated. Without a source
    of the class `threshold` is None, and `reason` says so.
    """

    positive_class: str
    target_sensitivity: float
    prevalence: float | None = None
    promised_sensitivity: float | None = None
    sources: int = 0
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
    n_sources = len(np.unique(sources[members]))
    if n_sources == 0:
        return replace(wanted, reason=f"no image of {wanted.positive_class} to decide by")
    promised = min(wanted.target_sensitivity, n_sources / (n_sources + 1))
    threshold = -source_quantile(-probs[members, positive], sources[members], 1 - promised)
    return replace(wanted, promised_sensitivity=promised, sources=n_sources, threshold=just_below(threshold))
