"""The line between copy and look-alike: rises with a loud null, stays low with a quiet one."""

from __future__ import annotations

import numpy as np
import pytest

from groupwise.audit.copies.threshold import LINE, find_threshold, join_thresholds
from groupwise.stats.wilson import wilson_of_count

LOWEST, HIGHEST = LINE


def test_a_quiet_data_set_keeps_the_lowest_line() -> None:
    threshold = find_threshold(np.array([-0.7, -0.6, -0.55, 0.97]), np.full(1000, -1.0))
    assert threshold.score == LOWEST
    assert threshold.false == 0
    assert threshold.false_match_bound < 0.005
    assert threshold.expected_lookalikes < 0.02


def test_a_loud_null_raises_the_line() -> None:
    threshold = find_threshold(np.array([0.1, 0.97]), np.array([-0.4, 0.43]))
    assert threshold.score == pytest.approx(0.48)
    assert find_threshold(np.array([0.1, 0.97]), np.array([0.99])).score == HIGHEST


def test_many_lookalikes_just_below_the_line_raise_it() -> None:
    rejected = LOWEST - np.random.default_rng(0).exponential(0.04, 3000)
    threshold = find_threshold(np.concatenate([rejected, [0.99] * 10]), np.array([0.0]))
    assert threshold.score > LOWEST
    assert threshold.expected_lookalikes < 3


def test_false_matches_are_counted_and_bounded() -> None:
    threshold = find_threshold(np.array([]), np.array([0.95] * 2 + [-0.5] * 98))
    assert (threshold.false, threshold.negatives) == (2, 100)
    assert threshold.false_match_bound > 0.02


def test_joined_lines_keep_the_first_and_count_all() -> None:
    first, second = (find_threshold(np.array([0.5]), np.zeros(n)) for n in (100, 300))
    joint = join_thresholds([first, second])
    assert joint.score == first.score
    assert joint.negatives == 400
    assert joint.false_match_bound == wilson_of_count(0, 400)[1] < first.false_match_bound
