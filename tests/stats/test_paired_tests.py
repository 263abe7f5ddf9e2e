"""Differences between models: against scipy, by enumeration, and in simulated studies."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import accuracy_score, balanced_accuracy_score, log_loss

from groupwise.stats.paired_tests import (
    ALL_FLIPS,
    DRAWN_FLIPS,
    FLIPS,
    MCNEMAR,
    compare_models,
    further_sources,
    holm,
    mcnemar_p,
    separable,
    sign_flip_p,
)

AB = ("a", "b")


def answers(right, labels):
    """Probabilities of two classes, 0.9 for what a model answers."""
    return np.eye(2)[np.where(right, labels, 1 - labels)] * 0.8 + 0.1


def study(rng, groups, size, *, lead=0.0, concentration=2.0):
    """Labels, two models' probabilities and sources; each model has its own luck with each source."""
    labels, sources = np.repeat(rng.integers(0, 2, groups), size), np.repeat(np.arange(groups), size)
    luck = rng.beta(0.8 * concentration, 0.2 * concentration, (2, groups)) - [[lead], [0]]
    right = rng.random((2, groups * size)) < np.repeat(luck, size, axis=1)
    return labels, right, sources


def compare(labels, right, sources, **options):
    probs = [answers(one, labels) for one in right]
    (pair,) = compare_models(labels, probs, sources, AB, seed=0, **options)
    return pair


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_differences_are_those_of_scikit_learn(rng):
    labels, sources = rng.integers(0, 3, 90), rng.integers(0, 30, 90)
    first, second = rng.dirichlet((1, 1, 1), (2, 90))
    (pair,) = compare_models(labels, [first, second], sources, "xyz", seed=0, draws=100)
    for name, score in (("accuracy", accuracy_score), ("balanced_accuracy", balanced_accuracy_score)):
        expected = score(labels, second.argmax(1)) - score(labels, first.argmax(1))
        assert getattr(pair, name).value == pytest.approx(expected, abs=1e-12)
    expected = log_loss(labels, second) - log_loss(labels, first)
    assert pair.log_loss.value == pytest.approx(expected, abs=1e-12)


def test_swapping_the_models_turns_every_sign(rng):
    labels, right, sources = study(rng, 20, 5)
    one, other = compare(labels, right, sources), compare(labels, right[::-1], sources)
    for name in ("accuracy", "balanced_accuracy", "log_loss"):
        a, b = getattr(one, name), getattr(other, name)
        assert (b.value, b.low, b.high) == pytest.approx((-a.value, -a.high, -a.low))
        assert a.p == b.p


@pytest.mark.parametrize("size", [1, 5, 12])
def test_few_sources_are_flipped_in_every_way(rng, size):
    parts = rng.normal(0.5, 1, size)
    flips = [abs(np.dot(signs, parts)) for signs in itertools.product((-1, 1), repeat=size)]
    expected = np.mean([flip >= abs(parts.sum()) - 1e-12 for flip in flips])
    assert sign_flip_p(parts, seed=0) == (pytest.approx(expected), ALL_FLIPS)


