"""Two models on the same images with sets of labels: the difference of their mean average precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from groupwise.stats.estimate import Estimate
from groupwise.stats.intervals import balanced_support
from groupwise.stats.label_metrics import LabelDraws, LabelFold, label_parts, mean_over_labels
from groupwise.stats.wilson import student_t


@dataclass(frozen=True)
class LabelDifference:
    """The mean average precision of a second model less that of a first, with its paired 95 % limits.

    The limits are None where `reason` says why.
    """

    value: float
    low: float | None = None
    high: float | None = None
    reason: str | None = None


def compare_label_folds(
    first: LabelFold, second: LabelFold, names: Sequence[str], *, seed: int, draws: int = 2000
) -> tuple[Estimate, LabelDifference]:
    """The mean average precision of the first model, and the second's less that; `names` are the labels'.

    The same sources are drawn for both, so what both find hard cancels; Student's t on the spread.
    """
    called = np.zeros_like(first.members)
    pair = [LabelDraws.of(one, called, draws, seed) for one in (first, second)]
    figure = mean_over_labels(first, pair[0], "average_precision", names)
    if figure.value is None:
        return figure, LabelDifference(0.0, reason=figure.reason)
    theirs, ours = (float(one.plain["average_precision"].mean()) for one in pair)
    drawn = [one.draws["average_precision"].mean(axis=1) for one in pair if one.draws is not None]
    if not figure.has_interval or len(drawn) < 2:
        return figure, LabelDifference(ours - theirs, reason=figure.reason)
    parts = list(label_parts(first, first.rankable, names).values())
    reach = student_t(balanced_support(first.whole, parts)[1]) * float(np.nanstd(drawn[1] - drawn[0]))
    return figure, LabelDifference(ours - theirs, ours - theirs - reach, ours - theirs + reach)
