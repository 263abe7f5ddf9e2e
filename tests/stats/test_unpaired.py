"""The difference of figures of different sources: Newcombe's published limits, none without intervals."""

import numpy as np
import pytest

from groupwise.stats.estimate import Estimate
from groupwise.stats.unpaired import unpaired_difference
from groupwise.stats.wilson import wilson_interval


def share(hits, n):
    # A t on so many degrees is the normal that Newcombe's table has.
    low, high = wilson_interval(hits / n, n, 1e9)
    return Estimate(hits / n, n, n, low, high)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((48, 80), (56, 70), -0.3339, -0.0524),  # Newcombe 1998, table II, method 10, of p1 - p2
        ((3, 10), (9, 10), -0.8090, -0.1705),
        ((0, 10), (0, 20), -0.1611, 0.2775),
    ],
)
def test_the_limits_are_newcombes(first, second, low, high):
    found = unpaired_difference(share(*second), share(*first))  # ours is second less first
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3))


def test_the_limits_cover_the_difference_of_two_coins():
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(2000):
        first, second = (share(int(rng.binomial(n, p)), n) for n, p in ((40, 0.9), (25, 0.7)))
        found = unpaired_difference(first, second)
        covered.append(found.low <= -0.2 <= found.high)
    assert 0.93 < np.mean(covered) < 0.98


def test_without_an_interval_there_is_a_value_and_the_reason():
    lone = Estimate(0.5, 3, 1, reason="a single source does not show how sources differ")
    for pair in ((lone, share(3, 4)), (share(3, 4), lone)):
        found = unpaired_difference(*pair)
        assert found.value == pytest.approx(pair[1].value - pair[0].value)
        assert found.low is None
        assert "single source" in found.reason
