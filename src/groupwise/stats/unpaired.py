"""Differences between figures of two collections that share no image, with 95 % limits.

The limits recover the variance of each figure, on the side that matters, from its own limits (Newcombe 1998,
Statistics in Medicine 17:873, for proportions; Zou and Donner 2008, Statistics in Medicine 27:1693, for any
figure), so that both count whole sources as the figures' own intervals do.
"""

from __future__ import annotations

import math

from groupwise.stats.estimate import Estimate

METHOD = "square root of the summed squares of both intervals' arms (Newcombe, Zou and Donner)"


def unpaired_difference(first: Estimate, second: Estimate) -> Estimate:
    """`second` less `first`, which come from different sources; `n` and `sources` are those of `second`.

    Without limits, and with the reason, where one of the two has none.
    """
    value = None if first.value is None or second.value is None else second.value - first.value
    figure = Estimate(value, second.n, second.sources)
    reason = first.reason or second.reason or "a figure has no interval"
    if first.value is None or first.low is None or first.high is None:
        return Estimate(value, second.n, second.sources, reason=reason)
    if value is None or second.value is None or second.low is None or second.high is None:
        return Estimate(value, second.n, second.sources, reason=reason)
    down = math.hypot(second.value - second.low, first.high - first.value)
    up = math.hypot(second.high - second.value, first.value - first.low)
    return Estimate(value, figure.n, figure.sources, value - down, value + up, method=METHOD)
