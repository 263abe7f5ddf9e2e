"""Drift is told where images differ within their class, and neither by luck nor by another mix of classes."""

import numpy as np
import pytest

from groupwise.stats.drift import (
    ALONE,
    FEW_WAYS,
    FEWEST_SOURCES,
    Collections,
    class_mix_p,
    drift_tests,
    image_shift_p,
    normal_scores,
    standardised_differences,
)


def draw(rng, sources, images, *, mix=(0.5, 0.5), shift=0.0):
    """Values (N, 4), labels and sources, each source of one class and with a colour of its own."""
    sizes = 1 + rng.poisson(images - 1, sources)
    numbers = np.repeat(np.arange(sources), sizes)
    labels = rng.choice(2, sources, p=mix)[numbers]
    own = rng.normal(size=(sources, 4))[numbers]
    values = 3 * labels[:, None] + own + 0.3 * rng.normal(size=(len(numbers), 4)) + shift
    return values, labels, numbers


def join(first, second):
    values = np.concatenate([first[0], second[0]])
    held = Collections(
        np.concatenate([first[1], second[1]]),
        np.concatenate([first[2], second[2] + 10_000]),
        np.repeat([False, True], [len(first[1]), len(second[1])]),
    )
    return values, held


def rate(make, seeds=100):
    """How often a p-value is below 0.05."""
    return np.mean([make(np.random.default_rng(seed)) < 0.05 for seed in range(seeds)])


def test_without_a_shift_it_is_told_as_often_as_was_said():
    def p(rng):
        return image_shift_p(*join(draw(rng, 30, 4), draw(rng, 15, 4)), seed=0)

    assert rate(p) <= 0.09  # 5 of 100 are expected, and 10 come in less than 3 of 100


def test_images_counted_instead_of_sources_would_cry_wolf():
    # The near miss: the same images, each taken for a source, differ by the luck of their sources.
    def p(rng):
        values, held = join(draw(rng, 30, 4), draw(rng, 15, 4))
        alone = Collections(held.labels, np.arange(len(values)), held.new)
        return image_shift_p(values, alone, seed=0)

    assert rate(p, 40) > 0.4


def test_a_shift_within_the_classes_is_told():
    def p(rng):
        return image_shift_p(*join(draw(rng, 30, 4), draw(rng, 15, 4, shift=1.5)), seed=0)

    assert rate(p, 20) > 0.9


def test_another_mix_of_classes_is_no_drift_of_the_images_and_has_its_own_test():
    pairs = [
        join(draw(rng, 40, 4), draw(rng, 40, 4, mix=(0.85, 0.15)))
        for rng in map(np.random.default_rng, range(40))
    ]
    assert np.mean([image_shift_p(*pair, seed=0) < 0.05 for pair in pairs]) <= 0.15
    assert np.mean([class_mix_p(held, seed=0) < 0.05 for _, held in pairs]) > 0.7


def test_both_tests_are_corrected_together():
    rng = np.random.default_rng(1)
    values, held = join(draw(rng, 30, 3), draw(rng, 15, 3, shift=2.0))
    found = drift_tests({"pixels": values, "features": None}, held, seed=0)
    assert set(found) == {"pixels", "classes"}
    assert found["pixels"].told
    assert found["pixels"].p_holm == pytest.approx(2 * found["pixels"].p)
    assert found == drift_tests({"pixels": values, "features": None}, held, seed=0)


def test_too_few_sources_tell_nothing_and_say_so():
    rng = np.random.default_rng(0)
    values, held = join(draw(rng, 30, 3), draw(rng, FEWEST_SOURCES - 1, 9, shift=9.0))
    found = drift_tests({"pixels": values}, held, seed=0)
    assert not found["pixels"].told
    assert "too few" in found["pixels"].reason
    assert "too few" in found["classes"].reason


@pytest.mark.parametrize(("second", "told"), [(2, FEW_WAYS), (1, FEW_WAYS), (0, ALONE)])
def test_what_keeps_images_from_being_compared_is_said(second, told):
    # Sources of two classes, 5 + 5 in all: of the first class 3 on either side, or one without the second.
    def side(first):
        return np.repeat([0, 1], [first, 5 - first])

    labels = np.r_[side(5 - second), side(5 - second if second else 0)]
    held = Collections(labels, np.arange(10), np.arange(10) >= 5)
    found = drift_tests({"pixels": np.eye(10)}, held, seed=0)
    assert found["pixels"].reason == told
    assert found["classes"].reason is None


def test_enough_ways_to_change_sides_leave_nothing_untold():
    held = Collections(np.zeros(10, np.int64), np.arange(10), np.arange(10) >= 5)  # 252 ways
    assert drift_tests({"pixels": np.eye(10)}, held, seed=0)["pixels"].reason is None


def test_the_largest_differences_are_in_standard_deviations_of_sources():
    rng = np.random.default_rng(0)
    first, second = draw(rng, 400, 3, mix=(1, 0)), draw(rng, 400, 3, mix=(1, 0))
    second[0][:, 2] += 2.0
    values, held = join(first, second)
    apart = standardised_differences(values, held)
    assert apart[2] == pytest.approx(2, abs=0.2)
    assert np.abs(apart[[0, 1, 3]]).max() < 0.2
    constant = np.zeros((len(values), 1))
    assert standardised_differences(constant, held).tolist() == [0]


def test_normal_scores_see_ranks_alone():
    values = np.random.default_rng(0).normal(size=(50, 2))
    np.testing.assert_allclose(normal_scores(values), normal_scores(np.exp(values)))
