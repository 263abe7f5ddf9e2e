"""The score from which a pair is a copy, by the scores of the data set, and the errors to expect.

Two nulls: photographic negatives, which nothing in the set can be a copy of, search the very same index;
and the exponential tail of the pairs that fall short says how many look-alikes may be expected above the
line (peaks over threshold; Coles, "An Introduction to Statistical Modeling of Extreme Values", 2001).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from groupwise.stats.arrays import Floats
from groupwise.stats.wilson import wilson_of_count

LINE = (0.45, 0.5)
"""The line never leaves this range: below it are things of one shape, above it copies of any kind."""

_TAIL = 40  # highest rejected scores that show how the tail falls
_TAIL_BEGINS = -0.5
_MARGIN = 0.05


@dataclass(frozen=True)
class Threshold:
    """The line, and how far it can be trusted.

    `negatives` pairs with a photographic negative were compared, `false` of them passed, and
    `false_match_bound` is the upper end of the 95 % Wilson interval of their share. `expected_lookalikes` is
    the number of pairs that the tail of the rejected pairs lets expect above the line.
    """

    score: float
    negatives: int
    false: int
    false_match_bound: float
    expected_lookalikes: float


def find_threshold(scores: Floats, null: Floats, allowed: tuple[float, float] = LINE) -> Threshold:
    """The line for pairs with `scores` (M,) given the scores of pairs that cannot be related, `null` (L,).

    It never leaves the range `allowed`.
    """
    lowest, highest = allowed
    best_null = float(null.max()) if len(null) else -1.0
    wanted = max(best_null + _MARGIN, _quiet_level(scores, lowest))
    line = float(np.clip(wanted, lowest, highest))
    false = int((null >= line).sum())
    return Threshold(
        line, len(null), false, wilson_of_count(false, len(null))[1], _expected_above(scores, line, lowest)
    )


def join_thresholds(lines: Sequence[Threshold]) -> Threshold:
    """The line of the first, with what all of them counted."""
    negatives, false = sum(one.negatives for one in lines), sum(one.false for one in lines)
    return replace(
        lines[0],
        negatives=negatives,
        false=false,
        false_match_bound=wilson_of_count(false, negatives)[1],
        expected_lookalikes=sum(one.expected_lookalikes for one in lines),
    )


def _tail(scores: Floats, lowest: float) -> tuple[float, int, float]:
    """Where the tail of the rejected scores begins, how many they are and their mean excess."""
    rejected = np.sort(scores[(scores > _TAIL_BEGINS) & (scores < lowest)])[-_TAIL:]
    if len(rejected) < 2:
        return lowest, 0, 1.0
    return float(rejected[0]), len(rejected) - 1, float((rejected[1:] - rejected[0]).mean())


def _expected_above(scores: Floats, line: float, lowest: float) -> float:
    start, count, excess = _tail(scores, lowest)
    return count * float(np.exp(-(line - start) / max(excess, 1e-6)))


def _quiet_level(scores: Floats, lowest: float) -> float:
    """The score above which the tail promises one look-alike, or one in a thousand of the accepted."""
    start, count, excess = _tail(scores, lowest)
    allowed = max(1.0, 0.001 * float((scores >= lowest).sum()))
    return start + excess * float(np.log(max(count, 1) / allowed))
