import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groupwise.export.parity import TOLERANCE
from groupwise.stats.calibration import COLDEST, calibrated
from groupwise.stats.conformal import (
    SCORE_MARGIN,
    just_above,
    just_below,
    source_quantile,
    sources_needed,
    too_few,
)


@given(st.lists(st.floats(-10, 10), min_size=9, max_size=60), st.floats(0.1, 0.9))
def test_single_images_give_the_textbook_quantile(values, rate):
    """With n scores of their own sources it is the ceil((n + 1)(1 - rate))-th smallest (Vovk et al. 2005)."""
    scores = np.array(values)
    rank = math.ceil((len(scores) + 1) * (1 - rate) - 1e-6)
    assert source_quantile(scores, np.arange(len(scores)), rate) == np.sort(scores)[max(rank, 1) - 1]


@given(st.integers(0, 1000), st.integers(1, 5))
def test_copies_of_every_image_change_nothing(seed, copies):
    scores = np.random.default_rng(seed).normal(size=30)
    once = source_quantile(scores, np.arange(30), 0.1)
    assert source_quantile(np.repeat(scores, copies), np.repeat(np.arange(30), copies), 0.1) == once


def test_a_source_with_many_images_weighs_as_much_as_one_with_a_single_image():
    scores = np.r_[np.zeros(9), np.full(1000, 5.0)]
    sources = np.r_[np.arange(9), np.full(1000, 9)]
    assert source_quantile(scores, sources, 0.2) == 0.0  # 9 of 11 masses lie at 0
    assert source_quantile(scores, sources, 0.1) == 5.0
    assert source_quantile(scores, np.arange(1009), 0.2) == 5.0


@pytest.mark.parametrize(("rate", "needed"), [(0.1, 9), (0.05, 19), (0.2, 4), (0.3, 3), (0.01, 99)])
def test_too_few_sources_promise_nothing(rate, needed):
    assert sources_needed(rate) == needed
    assert too_few(needed, rate) is None
    assert math.isfinite(source_quantile(np.zeros(needed), np.arange(needed), rate))
    assert source_quantile(np.zeros(needed - 1), np.arange(needed - 1), rate) == math.inf
    assert too_few(8, 0.1) == "8 sources to decide by, and a promise of 10 % needs at least 9"


@pytest.mark.parametrize("correlation", [0.0, 0.9, 1.0])
def test_a_new_source_passes_the_line_as_rarely_as_promised(correlation):
    """The planted fault beside it: counting 14 copies as 14 images passes too often where they agree."""
    rng = np.random.default_rng(3)
    sources, rate, repeats = np.repeat(np.arange(25), 14), 0.1, 1500
    passed = {"sources": 0.0, "images": 0.0}
    for _ in range(repeats):
        scores = np.sqrt(correlation) * rng.normal(size=26)[:, None] + np.sqrt(1 - correlation) * rng.normal(
            size=(26, 14)
        )
        held_out, known = scores[-1], scores[:-1].ravel()
        passed["sources"] += (held_out > source_quantile(known, sources, rate)).mean() / repeats
        passed["images"] += (held_out > source_quantile(known, np.arange(len(known)), rate)).mean() / repeats
    error = 3 * np.sqrt(rate * (1 - rate) / repeats)
    assert passed["sources"] <= rate + error
    if correlation == 1:
        assert passed["images"] > rate + error / 3


@given(st.floats(1e-12, 1 - 1e-12), st.sampled_from([0.05, 1.0, 20.0]), st.sampled_from([-1, 1]))
def test_a_line_is_farther_from_its_image_than_an_export_may_be(prob, temperature, sign):
    """Two classes, whose logits an export may move by `TOLERANCE` each, against one another."""
    assert COLDEST == 0.05
    logit = np.log(prob / (1 - prob)) * temperature
    logits = np.array([[logit + sign * TOLERANCE, -sign * TOLERANCE]])
    elsewhere = calibrated(logits, temperature)[0, 0]
    assert just_below(prob) <= elsewhere <= just_above(prob)
    assert abs(just_below(prob) - prob) < 0.0013
    assert SCORE_MARGIN > TOLERANCE


def test_a_line_at_an_end_stays_a_probability():
    assert just_above(0.0) == 0.0  # no image lies there
    assert 0 < just_below(1.0) < 1
    assert just_above(1.0) == 1
    assert just_below(1e-300) > 0
