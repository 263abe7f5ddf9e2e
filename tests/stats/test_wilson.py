"""Wilson's interval beside its published table and scipy, and with Student's t in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from groupwise.stats.wilson import student_t, wilson_interval, wilson_of_count


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_newcombes_table(right: int, n: int, low: float, high: float) -> None:
    """Newcombe 1998, Statistics in Medicine 17:857, table I, method 3."""
    assert wilson_interval(right / n, n, np.inf) == (
        pytest.approx(low, abs=6e-5),
        pytest.approx(high, abs=6e-5),
    )


@given(st.integers(1, 500), st.data())
def test_wilson_agrees_with_scipy(n: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, n))
    theirs = stats.binomtest(right, n).proportion_ci(method="wilson")
    assert wilson_of_count(right, n) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_of_nothing_counted_anything_may_be_the_share() -> None:
    assert wilson_of_count(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("df", [1, 4.5, 24, 1000])
def test_the_quantile_is_students(df: float) -> None:
    assert student_t(df) == pytest.approx(stats.t.ppf(0.975, df), rel=1e-9)


def test_fewer_sources_widen_the_interval_by_students_t() -> None:
    few, many = wilson_interval(0.8, 50, 9), wilson_interval(0.8, 50, np.inf)
    assert few[0] < many[0] < many[1] < few[1]
