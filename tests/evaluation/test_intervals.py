"""Holds the intervals against published ones, scipy, plain loops and simulated folds of known truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from groupwise.stats.arrays import Floats
from groupwise.stats.bootstrap import source_weights, strata
from groupwise.stats.fold import Fold, Ranking
from groupwise.stats.intervals import balanced_support, fraction
from groupwise.stats.metrics import evaluate_fold
from groupwise.stats.resampled import Resampled
from groupwise.stats.wilson import (
    Support,
    clustered_variance,
    effective_n,
    wilson_interval,
)


def test_variance_of_independent_images_is_binomial() -> None:
    hits = np.array([1.0, 0, 1, 1, 0, 1, 1])
    assert clustered_variance(hits, np.ones(7)) == pytest.approx(hits.mean() * (1 - hits.mean()) / 6)


def test_variance_is_its_formula_and_ignores_sources_without_images() -> None:
    hits, images = [3.0, 0.0, 5.0, 2.0], [4.0, 6.0, 5.0, 2.0]
    p = sum(hits) / sum(images)
    squares = sum((y - p * n) ** 2 for y, n in zip(hits, images, strict=True))
    expected = 4 / 3 * squares / sum(images) ** 2
    assert clustered_variance(np.array(hits), np.array(images)) == pytest.approx(expected, rel=1e-13)
    padded = clustered_variance(np.array([*hits, 0.0]), np.array([*images, 0.0]))
    assert padded == pytest.approx(expected, rel=1e-13)
    assert np.isnan(clustered_variance(np.array([3.0, 0.0]), np.array([4.0, 0.0])))


def n_of(hits: list[float], images: list[float]) -> float:
    y, n = np.array(hits, float), np.array(images, float)
    return effective_n(y.sum() / n.sum(), clustered_variance(y, n), Support.of(n))


@pytest.mark.parametrize("hits", [[14.0] * 30, [0.0] * 30])
def test_all_right_or_all_wrong_counts_the_sources(hits: list[float]) -> None:
    assert n_of(hits, [14.0] * 30) == 30


def test_sources_all_right_or_all_wrong_count_once_each() -> None:
    # Up to the factor (G - 1) / G of an estimated variance.
    assert n_of([14.0] * 24 + [0.0] * 6, [14.0] * 30) == pytest.approx(29, abs=0.1)


def test_independent_images_count_in_full() -> None:
    assert n_of([1.0] * 160 + [0.0] * 40, [1.0] * 200) == pytest.approx(199, abs=0.01)


def test_an_error_in_every_source_is_no_evidence_of_more_than_n_images() -> None:
    assert n_of([12.0] * 30, [14.0] * 30) <= 420


def test_one_wrong_copy_does_not_make_the_copies_independent() -> None:
    """The planted fault: the observed design effect is 1, the 50 photographs would count as 700."""
    hits = [14.0] * 49 + [13.0]
    observed = clustered_variance(np.array(hits), np.full(50, 14.0)) / ((1 / 700) * (699 / 700) / 700)
    assert observed == pytest.approx(1, abs=0.03)
    assert 50 <= n_of(hits, [14.0] * 50) < 160
    # The near miss: as many errors as images in a source, spread over all of them, do show independence.
    assert n_of([13.0, 14.0] * 25, [14.0] * 50) > 500


def test_one_huge_source_is_not_many() -> None:
    support = Support.of(np.array([1000.0] + [1.0] * 99))
    assert (support.n, support.sources) == (1099, 100)
    assert support.equal_sources == pytest.approx(1.2, abs=0.01)
    figure = fraction(np.array([900.0] + [1.0] * 99), np.array([1000.0] + [1.0] * 99), "")
    assert figure.low is not None
    assert figure.low < 0.1  # nothing shows that a second huge source would fare alike
    assert Support.of(np.full(30, 14.0)).df == pytest.approx(29)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=30))
def test_a_share_lies_in_its_interval_and_never_counts_more_than_its_images(
    sources: list[tuple[int, int]],
) -> None:
    hits = np.array([min(a, b) for a, b in sources], float)
    images = np.array([max(a, b) for a, b in sources], float)
    figure = fraction(hits, images, "nothing there")
    if images.sum() == 0:
        assert figure.reason == "nothing there"
    elif (images > 0).sum() == 1:
        assert figure.reason == "a single source does not show how sources differ"
    else:
        assert figure.value is not None
        assert figure.low is not None
        assert figure.high is not None
        assert figure.effective_n is not None
        assert 0 <= figure.low <= figure.value <= figure.high <= 1
        assert 0 < figure.effective_n <= images.sum() + 1e-9


def pure_fold(sizes: list[int], copies: int = 1, seed: int = 0) -> Fold:
    """A fold with `sizes[k]` sources of class k and random probabilities."""
    labels = np.repeat(np.arange(len(sizes)), sizes).repeat(copies)
    probs = np.random.default_rng(seed).dirichlet(np.ones(len(sizes)), size=len(labels))
    return Fold(labels, probs, np.arange(sum(sizes)).repeat(copies))


def test_strata_are_classes_and_sources_of_several_classes_are_one_more() -> None:
    labels, sources = np.array([0, 0, 0, 1, 1, 0, 1, 1, 0]), np.array([0, 1, 1, 2, 3, 4, 4, 5, 5])
    fold = Fold(labels, np.full((9, 2), 0.5), sources)
    assert strata(fold).tolist() == [0, 0, 1, 1, 2, 2]


def test_lone_sources_share_a_stratum_and_the_last_one_joins_the_smallest() -> None:
    assert strata(pure_fold([4, 1, 1])).tolist() == [0, 0, 0, 0, 4, 4]
    assert strata(pure_fold([4, 1, 3])).tolist() == [0, 0, 0, 0, 2, 2, 2, 2]
    assert strata(pure_fold([1, 1])).tolist() == [3, 3]


def all_weights(fold: Fold, draws: int, seed: int = 0) -> Floats:
    return np.concatenate(list(source_weights(fold, draws, seed)))


def test_every_draw_keeps_the_weight_of_every_class() -> None:
    fold = pure_fold([12, 5, 2])
    weights = all_weights(fold, 300)
    assert weights.shape == (300, 19)
    for sources, size in ((slice(0, 12), 12), (slice(12, 17), 5), (slice(17, 19), 2)):
        np.testing.assert_allclose(weights[:, sources].sum(axis=1), size)


def test_draws_spread_as_much_as_the_linearised_variance_says() -> None:
    """The planted fault: drawing as many sources as there are makes the variance (k - 1) / k of it."""
    rng = np.random.default_rng(1)
    sources = np.arange(8).repeat(5)
    fold = Fold(np.zeros(40, int), np.column_stack([np.ones(40), np.zeros(40)]), sources)
    hits = fold.per_source((rng.random(40) < rng.random(8)[sources]).astype(float))
    draws = all_weights(fold, 40_000) @ hits / 40
    assert draws.mean() == pytest.approx(hits.sum() / 40, abs=0.003)
    assert draws.var() == pytest.approx(clustered_variance(hits, np.full(8, 5.0)), rel=0.03)


def test_draws_depend_on_the_seed_alone_and_add_up_over_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    fold = pure_fold([6, 7], copies=3)
    np.testing.assert_array_equal(all_weights(fold, 50, seed=3), all_weights(fold, 50, seed=3))
    assert (all_weights(fold, 50, seed=3) != all_weights(fold, 50, seed=4)).any()
    monkeypatch.setattr("groupwise.stats.bootstrap.CHUNK_CELLS", 10 * fold.n)
    assert [len(chunk) for chunk in source_weights(fold, 25, 0)] == [10, 10, 5]


def test_a_single_source_cannot_be_resampled() -> None:
    fold = Fold(np.array([0, 1]), np.full((2, 2), 0.5), np.zeros(2, int))
    with pytest.raises(ValueError, match="a single source cannot be resampled"):
        next(source_weights(fold, 10, 0))


def test_auroc_varies_as_delong_says() -> None:
    """DeLong et al. 1988, Biometrics 44:837: variance of the AUROC of independent images."""
    rng = np.random.default_rng(2)
    labels = np.arange(120) % 2
    score = rng.normal(size=120) + labels
    fold = Fold(labels, np.column_stack([1 - stats.norm.cdf(score), stats.norm.cdf(score)]), np.arange(120))
    wins = score[labels == 1][:, None] > score[labels == 0]
    delong = wins.mean(axis=1).var(ddof=1) / 60 + wins.mean(axis=0).var(ddof=1) / 60
    draws, _ = Ranking.of(fold, 1).weigh(all_weights(fold, 4000))
    assert draws.var() == pytest.approx(delong, rel=0.1)


def test_classes_of_equal_weight_count_harmonically() -> None:
    fold = pure_fold([5, 1000])
    parts = [fold.per_source((fold.labels == k).astype(float)) for k in (0, 1)]
    support, df = balanced_support(fold, parts)
    assert support.n == support.sources == pytest.approx(4 / (1 / 5 + 1 / 1000))
    assert 4 < df < 4.1  # the five decide
    equal = pure_fold([20, 20])
    support, df = balanced_support(
        equal, [equal.per_source((equal.labels == k).astype(float)) for k in (0, 1)]
    )
    assert (support.n, support.sources, df) == (pytest.approx(40), pytest.approx(40), pytest.approx(38))


def test_sources_of_every_class_do_not_count_once_a_class() -> None:
    labels, sources = np.tile(np.arange(10), 40), np.arange(40).repeat(10)
    fold = Fold(labels, np.full((400, 10), 0.1), sources)
    support, df = balanced_support(fold, [fold.per_source((labels == k).astype(float)) for k in range(10)])
    assert (support.sources, df) == (40, 39)


def simulated(groups: int, copies: int, accuracy: float, rng: np.random.Generator) -> Fold:
    """Copies that share half of their variance; the model is right with probability `accuracy`."""
    sources = np.arange(groups).repeat(copies)
    labels = sources % 2
    common, own = rng.normal(size=groups)[sources], rng.normal(size=groups * copies)
    margin = stats.norm.ppf(accuracy) + np.sqrt(0.5) * (common + own)
    positive = 1 / (1 + np.exp(-2 * margin * (2 * labels - 1)))
    return Fold(labels, np.column_stack([1 - positive, positive]), sources)


@pytest.mark.parametrize("accuracy", [0.7, 0.9, 0.98])
def test_intervals_of_copies_hold_the_truth_and_those_of_images_do_not(accuracy: float) -> None:
    rng = np.random.default_rng(5)
    ours, naive = 0, 0
    for _ in range(600):
        fold = simulated(30, 14, accuracy, rng)
        right = fold.per_source((fold.predicted == fold.labels).astype(float))
        figure = fraction(right, np.full(30, 14.0), "")
        assert figure.value is not None
        assert figure.low is not None
        assert figure.high is not None
        ours += figure.low <= accuracy <= figure.high
        low, high = wilson_interval(figure.value, 420, np.inf)
        naive += low <= accuracy <= high
    assert ours >= 0.93 * 600
    assert naive <= 0.85 * 600


def test_bootstrapped_intervals_hold_the_truth_and_percentiles_do_not() -> None:
    rng = np.random.default_rng(6)
    auroc = float(stats.norm.cdf(np.sqrt(2) * stats.norm.ppf(0.9)))
    truths = {"auroc": auroc, "macro_f1": 0.9}
    held, percentiles = dict.fromkeys(truths, 0), dict.fromkeys(truths, 0)
    for seed in range(300):
        resampled = Resampled.of(simulated(20, 5, 0.9, rng), ("no", "yes"), 200, seed)
        figures = {"auroc": resampled.ranking("auroc"), "macro_f1": resampled.over_classes("macro_f1")}
        assert resampled.draws is not None
        for name, truth in truths.items():
            low, high = figures[name].low, figures[name].high
            assert low is not None
            assert high is not None
            held[name] += low <= truth <= high
            draws = resampled.draws[name].reshape(200, -1)[:, -1]
            percentiles[name] += np.quantile(draws, 0.025) <= truth <= np.quantile(draws, 0.975)
    assert min(held.values()) >= 0.92 * 300
    assert percentiles["auroc"] <= 0.85 * 300


def test_brier_interval_is_that_of_its_draws_where_errors_are_many() -> None:
    resampled = Resampled.of(simulated(200, 3, 0.7, np.random.default_rng(8)), ("no", "yes"), 2000, 0)
    figure = resampled.brier()
    assert resampled.draws is not None
    assert (figure.low, figure.high) == pytest.approx(
        np.quantile(resampled.draws["brier"], [0.025, 0.975]), rel=0.03
    )


def test_calibration_error_is_told_from_zero_where_planted_and_not_where_none() -> None:
    rng = np.random.default_rng(7)
    zero, planted, off_centre = 0, 0, []
    for _ in range(100):
        confidence, labels = rng.uniform(0.5, 1, 200)[:, None], np.arange(200) % 2
        for shift in (0.0, 0.3):
            right = rng.random(200) < confidence[:, 0] - shift
            predicted = np.where(right, labels, 1 - labels)
            probs = np.where(predicted[:, None] == [0, 1], confidence, 1 - confidence)
            told = evaluate_fold(labels, probs, np.arange(200), ["a", "b"], seed=0, draws=200)["ece"]
            zero += shift == 0 and told["low"] == 0
            planted += shift > 0 and 0 < told["low"] <= 0.3 <= told["high"]
            if shift > 0:
                off_centre.append((told["low"] ** 2 + told["high"] ** 2) / 2 - told["value"] ** 2)
    assert zero >= 95
    assert planted >= 90
    # Without the noise taken out of the draws the interval would sit 0.015 too high.
    assert np.mean(off_centre) < 0.008


@pytest.mark.parametrize("right", [1.0, 0.0])
def test_the_calibration_error_of_a_fold_all_right_or_wrong_reaches_down_to_what_accuracy_may_be(
    right: float,
) -> None:
    labels, chosen = np.zeros(20, dtype=int), np.full(20, int(not right))
    probs = np.where(chosen[:, None] == [0, 1], 0.7, 0.3)
    told = evaluate_fold(labels, probs, np.arange(20), ["a", "b"], seed=0, draws=200)
    gap = told["accuracy"]["low"] - 0.7 if right else 0.7 - told["accuracy"]["high"]
    assert [told["ece"][key] for key in ("value", "high")] == pytest.approx([abs(right - 0.7)] * 2)
    assert told["ece"]["low"] == pytest.approx(gap)
    assert 0 < gap < told["ece"]["value"] - 0.1


def test_bins_that_err_in_opposite_ways_are_told_beyond_the_gap_that_they_leave() -> None:
    """One half by +30 points, the other by -15: 23.7 in all, where accuracy shows 7.5."""
    rng, labels = np.random.default_rng(0), np.arange(2000) % 2
    confidence = np.where(np.arange(2000) < 1000, 0.6, 0.9)
    predicted = np.where(rng.random(2000) < np.where(confidence < 0.7, 0.9, 0.75), labels, 1 - labels)
    probs = np.where(predicted[:, None] == [0, 1], confidence[:, None], 1 - confidence[:, None])
    told = evaluate_fold(labels, probs, np.arange(2000), ["a", "b"], seed=0, draws=100)["ece"]
    assert 0.2 < told["low"] < 0.237 < told["high"]


def test_calibration_error_holds_the_truth_where_nearly_all_is_right() -> None:
    rng, held = np.random.default_rng(1), 0
    for _ in range(50):
        confidence, labels = rng.uniform(0.6, 0.8, 20), np.arange(20) % 2
        predicted = np.where(rng.random(20) < confidence + 0.2, labels, 1 - labels)
        probs = np.where(predicted[:, None] == [0, 1], confidence[:, None], 1 - confidence[:, None])
        told = evaluate_fold(labels, probs, np.arange(20), ["a", "b"], seed=0, draws=100)["ece"]
        held += told["low"] <= 0.2 <= told["high"]
    assert held >= 48
