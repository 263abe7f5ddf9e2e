"""Holds every figure of a fold against scikit-learn, against loops, and at the edges."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from groupwise.stats.calibration import bin_confidences, squared_errors
from groupwise.stats.fold import (
    Fold,
    Ranking,
    balanced_accuracy,
    brier_losses,
    class_counts,
    log_losses,
    macro_f1,
    weighted_means,
)
from groupwise.stats.metrics import evaluate_fold

EXACT = {"rel": 1e-12, "abs": 1e-12}


def names(k: int) -> list[str]:
    return [f"class {i}" for i in range(k)]


@st.composite
def folds(draw: st.DrawFn) -> Fold:
    """Small folds whose probabilities come from a coarse grid, so that ties and absent classes are common."""
    k, n = draw(st.integers(2, 5)), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    grid = rng.integers(0, draw(st.sampled_from([2, 4, 50])), size=(n, k)) + 1.0
    labels = rng.integers(0, draw(st.integers(1, k)), size=n)
    return Fold(labels, grid / grid.sum(axis=1, keepdims=True), np.arange(n))


def spread_fold(n: int, groups: int, k: int, seed: int = 0, signal: float = 1.5) -> tuple[Any, Any, Any]:
    """Labels, probabilities and sources of one class each, with a model that is right more often than not."""
    rng = np.random.default_rng(seed)
    sources = np.r_[np.arange(groups), rng.integers(groups, size=n - groups)]
    labels = sources % k
    logits = rng.normal(size=(n, k)) + rng.normal(size=(groups, k))[sources]
    logits[np.arange(n), labels] += signal
    probs = np.exp(logits)
    return labels, probs / probs.sum(axis=1, keepdims=True), sources


def value(figure: dict[str, Any]) -> float:
    assert figure["value"] is not None, figure
    return float(figure["value"])


@given(folds())
@settings(max_examples=60, deadline=None)
def test_counts_agree_with_scikit_learn(fold: Fold) -> None:
    told = evaluate_fold(fold.labels, fold.probs, fold.sources, names(fold.n_classes), seed=0, draws=100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert value(told["accuracy"]) == pytest.approx(
            reference.accuracy_score(fold.labels, fold.predicted), **EXACT
        )
        assert value(told["balanced_accuracy"]) == pytest.approx(
            reference.balanced_accuracy_score(fold.labels, fold.predicted), **EXACT
        )
        assert value(told["macro_f1"]) == pytest.approx(
            reference.f1_score(fold.labels, fold.predicted, average="macro"), **EXACT
        )
        assert value(told["mcc"]) == pytest.approx(
            reference.matthews_corrcoef(fold.labels, fold.predicted), rel=1e-10, abs=1e-10
        )
        table = reference.confusion_matrix(fold.labels, fold.predicted, labels=range(fold.n_classes))
    assert told["confusion"] == table.tolist()
    assert told["majority"]["accuracy"] == pytest.approx(np.bincount(fold.labels).max() / fold.n, **EXACT)


@given(folds())
@settings(max_examples=60, deadline=None)
def test_class_figures_agree_with_scikit_learn_or_are_none(fold: Fold) -> None:
    told = evaluate_fold(fold.labels, fold.probs, fold.sources, names(fold.n_classes), seed=0, draws=100)
    for k, figures in enumerate(told["per_class"].values()):
        true, guess, score = fold.labels == k, fold.predicted == k, fold.probs[:, k]
        expected = {
            "precision": reference.precision_score(true, guess) if guess.any() else None,
            "recall": reference.recall_score(true, guess) if true.any() else None,
            "specificity": reference.recall_score(~true, ~guess) if not true.all() else None,
            "f1": reference.f1_score(true, guess) if (true | guess).any() else None,
            "auroc": reference.roc_auc_score(true, score) if true.any() and not true.all() else None,
            "average_precision": (
                reference.average_precision_score(true, score) if true.any() and not true.all() else None
            ),
        }
        assert figures["n"] == true.sum()
        assert figures["f1"]["n"] == (true | guess).sum()
        for name, figure in expected.items():
            if figure is None:
                assert figures[name]["value"] is None
                assert figures[name]["reason"]
            else:
                assert value(figures[name]) == pytest.approx(figure, **EXACT)


@given(folds())
@settings(max_examples=60, deadline=None)
def test_losses_agree_with_scikit_learn(fold: Fold) -> None:
    told = evaluate_fold(fold.labels, fold.probs, fold.sources, names(fold.n_classes), seed=0, draws=100)
    every = list(range(fold.n_classes))
    assert value(told["log_loss"]) == pytest.approx(
        reference.log_loss(fold.labels, fold.probs, labels=every), **EXACT
    )
    positive = fold.probs[:, 1] if fold.n_classes == 2 else fold.probs
    assert value(told["brier"]) == pytest.approx(
        reference.brier_score_loss(fold.labels, positive, labels=every, scale_by_half=False), **EXACT
    )


def test_log_loss_of_a_certain_error_is_clipped_as_scikit_learn_clips() -> None:
    labels, probs = np.array([0, 1, 1]), np.array([[1.0, 0.0], [1.0, 0.0], [0.25, 0.75]])
    told = evaluate_fold(labels, probs, np.arange(3), names(2), seed=0)
    assert value(told["log_loss"]) == pytest.approx(reference.log_loss(labels, probs), **EXACT)


@pytest.mark.parametrize("k", [3, 10])
def test_mean_ranking_over_classes_agrees_with_scikit_learn(k: int) -> None:
    labels, probs, sources = spread_fold(300, 60, k)
    told = evaluate_fold(labels, probs, sources, names(k), seed=0, draws=100)
    assert value(told["auroc"]) == pytest.approx(
        reference.roc_auc_score(labels, probs, multi_class="ovr"), **EXACT
    )
    one_hot = np.eye(k)[labels]
    assert value(told["average_precision"]) == pytest.approx(
        reference.average_precision_score(one_hot, probs), **EXACT
    )
    assert told["auroc"]["of"] == f"mean over {k} of {k} classes, each against the rest"


def test_two_classes_are_ranked_by_the_second() -> None:
    labels, probs, sources = spread_fold(80, 20, 2)
    told = evaluate_fold(labels, probs, sources, ["Others", "Monkeypox"], seed=0, draws=100)
    assert told["auroc"] == told["per_class"]["Monkeypox"]["auroc"]
    assert told["average_precision"] == told["per_class"]["Monkeypox"]["average_precision"]
    assert told["auroc"]["of"] == "Monkeypox against the rest"


@given(folds(), st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_weights_mean_what_sample_weight_means(fold: Fold, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Whole weights, as resampling gives, zero among them; the last image of each class keeps some.
    weights = rng.integers(0, 4, size=fold.n).astype(float)
    weights[[np.flatnonzero(fold.labels == k)[-1] for k in np.unique(fold.labels)]] += 1
    row, counts = weights[None], class_counts(fold, weights[None])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert balanced_accuracy(fold, counts)[0] == pytest.approx(
            reference.balanced_accuracy_score(fold.labels, fold.predicted, sample_weight=weights), **EXACT
        )
        seen = np.union1d(fold.labels, fold.predicted)
        assert macro_f1(fold, counts)[0] == pytest.approx(
            reference.f1_score(
                fold.labels, fold.predicted, labels=seen, average="macro", sample_weight=weights
            ),
            **EXACT,
        )
    every = list(range(fold.n_classes))
    assert weighted_means(row, log_losses(fold), np.ones(fold.n))[0] == pytest.approx(
        reference.log_loss(fold.labels, fold.probs, labels=every, sample_weight=weights), **EXACT
    )
    assert weighted_means(row, brier_losses(fold), np.ones(fold.n))[0] == pytest.approx(
        np.average(brier_losses(fold), weights=weights), **EXACT
    )
    for k in range(fold.n_classes):
        true = fold.labels == k
        if not true.any() or true.all():
            continue
        auroc, precision = Ranking.of(fold, k).weigh(row)
        score = fold.probs[:, k]
        assert auroc[0] == pytest.approx(reference.roc_auc_score(true, score, sample_weight=weights), **EXACT)
        assert precision[0] == pytest.approx(
            reference.average_precision_score(true, score, sample_weight=weights), **EXACT
        )


def test_many_weightings_at_once_equal_one_at_a_time() -> None:
    labels, probs, sources = spread_fold(60, 12, 3)
    fold = Fold(labels, probs, sources)
    weights = np.random.default_rng(1).integers(0, 3, size=(7, 12)).astype(float)
    together = Ranking.of(fold, 1).weigh(weights)
    apart = [Ranking.of(fold, 1).weigh(row[None]) for row in weights]
    np.testing.assert_allclose(together[0], [auroc[0] for auroc, _ in apart], rtol=1e-13)
    np.testing.assert_allclose(together[1], [precision[0] for _, precision in apart], rtol=1e-13)


@pytest.mark.parametrize("sources_without", [1, 2, 3])
def test_a_draw_that_lost_one_side_has_no_ranking_and_others_lie_within_0_and_1(sources_without: int) -> None:
    rng = np.random.default_rng(0)
    labels = (np.arange(100) >= sources_without).astype(int)
    score = np.clip(0.4 + 0.3 * labels + rng.normal(0, 0.15, 100), 0.01, 0.99)
    weights = rng.integers(0, 3, size=(500, 100)) * (100 / 99)  # parts that do not sum to round numbers
    fold = Fold(labels, np.column_stack([1 - score, score]), np.arange(100))
    lost = (weights[:, labels == 0] == 0).all(axis=1)
    assert 0 < lost.sum() < 500
    auroc, precision = Ranking.of(fold, 1).weigh(weights)
    assert np.isnan(auroc).tolist() == lost.tolist()
    assert 0 <= auroc[~lost].min() <= auroc[~lost].max() <= 1 + 1e-12
    assert 0 <= precision.min() <= precision.max() <= 1 + 1e-12  # of the label alone, which all draws have
    auroc, precision = Ranking.of(fold, 0).weigh(weights)  # the side that is lost is the label's own
    assert np.isnan(auroc).tolist() == np.isnan(precision).tolist() == lost.tolist()


def calibration_error_by_loops(fold: Fold, edges: list[float]) -> float:
    """The definition, one bin and one source at a time."""
    confidence = fold.probs.max(axis=1)
    residual = (fold.predicted == fold.labels) - confidence
    total = 0.0
    for low, high in zip([-np.inf, *edges], [*edges, np.inf], strict=True):
        inside = (confidence > low) & (confidence <= high)
        groups = np.unique(fold.sources[inside])
        if len(groups) < 2:
            continue
        mean = residual[inside].mean()
        squares = [(residual[inside & (fold.sources == g)] - mean).sum() ** 2 for g in groups]
        noise = len(groups) / (len(groups) - 1) * sum(squares) / inside.sum() ** 2
        total += inside.mean() * (mean**2 - noise)
    return float(np.sqrt(max(total, 0.0)))


@pytest.mark.parametrize(("n", "groups", "k"), [(400, 80, 3), (60, 60, 2), (30, 7, 4)])
def test_calibration_error_is_what_its_definition_says(n: int, groups: int, k: int) -> None:
    labels, probs, sources = spread_fold(n, groups, k)
    fold = Fold(labels, probs, sources)
    told = evaluate_fold(labels, probs, sources, names(k), seed=0, draws=100)
    expected = calibration_error_by_loops(fold, bin_confidences(fold).edges.tolist())
    assert value(told["ece"]) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_calibration_bins_hold_equally_many_images_and_keep_ties_together() -> None:
    labels, probs, _ = spread_fold(300, 300, 2)
    bins = bin_confidences(Fold(labels, probs, np.arange(300)))
    assert bins.images.sum(axis=0).tolist() == [20] * 15
    probs[:] = [0.75, 0.25]
    probs[0] = [0.875, 0.125]
    assert bin_confidences(Fold(labels, probs, np.arange(300))).images.sum(axis=0).tolist() == [299, 1]


def test_calibration_error_of_independent_images_with_one_confidence_a_bin_is_kumars() -> None:
    rng = np.random.default_rng(0)
    confidence = np.repeat([0.6, 0.9], 200)
    right = rng.random(400) < confidence - 0.1
    fold = Fold((~right).astype(int), np.column_stack([confidence, 1 - confidence]), np.arange(400))
    squared, _ = squared_errors(bin_confidences(fold), np.ones((1, 400)))
    shares = [right[:200].mean(), right[200:].mean()]
    kumar = [(y - c) ** 2 - y * (1 - y) / 199 for y, c in zip(shares, (0.6, 0.9), strict=True)]
    assert squared[0] == pytest.approx(np.mean(kumar), rel=1e-12)


def test_a_bin_from_a_single_source_counts_nothing() -> None:
    confidence = np.r_[np.full(100, 0.7), np.full(50, 0.95)]
    sources = np.r_[np.arange(20).repeat(5), np.full(50, 20)]
    fold = Fold(np.zeros(150, int), np.column_stack([confidence, 1 - confidence]), sources)
    squared, noise = squared_errors(bin_confidences(fold), np.ones((1, 21)))
    assert noise[0] == pytest.approx(0, abs=1e-15)
    assert squared[0] == pytest.approx(100 / 150 * 0.3**2)


def test_calibration_error_finds_a_planted_one_and_not_the_noise_of_copies() -> None:
    rng = np.random.default_rng(3)
    squares, planted, by_image = [], [], []
    for _ in range(60):
        confidence = rng.uniform(0.5, 1, 60).repeat(14)
        for shift, into in ((0.0, squares), (0.15, planted)):
            right = (rng.random(60).repeat(14) < confidence - shift).astype(int)  # copies err together
            probs = np.column_stack([1 - confidence, confidence])
            sources = np.arange(60).repeat(14)
            into.append(squared_errors(bin_confidences(Fold(right, probs, sources)), np.ones((1, 60)))[0][0])
        images = Fold(right, probs, np.arange(840))
        by_image.append(squared_errors(bin_confidences(images), np.ones((1, 840)))[0][0])
    assert abs(np.mean(squares)) < 0.003
    assert np.sqrt(np.mean(planted)) == pytest.approx(0.15, abs=0.02)
    assert np.mean(by_image) > 2 * np.mean(planted)  # the fault: copies taken for independent images


def test_copies_of_every_image_change_no_figure_and_no_interval() -> None:
    labels, probs, sources = spread_fold(50, 50, 3)
    once = evaluate_fold(labels, probs, sources, names(3), seed=4, draws=200)
    copied = evaluate_fold(
        labels.repeat(14), probs.repeat(14, axis=0), sources.repeat(14), names(3), seed=4, draws=200
    )
    assert copied["n"] == 14 * once["n"]
    # Brier varies less than coins do, and then the cap on what n images can show depends on n.
    tolerance = {"brier": 0.01}
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "log_loss", "brier", "ece"):
        for part in ("value", "low", "high", "sources"):
            near = pytest.approx(once[name][part], rel=tolerance.get(name, 1e-9))
            assert copied[name][part] == near, (name, part)
    for figures, others in zip(copied["per_class"].values(), once["per_class"].values(), strict=True):
        for name in ("precision", "recall", "specificity", "f1", "auroc", "average_precision"):
            assert figures[name]["low"] == pytest.approx(others[name]["low"], rel=1e-9), name
    alone = evaluate_fold(
        labels.repeat(14), probs.repeat(14, axis=0), np.arange(700), names(3), seed=4, draws=200
    )
    assert alone["accuracy"]["low"] > copied["accuracy"]["low"] + 0.05


@given(folds(), st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_every_figure_is_json_and_lies_in_its_interval(fold: Fold, groups: int) -> None:
    told = evaluate_fold(
        fold.labels, fold.probs, fold.sources % groups, names(fold.n_classes), seed=0, draws=100
    )
    json.dumps(told, allow_nan=False)
    figures = [f for f in told.values() if isinstance(f, dict) and "method" in f]
    figures += [f for c in told["per_class"].values() for f in c.values() if isinstance(f, dict)]
    assert len(figures) == 9 + 6 * fold.n_classes
    for figure in figures:
        assert (figure["low"] is None) == ("reason" in figure)
        assert figure["n"] <= told["n"]
        assert figure["sources"] <= told["sources"]
        if figure["low"] is not None:
            assert figure["low"] <= figure["value"] <= figure["high"]
            assert figure["method"]


def test_same_seed_same_result_and_other_seed_other_draws() -> None:
    labels, probs, sources = spread_fold(120, 30, 2)
    first = evaluate_fold(labels, probs, sources, names(2), seed=1)
    assert first == evaluate_fold(labels, probs, sources, names(2), seed=1)
    other = evaluate_fold(labels, probs, sources, names(2), seed=2)
    assert other["auroc"]["low"] != first["auroc"]["low"]
    assert other["auroc"]["low"] == pytest.approx(first["auroc"]["low"], abs=0.01)
    assert other["accuracy"] == first["accuracy"]


def test_order_of_images_and_numbers_of_sources_do_not_matter() -> None:
    labels, probs, sources = spread_fold(90, 30, 3)
    told = evaluate_fold(labels, probs, sources, names(3), seed=1, draws=100)
    order = np.random.default_rng(0).permutation(90)
    again = evaluate_fold(labels[order], probs[order], 7 * sources[order] - 5, names(3), seed=1, draws=100)
    assert again["accuracy"] == told["accuracy"]
    assert again["auroc"]["low"] == pytest.approx(told["auroc"]["low"], rel=1e-9)
    assert again["ece"]["value"] == pytest.approx(told["ece"]["value"], rel=1e-9)


def test_a_perfect_fold_is_not_certain() -> None:
    labels = np.arange(40).repeat(14) % 2
    probs = np.where(labels[:, None] == [0, 1], 0.99, 0.01)
    told = evaluate_fold(labels, probs, np.arange(40).repeat(14), names(2), seed=0)
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "average_precision"):
        assert told[name]["value"] == told[name]["high"] == 1
        assert 0.85 < told[name]["low"] < 0.95, name
        assert told[name]["effective_n"] == 40
    assert told["ece"]["low"] == 0  # one in a hundred wrong would not have shown
    assert told["ece"]["high"] == pytest.approx(0.99 - told["accuracy"]["low"])
    assert told["log_loss"]["high"] > 3 * told["log_loss"]["value"]


def test_all_wrong_is_the_mirror_of_all_right() -> None:
    labels = np.arange(40) % 2
    probs = np.where(labels[:, None] == [0, 1], 0.1, 0.9)
    told = evaluate_fold(labels, probs, np.arange(40), names(2), seed=0)
    right = evaluate_fold(labels, 1 - probs, np.arange(40), names(2), seed=0)
    assert told["accuracy"]["value"] == told["auroc"]["value"] == told["macro_f1"]["value"] == 0
    assert told["accuracy"]["high"] == pytest.approx(1 - right["accuracy"]["low"])
    assert told["confusion"] == [[0, 20], [20, 0]]


def test_one_source_has_figures_but_no_interval() -> None:
    labels, probs, _ = spread_fold(30, 30, 2)
    told = evaluate_fold(labels, probs, np.full(30, 9), names(2), seed=0)
    assert told["sources"] == 1
    for name in ("accuracy", "macro_f1", "auroc", "log_loss", "brier"):
        assert told[name]["value"] is not None
        assert told[name]["low"] is told[name]["high"] is None
        assert told[name]["reason"] == "a single source does not show how sources differ"
    assert told["ece"]["value"] is None
    assert told["warnings"] == ["a single source: no figure of this fold has an interval"]


def test_one_image() -> None:
    told = evaluate_fold(np.array([1]), np.array([[0.2, 0.8]]), np.array([0]), names(2), seed=0)
    assert told["accuracy"]["value"] == 1
    assert told["auroc"]["value"] is None
    assert told["auroc"]["reason"] == "no image other than of class 1 in this fold"
    assert told["per_class"]["class 0"]["recall"]["reason"] == "no image of class 0 in this fold"
    json.dumps(told, allow_nan=False)


def test_a_class_without_images_is_left_out_and_named() -> None:
    labels, probs, sources = spread_fold(120, 60, 3)
    probs = np.column_stack([probs, np.zeros(120)])
    told = evaluate_fold(labels, probs, sources, [*names(3), "absent"], seed=0, draws=100)
    whole = evaluate_fold(labels, probs[:, :3], sources, names(3), seed=0, draws=100)
    for name in ("balanced_accuracy", "macro_f1", "auroc", "average_precision"):
        assert told[name]["value"] == pytest.approx(whole[name]["value"], **EXACT)
        assert told[name]["low"] == pytest.approx(whole[name]["low"], **EXACT)
    assert told["auroc"]["of"] == "mean over 3 of 4 classes, each against the rest"
    absent = told["per_class"]["absent"]
    assert [absent[name]["value"] for name in ("precision", "recall", "f1", "auroc")] == [None] * 4
    assert absent["f1"]["reason"] == "no image of absent in this fold, and none predicted so"
    assert absent["specificity"]["value"] == 1
    assert told["warnings"][0] == "no image of absent in this fold: means over classes leave it out"


def test_a_class_in_one_source_gives_no_interval_to_what_rests_on_it() -> None:
    labels, probs, sources = spread_fold(120, 60, 2)
    keep = (labels == 0) | (sources == 1)
    told = evaluate_fold(labels[keep], probs[keep], sources[keep], ["many", "lone"], seed=0, draws=100)
    for name in ("balanced_accuracy", "macro_f1", "auroc", "average_precision"):
        assert told[name]["value"] is not None
        assert told[name]["low"] is None
        assert told[name]["reason"] == "lone in a single source, which shows no variation"
    assert told["per_class"]["lone"]["recall"]["low"] is None
    for name in ("accuracy", "log_loss", "brier", "ece"):
        assert told[name]["low"] is not None, name


def test_a_class_that_most_resamples_miss_gives_no_interval() -> None:
    rng = np.random.default_rng(0)
    labels = np.r_[np.zeros(60, int), np.arange(1, 9).repeat(2)]
    # Every source holds the common class as well, so all are one stratum.
    sources = np.r_[np.arange(60), np.arange(16)]
    probs = rng.dirichlet(np.ones(9), size=76)
    told = evaluate_fold(labels, probs, sources, names(9), seed=0, draws=200)
    assert told["macro_f1"]["reason"] == "a class is in so few sources that most resamples miss it"
    assert told["accuracy"]["low"] is not None


@pytest.mark.parametrize(("groups", "warned"), [(24, True), (25, False)])
def test_few_sources_in_a_class_are_warned_of(groups: int, warned: bool) -> None:
    labels = np.r_[np.zeros(60, int), np.ones(groups, int)]
    probs = np.where(labels[:, None] == [0, 1], 0.9, 0.1)
    told = evaluate_fold(labels, probs, np.arange(60 + groups), ["many", "few"], seed=0, draws=100)
    expected = "fewer than 25 sources in few (24): intervals may be too narrow"
    assert told["warnings"] == ([expected] if warned else [])


def test_the_larger_class_is_the_baseline() -> None:
    labels = np.array([0, 0, 1, 1, 1])
    told = evaluate_fold(labels, np.full((5, 2), 0.5), np.arange(5), ["a", "b"], seed=0, draws=100)
    assert told["majority"] == {"class": "b", "accuracy": 0.6}


HALF = np.full((3, 2), 0.5)


@pytest.mark.parametrize(
    ("labels", "probs", "sources", "message"),
    [
        ([0, 1, 1], [[0.5, 0.5], [0.5, 0.6], [0.5, 0.5]], [0, 1, 2], "row 1 of probs is no distribution"),
        ([0, 1, 1], [[0.5, 0.5], [0.5, 0.5], [np.nan, 0.5]], [0, 1, 2], "row 2 of probs is no distribution"),
        ([0, 1, 1], [[np.inf, 0.5], [0.5, 0.5], [0.5, 0.5]], [0, 1, 2], "row 0 of probs is no distribution"),
        ([0, 1, 1], [[1.5, -0.5], [0.5, 0.5], [0.5, 0.5]], [0, 1, 2], "row 0 of probs is no distribution"),
        ([0, 1, 2], HALF, [0, 1, 2], "labels run from 0 to 2, classes from 0 to 1"),
        ([0, -1, 1], HALF, [0, 1, 2], "labels run from -1 to 1, classes from 0 to 1"),
        ([0, 1], HALF, [0, 1, 2], "do not fit together"),
        ([0, 1, 1], HALF, [0, 1], "do not fit together"),
        ([0, 1, 1], np.full((3, 3), 1 / 3), [0, 1, 2], "3 columns of probabilities for 2 classes"),
        ([], np.empty((0, 2)), [], "a fold without images has no figures"),
    ],
)
def test_what_is_no_fold_is_refused(labels: Any, probs: Any, sources: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate_fold(np.array(labels, int), np.array(probs), np.array(sources, int), names(2), seed=0)


def test_rounded_probabilities_are_accepted() -> None:
    labels, probs, sources = spread_fold(60, 30, 10)
    told = evaluate_fold(labels, probs.round(5), sources, names(10), seed=0, draws=100)
    assert told["accuracy"]["value"] is not None


def test_too_few_draws_are_refused() -> None:
    labels, probs, sources = spread_fold(60, 30, 2)
    with pytest.raises(ValueError, match="99 draws are too few for an interval; at least 100 are needed"):
        evaluate_fold(labels, probs, sources, names(2), seed=0, draws=99)
