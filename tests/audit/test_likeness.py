"""Series are named where their pictures are alike, and numbers alone say nothing, over many seeds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from groupwise.audit.likeness import ALPHA, LEAST_ALIKE, Likeness, measure_likeness, picture_features

N, SERIES = 120, [list(range(start, start + 5)) for start in range(0, 120, 5)]
LABELS = [("cat", "dog")[k % 2] for k in range(N)]
ALONE = list(range(N))


def _features(rng: np.random.Generator, shared: float) -> np.ndarray:
    """Features whose series share a part of their colours."""
    own, common = rng.normal(size=(N, 70)), rng.normal(size=(len(SERIES), 70))
    return own + shared * np.repeat(common, 5, axis=0)


def test_numbered_strangers_stay_silent_over_seeds() -> None:
    """At most 5 in 100 seeds may reach the level; with the least likeness on top hardly any does."""
    found = [
        measure_likeness(_features(np.random.default_rng(k), 0.0), LABELS, ALONE, SERIES, seed=k)
        for k in range(100)
    ]
    reached = sum(one is not None and one.p_value <= ALPHA for one in found)
    assert binomtest(reached, 100, 0.05, alternative="greater").pvalue > 0.05
    assert reached <= 5
    assert not any(one is not None and one.shown for one in found)
    # And p is uniform: half of the seeds lie below 0.5.
    assert 35 <= sum(one is not None and one.p_value <= 0.5 for one in found) <= 65


def test_real_series_are_shown_over_seeds() -> None:
    for k in range(10):
        found = measure_likeness(_features(np.random.default_rng(k), 1.0), LABELS, ALONE, SERIES, seed=k)
        assert found is not None
        assert found.shown


def test_series_within_classes_that_differ_are_strangers_still() -> None:
    # Each series is of one class and the classes look different: that explains the likeness.
    labels = [("cat", "dog", "cow")[k // 5 % 3] for k in range(N)]
    rng = np.random.default_rng(0)
    offset = {"cat": 0.0, "dog": 5.0, "cow": -5.0}
    features = rng.normal(size=(N, 70)) + np.array([[offset[label]] for label in labels])
    found = measure_likeness(features, labels, ALONE, SERIES, seed=0)
    assert found is not None
    assert not found.shown


def test_copies_do_not_make_a_series_alike() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(N, 70))
    clusters = list(ALONE)
    for one in SERIES:  # four of five are copies of the first
        features[one[:4]] = features[one[0]]
        for i in one[:4]:
            clusters[i] = one[0]
    told = measure_likeness(features, LABELS, ALONE, SERIES, seed=0)
    assert told is not None
    assert told.shown
    found = measure_likeness(features, LABELS, clusters, SERIES, seed=0)
    assert found is not None
    assert not found.shown
    assert found.pairs == len(SERIES)


def test_nothing_to_compare_is_none() -> None:
    features = np.random.default_rng(0).normal(size=(3, 70))
    assert measure_likeness(features, ["a"] * 3, [0, 0, 0], [[0, 1, 2]], seed=0) is None
    assert measure_likeness(features, ["a", "b", "c"], [0, 1, 2], [[0, 1, 2]], seed=0) is None


@pytest.mark.parametrize(
    ("closer", "p_value", "shown"),
    [(LEAST_ALIKE, ALPHA, True), (LEAST_ALIKE - 0.01, 0.001, False), (0.9, ALPHA + 0.001, False)],
)
def test_a_series_must_be_sure_and_alike(closer: float, p_value: float, shown: bool) -> None:
    assert Likeness(closer, p_value, 10).shown == shown


def test_features_ignore_contrast_and_keep_layout_and_colour() -> None:
    grey = np.random.default_rng(0).integers(0, 120, (40, 50)).astype(np.uint8)
    colour = np.array([10.0, 20.0, 30.0])
    one = picture_features(grey, colour)
    assert one.shape == (67,)
    assert np.allclose(one[:64], picture_features(grey * 2, colour)[:64], atol=0.05)
    assert not np.allclose(one[:64], picture_features(grey[::-1].copy(), colour)[:64], atol=0.05)
    assert np.allclose(one[64:] * np.sqrt(3), colour)
