"""The fitted law finds a planted one, its band widens, and sources for a width are those of the interval."""

import numpy as np
import pytest

from groupwise.stats.intervals import fraction
from groupwise.stats.learning_curve import NARROWEST, PowerLaws, extrapolate, sources_for_width
from groupwise.stats.wilson import degrees_of, wilson_interval

SIZES = np.array([25.0, 50.0, 100.0, 200.0])


def test_a_planted_law_is_found_with_its_floor():
    law = 0.05 + 1.2 * SIZES**-0.5
    laws = PowerLaws.fit(SIZES, law[None], np.full(4, 1e-4))
    ahead = np.array([400.0, 3200.0])
    np.testing.assert_allclose(laws.mean(ahead)[0], 0.05 + 1.2 * ahead**-0.5, atol=2e-3)


def test_a_flat_curve_promises_nothing_and_a_rising_error_no_gain():
    flat = extrapolate(
        SIZES, np.full(4, 0.8), np.full((50, 4), 0.8), np.array([200.0, 800.0]), noise=0, seed=0
    )
    assert [one.value for one in flat] == pytest.approx([0.8, 0.8], abs=1e-6)
    falling = np.array([0.9, 0.85, 0.83, 0.8])
    one = extrapolate(SIZES, falling, np.tile(falling, (50, 1)), np.array([400.0]), noise=0, seed=0)[0]
    assert falling.min() < one.value < 0.85  # level, though the last was the worst


def test_the_band_holds_what_comes_in_nineteen_of_twenty():
    rng = np.random.default_rng(0)
    noise, held = 0.01, 0
    for _ in range(100):
        floor, slope = rng.uniform(0, 0.1), rng.uniform(0.3, 0.8)
        truth = floor + 1.5 * np.append(SIZES, 400.0) ** -slope
        seen = 1 - truth + noise * rng.standard_normal(5)
        draws = np.tile(seen[:4], (200, 1))
        one = extrapolate(SIZES, seen[:4], draws, np.array([400.0]), noise=noise, seed=0)[0]
        held += one.low <= seen[4] <= one.high
    assert 88 <= held <= 100


def test_three_sizes_are_needed():
    with pytest.raises(ValueError, match="2 sizes do not tell a curve"):
        PowerLaws.fit(SIZES[:2], np.full((1, 2), 0.2), np.ones(2))


def test_the_sources_reach_the_width_and_one_fewer_does_not():
    rng = np.random.default_rng(0)
    images = np.full(30, 10.0)
    accuracy = fraction(rng.binomial(10, rng.beta(8, 2, 30)).astype(float), images, "")
    told = sources_for_width(accuracy, 0.05)
    each = accuracy.effective_n / 30
    for sources, within in ((told["sources"], True), (told["sources"] - 1, False)):
        low, high = wilson_interval(accuracy.value, each * sources, sources - 1)
        assert (high - low <= 0.05) is within
    assert told["sources"] > 30
    # A width that is there already takes about as many sources as there are.
    assert sources_for_width(accuracy, told["now"])["sources"] == pytest.approx(30, abs=1)


def test_a_narrow_interval_takes_as_many_sources_as_it_takes():
    images = np.r_[np.full(10, 60.0), np.ones(90)]
    accuracy = fraction(images * (np.arange(100) % 2), images, "")
    told = sources_for_width(accuracy, NARROWEST)["sources"]
    each = accuracy.effective_n / 100
    assert told == pytest.approx((1.96 / NARROWEST) ** 2 / each, rel=0.001)  # that many coins
    assert told > 20_000_000


@pytest.mark.parametrize("right", [0.8, 1.0])
def test_unequal_sources_never_reach_a_narrower_interval_with_fewer(right):
    images = np.r_[np.full(4, 60.0), np.full(36, 3.0)]
    accuracy = fraction(np.round(right * images), images, "")
    now = accuracy.high - accuracy.low
    assert sources_for_width(accuracy, now)["sources"] == pytest.approx(40, abs=1)
    narrower = sources_for_width(accuracy, 0.95 * now)["sources"]
    assert 40 < narrower < 50
    assert sources_for_width(accuracy, 1.05 * now)["sources"] < 40  # and a wider one does


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("df", [0.5, 3.3, 400.0])
def test_limits_tell_the_degrees_of_freedom_they_were_made_with(value, df):
    assert degrees_of(value, 30, *wilson_interval(value, 30, df)) == pytest.approx(df)