@pytest.mark.parametrize("size", [9, 40])
def test_sign_flips_agree_with_scipy(rng, size):
    parts = rng.normal(0.3, 1, size)
    p, test = sign_flip_p(parts, seed=0)
    reference = stats.permutation_test(
        (parts,),
        lambda x, axis: x.sum(axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=FLIPS,
        rng=np.random.default_rng(1),  # unseeded it is off by more in one run of some hundred
    ).pvalue
    exact = test == ALL_FLIPS
    assert exact == (2**size <= FLIPS)
    assert p == pytest.approx(reference, abs=1e-12 if exact else 6 * math.sqrt(p * (1 - p) / FLIPS))


def test_sources_that_do_not_differ_change_no_p_value(rng):
    parts = rng.normal(size=8)
    assert sign_flip_p(np.append(parts, np.zeros(500)), seed=0) == sign_flip_p(parts, seed=1)


def test_drawn_flips_depend_on_the_seed_alone_and_never_give_zero():
    parts = np.ones(60)
    assert sign_flip_p(parts, seed=3) == (1 / (FLIPS + 1), DRAWN_FLIPS)
    parts[:24] = -1
    assert sign_flip_p(parts, seed=3) == sign_flip_p(parts, seed=3) != sign_flip_p(parts, seed=4)


@given(better=st.integers(0, 7), worse=st.integers(0, 6))
def test_mcnemar_is_the_sign_flip_test_of_single_images(better, worse):
    parts = np.repeat([1.0, -1.0, 0.0], [better, worse, 5]) / 30
    assert mcnemar_p(parts) == pytest.approx(sign_flip_p(parts, seed=0)[0])


def test_mcnemar_gives_the_binomial_tail():
    # 2 of 12 discordant images on one side: twice (1 + 12 + 66) / 2^12
    assert mcnemar_p(np.repeat([1.0, -1.0], [10, 2])) == pytest.approx(2 * 79 / 4096)


def test_mcnemar_is_for_single_images_only(rng):
    labels, right, sources = study(rng, 40, 1)
    single = compare(labels, right, sources, draws=100)
    assert (single.accuracy.test, single.log_loss.test) == (MCNEMAR, ALL_FLIPS)
    sources[1] = sources[0]
    assert compare(labels, right, sources, draws=100).accuracy.test != MCNEMAR


def test_copies_of_an_image_are_no_further_evidence():
    labels, right = np.zeros(20, dtype=int), np.array([[False] * 6 + [True] * 14, [True] * 20])
    labels[10:] = 1
    single = compare(labels, right, np.arange(20))
    copied = compare(np.repeat(labels, 14), np.repeat(right, 14, axis=1), np.repeat(np.arange(20), 14))
    assert copied.accuracy.p == pytest.approx(single.accuracy.p)
    assert copied.accuracy.low == pytest.approx(single.accuracy.low)
    naive = compare(np.repeat(labels, 14), np.repeat(right, 14, axis=1), np.arange(280))
    assert naive.accuracy.p < single.accuracy.p / 1000


def test_sources_where_gains_and_losses_cancel_do_not_differ():
    # Three images of each of 30 sources gained and three lost: nothing but rounding is left of it.
    labels, right = np.arange(30).repeat(6) % 2, np.tile([True] * 3 + [False] * 3, 30)
    right = np.array([right, ~right])
    right[:, :6] = [[False] * 6, [True] * 6]
    pair = compare(labels, right, np.arange(30).repeat(6), draws=100)
    assert (pair.accuracy.p, pair.accuracy.test) == (1, ALL_FLIPS)
    assert (pair.balanced_accuracy.p, pair.balanced_accuracy.test) == (1, ALL_FLIPS)


def test_equal_models_are_not_known_to_be_equal_beyond_the_images():
    labels = np.arange(50) % 2
    pair = compare(labels, np.ones((2, 50), dtype=bool), np.arange(50))
    assert (pair.accuracy.value, pair.accuracy.p) == (0, 1)
    # One pair of 50 that differs altogether is not excluded.
    assert pair.accuracy.low == -pair.accuracy.high == pytest.approx(-stats.t.ppf(0.975, 49) / 50)
    assert not pair.accuracy.shown


def test_a_single_source_shows_nothing():
    pair = compare(np.arange(10) % 2, np.array([[False] * 10, [True] * 10]), np.zeros(10, dtype=int))
    assert (pair.accuracy.p, pair.accuracy.low) == (1, None)
    assert "single source" in pair.accuracy.reason
    assert (pair.further_sources, pair.separable) == (None, None)


def test_a_class_in_one_source_leaves_balanced_accuracy_without_limits(rng):
    labels, sources = np.array([1, 1] + [0] * 18), np.repeat(np.arange(10), 2)
    pair = compare(labels, rng.random((2, 20)) < 0.5, sources)
    assert pair.balanced_accuracy.low is None
    assert pair.accuracy.low is not None


def test_limits_stay_within_what_shares_can_differ_by():
    pair = compare(np.array([0, 1]), np.array([[False, False], [True, False]]), np.arange(2))
    assert (pair.accuracy.low, pair.accuracy.high) == (-1, 1)


def test_holm_against_a_worked_example():
    # p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") in R
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_nothing_and_bonferroni(p):
    corrected = holm(p)
    assert all(a <= b <= min(1, a * len(p)) + 1e-12 for a, b in zip(p, corrected, strict=True))
    assert [corrected[i] for i in np.argsort(p)] == sorted(corrected)


def test_pairs_of_three_models_are_corrected_together(rng):
    labels, right, sources = study(rng, 30, 4)
    probs = [answers(one, labels) for one in (*right, rng.random(120) < 0.6)]
    pairs = compare_models(labels, probs, sources, AB, seed=0, draws=100)
    assert [(pair.first, pair.second) for pair in pairs] == [(0, 1), (0, 2), (1, 2)]
    for name in ("accuracy", "balanced_accuracy", "log_loss"):
        found = [getattr(pair, name) for pair in pairs]
        assert [one.p_holm for one in found] == holm([one.p for one in found])


@pytest.mark.parametrize(("groups", "size"), [(12, 10), (40, 10)])
def test_no_difference_is_found_in_five_per_cent_where_naive_mcnemar_finds_it_in_a_quarter(groups, size):
    rng = np.random.default_rng(11)
    found = naive = 0
    for repeat in range(600):
        _, right, _ = study(rng, groups, size)
        change = right[1].astype(float) - right[0]
        found += sign_flip_p(change.reshape(groups, size).sum(1), seed=repeat)[0] < 0.05
        naive += mcnemar_p(change) < 0.05
    assert 0.015 <= found / 600 <= 0.075
    assert naive / 600 > 0.2


def test_the_interval_holds_the_truth():
    rng = np.random.default_rng(12)
    covered = 0
    for _ in range(200):
        labels, right, sources = study(rng, 25, 6)
        difference = compare(labels, right, sources, draws=200).accuracy
        covered += difference.low <= 0 <= difference.high
    assert covered / 200 >= 0.92


def test_the_planned_sources_find_the_difference_four_times_in_five():
    # A gain of 5 points: 10 % of the images better, 5 % worse, each image a source.
    rng, error = np.random.default_rng(13), math.sqrt(0.15 - 0.05**2)
    needed = 1 + further_sources(error, 1)
    parts = rng.choice([1.0, -1.0, 0.0], p=[0.1, 0.05, 0.85], size=(500, needed))
    power = np.mean([mcnemar_p(row) < 0.05 for row in parts])
    assert 0.72 <= power <= 0.86


def test_the_plan_agrees_with_the_power_of_student_s_test():
    groups, deviation = 1 + further_sources(0.4, 1), 0.4
    noncentral = 0.05 / (deviation / math.sqrt(groups))
    power = stats.nct.sf(stats.t.ppf(0.975, groups - 1), groups - 1, noncentral)
    assert power == pytest.approx(0.8, abs=0.005)


def test_enough_sources_need_no_more():
    assert further_sources(0.05 / 2.9, 100) == 0
    assert separable(0.05 / 2.9) < 0.05
    assert further_sources(0.05 / 2.7, 100) > 0
