"""Turns scores of images that come in sources into a line that an image of a new source rarely passes.

Hierarchical conformal prediction: each source weighs the same, and one more source, the new one, counts as
beyond every line (Dunn, Wasserman and Ramdas 2018, arXiv 1809.07441; Lee, Barber and Willett 2023, arXiv
2306.06342). What holds without any assumption on network or images, if new sources come as these did.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Sums of 1 / (G + 1) miss a round share by some units in the last place.
ROUNDING = 1e-9

# A line is the score of an image of the fold, and the same network computed elsewhere scores that image a
# little otherwise. So lines keep a distance to their image: in the logarithm of the odds, which logits that
# are 1e-4 apart (as far as an export may be) move by 2e-4 / T, 4e-3 for the lowest temperature there is;
# and for scores that are no probabilities.
ODDS_MARGIN, SCORE_MARGIN = 5e-3, 1e-3


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


def too_few(groups: int, rate: float) -> str | None:
    """Why `rate` cannot be promised from so many sources; None where it can."""
    needed = sources_needed(rate)
    if groups >= needed:
        return None
    have = f"{groups} source{'s' * (groups != 1)}"
    return f"{have} to decide by, and a promise of {100 * rate:g} % needs at least {needed}"
