"""Holds the curves against scikit-learn and a count by hand, and their bands against what must be so."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from groupwise.stats.fold import check_fold
from groupwise.stats.score_curves import GRID, RankedClass, net_benefit, score_curves

TWO = ("healthy", "ill")


def made_fold(seed=0, n=60, k=2, per_source=3, levels=50):
    """Sources of `per_source` images of one class each; coarse `levels` make ties."""
    rng = np.random.default_rng(seed)
    sources = np.arange(n) // per_source
    labels = sources % k
    logits = rng.normal(size=(n, k))
    logits[np.arange(n), labels] += 1
    probs = np.round(levels * np.exp(logits)) + 1
    return check_fold(labels, probs / probs.sum(axis=1, keepdims=True), sources, range(k))


def values(points):
    return np.array([point["value"] for point in points])


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 3, 1000]))
@settings(max_examples=25, deadline=None)
def test_curves_are_those_of_scikit_learn(seed, levels):
    fold = made_fold(seed, levels=levels)
    roc, precision = (one[0] for one in RankedClass(fold, 1).weigh(np.ones((1, fold.n_sources))))
    fpr, tpr, _ = reference.roc_curve(fold.labels, fold.probs[:, 1], drop_intermediate=False)
    np.testing.assert_allclose(roc, np.interp(GRID, fpr, tpr), atol=1e-10, rtol=0)
    at, recall, _ = reference.precision_recall_curve(fold.labels, fold.probs[:, 1])
    # The first step, from the highest threshold down, that reaches the recall.
    expected = [at[recall >= wanted - 1e-12][-1] for wanted in GRID[1:]]
    np.testing.assert_allclose(precision, expected, atol=1e-10, rtol=0)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_weights_are_sample_weights(seed):
    fold = made_fold(seed, levels=4)
    weights = np.random.default_rng(seed).integers(0, 3, size=fold.n_sources).astype(float)
    weights[:2] = 1  # one source of each class stays
    roc, _ = RankedClass(fold, 1).weigh(weights[None])
    fpr, tpr, _ = reference.roc_curve(
        fold.labels, fold.probs[:, 1], sample_weight=weights[fold.sources], drop_intermediate=False
    )
    np.testing.assert_allclose(roc[0], np.interp(GRID, fpr, tpr), atol=1e-10, rtol=0)


def test_net_benefit_is_that_counted_by_hand():
    # At 0.4: 2 true positives, 1 false one of 5; at the odds 2/3 that is 2/5 - 1/5 * 2/3.
    ill = np.array([0.9, 0.4, 0.1, 0.6, 0.2])
    fold = check_fold(np.array([1, 1, 1, 0, 0]), np.c_[1 - ill, ill], np.arange(5), TWO)
    at = {point["threshold"]: point for point in net_benefit(fold, 1)}
    assert at[0.4]["value"] == pytest.approx(2 / 5 - 1 / 5 * 2 / 3, abs=1e-12)
    assert at[0.4]["treat_all"] == pytest.approx(3 / 5 - 2 / 5 * 2 / 3, abs=1e-12)
    assert at[0.4]["gain"]["value"] == pytest.approx(at[0.4]["value"] - at[0.4]["treat_all"], abs=1e-12)
    # From 0.61 on treating all is worse than treating none, and the gain is over none.
    assert at[0.7]["treat_all"] < 0
    assert at[0.7]["gain"]["value"] == at[0.7]["value"] == pytest.approx(1 / 5, abs=1e-12)
    assert at[0.95]["value"] == 0


def test_the_interval_of_net_benefit_is_that_of_a_share_where_no_alarm_is_false():
    # Five sources of two images, of which the first two are found: a mean of 0, 0.5 and 1 by source.
    ill = np.array([0.9, 0.9, 0.9, 0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    fold = check_fold(np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0]), np.c_[1 - ill, ill], np.arange(10) // 2, TWO)
    point = next(one for one in net_benefit(fold, 1) if one["threshold"] == 0.5)
    by_source = np.array([1, 1, 0, 0, 0])
    half = 2.7764451051977987 * by_source.std(ddof=1) / np.sqrt(5)  # t with 4 degrees of freedom
    assert (point["low"], point["high"]) == (pytest.approx(0.4 - half), pytest.approx(0.4 + half))


def test_the_subject_is_the_chosen_class_the_second_of_two_or_the_mean():
    two, three = made_fold(), made_fold(k=3)
    assert score_curves(two, TWO, positive=None, seed=0)["curves"]["class"] == "ill"
    assert score_curves(two, TWO, positive="healthy", seed=0)["curves"]["class"] == "healthy"
    chosen = score_curves(three, "abc", positive="c", seed=0)["curves"]
    mean = score_curves(three, "abc", positive=None, seed=0)["curves"]
    assert (chosen["class"], mean["class"]) == ("c", None)
    assert mean["net_benefit"] is None
    each = [values(score_curves(three, "abc", positive=name, seed=0)["curves"]["roc"]) for name in "abc"]
    np.testing.assert_allclose(values(mean["roc"]), np.mean(each, axis=0), atol=1e-12)
    assert [sum(row) for row in chosen["probabilities"]["counts"].values()] == [21, 21, 18]


def test_bands_hold_the_curve_count_sources_and_widen_with_copies():
    fold = made_fold(n=120, per_source=1)
    copies = made_fold(n=120, per_source=1)
    copied = check_fold(
        np.repeat(copies.labels, 5), np.repeat(copies.probs, 5, axis=0), np.repeat(copies.sources, 5), TWO
    )
    once, often = (score_curves(one, TWO, positive=None, seed=0)["curves"] for one in (fold, copied))
    for name in ("roc", "precision_recall"):
        assert all(point["low"] <= point["value"] <= point["high"] for point in once[name])
        np.testing.assert_allclose(values(once[name]), values(often[name]), atol=1e-10)
        widths = [np.mean([point["high"] - point["low"] for point in one[name]]) for one in (once, often)]
        assert widths[1] == pytest.approx(widths[0], rel=0.15)  # five copies of an image say nothing new


def test_a_lone_source_gives_no_band_and_a_lone_class_no_curve():
    fold = made_fold(n=6)
    curves = score_curves(fold, TWO, positive=None, seed=0)["curves"]
    assert {point["low"] for point in curves["roc"]} == {None}
    one_class = check_fold(np.zeros(4, int), np.full((4, 2), 0.5), np.arange(4), TWO)
    assert score_curves(one_class, TWO, positive=None, seed=0) == {}
