"""Figures of sets of labels against scikit-learn, and the promise on missed labels."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    log_loss,
    precision_recall_curve,
    roc_auc_score,
)

from groupwise.stats.bootstrap import BLOCKS, jackknife, source_weights
from groupwise.stats.estimate import Estimate
from groupwise.stats.intervals import JACKKNIFED, balanced_support, resampled_share
from groupwise.stats.label_compare import compare_label_folds, compare_label_models
from groupwise.stats.label_metrics import (
    LabelDraws,
    check_label_fold,
    label_parts,
    measure_label_fold,
    rank_figures,
)
from groupwise.stats.label_rule import LabelRule
from groupwise.stats.label_sets import (
    best_f1_threshold,
    fit_label_rule,
    fit_label_temperature,
    label_probabilities,
    missed_shares,
)
from groupwise.stats.wilson import effective_n, wilson_interval

CLASSES = ("a", "b", "c", "d")
RULE = LabelRule((0.3, 0.5, 0.6, 0.5), 0.1, 20, 0.2)


def drawn(seed, sources=30, each=4, k=4, skill=1.5):
    """Probabilities, true labels and sources; images of a source are alike in how easy they are."""
    rng = np.random.default_rng(seed)
    number = np.repeat(np.arange(sources), each)
    members = rng.random((len(number), k)) < 0.35
    ease = rng.normal(skill, 1.0, sources)[number][:, None]
    logits = np.where(members, ease, -ease) + rng.normal(0, 1, members.shape)
    return 1 / (1 + np.exp(-logits)), members, number


def test_figures_are_those_of_scikit_learn():
    probs, members, sources = drawn(0)
    probs = probs.round(2)  # so that some are equal
    found = measure_label_fold(
        check_label_fold(members, probs, sources), RULE.answers(probs), CLASSES, seed=0, draws=100
    )
    called = RULE.given(probs)
    expected = {
        "average_precision": average_precision_score(members, probs, average="macro"),
        "auroc": roc_auc_score(members, probs, average="macro"),
        "macro_f1": f1_score(members, called, average="macro"),
        "micro_f1": f1_score(members, called, average="micro"),
        "accuracy": accuracy_score(members, called),
    }
    for name, value in expected.items():
        assert found[name]["value"] == pytest.approx(value, abs=1e-12), name
        assert found[name]["low"] < value < found[name]["high"]
    for k, name in enumerate(CLASSES):
        one = found["per_class"][name]
        assert one["average_precision"]["value"] == pytest.approx(
            average_precision_score(members[:, k], probs[:, k]), abs=1e-12
        )
        assert one["auroc"]["value"] == pytest.approx(roc_auc_score(members[:, k], probs[:, k]), abs=1e-12)
        assert one["f1"]["value"] == pytest.approx(f1_score(members[:, k], called[:, k]), abs=1e-12)
        assert one["n"] == members[:, k].sum()


def test_average_precision_takes_its_spread_from_leaving_out_each_source():
    probs, members, sources = drawn(0, sources=12)
    fold = check_label_fold(members, probs, sources)
    found = measure_label_fold(fold, RULE.answers(probs), CLASSES, seed=0, draws=50)["average_precision"]
    left = np.array([average_precision_score(members[sources != g], probs[sources != g]) for g in range(12)])
    bias, variance = 11 * (left.mean() - found["value"]), 11 / 12 * ((left - left.mean()) ** 2).sum()
    support, df = balanced_support(fold.whole, list(label_parts(fold, fold.rankable, CLASSES).values()))
    centre = found["value"] - max(bias, 0)
    low, high = wilson_interval(centre, effective_n(centre, variance, support, least_effect=0.0), df)
    assert (found["low"], found["high"]) == (pytest.approx(low), pytest.approx(high))
    assert found["method"] == JACKKNIFED
    # so many sources that blocks are left out: nearly the same as by source
    fold = check_label_fold(*_swap(drawn(0, sources=900, each=1)))
    blocks = LabelDraws.of(fold, fold.members, 2, 0).left_out
    each = rank_figures(fold, 1 - np.eye(900))[1]
    assert len(blocks) == BLOCKS
    spread = [np.sqrt(jackknife(0.5, one.mean(axis=1))[1]) for one in (blocks, each)]
    assert spread[0] == pytest.approx(spread[1], rel=0.12)


def test_a_label_that_few_sources_lack_has_the_interval_of_the_draws_that_kept_one():
    rng = np.random.default_rng(0)
    members = np.array([np.arange(100) >= 2, np.arange(100) >= 50]).T
    each = [np.clip(0.4 + 0.3 * members + rng.normal(0, 0.15, (100, 2)), 0.01, 0.99) for _ in range(2)]
    folds = [check_label_fold(members, probs, np.arange(100)) for probs in each]
    rule = LabelRule((0.5, 0.5), 0.1, 20, 0.2)
    found = measure_label_fold(folds[0], rule.answers(each[0]), "ab", seed=0, draws=200)["auroc"]
    (weights,) = source_weights(folds[0].whole, 200, 0)
    kept = [
        roc_auc_score(members, each[0], sample_weight=row) if row[:2].any() else np.nan for row in weights
    ]
    support = balanced_support(folds[0].whole, list(label_parts(folds[0], [0, 1], "ab").values()))
    expected = resampled_share(Estimate(found["value"]), np.array(kept), *support)
    assert np.isnan(kept).any()
    assert (found["low"], found["high"]) == (pytest.approx(expected.low), pytest.approx(expected.high))
    (pair,) = compare_label_models(folds, "ab", seed=0, draws=200)
    assert np.isfinite([pair.auroc.low, pair.auroc.high, pair.auroc.p]).all()
    assert 0 < pair.auroc.high - pair.auroc.low < 0.5


def test_a_jackknife_of_a_mean_is_its_standard_error_and_has_no_bias():
    x = np.random.default_rng(0).normal(size=20)
    bias, variance = jackknife(x.mean(), (x.sum() - x) / 19)
    assert bias == pytest.approx(0, abs=1e-12)
    assert variance == pytest.approx(x.var(ddof=1) / 20)
    bias, _ = jackknife(x.var(), np.array([np.delete(x, i).var() for i in range(20)]))
    assert bias == pytest.approx(x.var() - x.var(ddof=1))  # of the plain variance: known, and found exactly


def test_a_label_that_is_absent_is_left_out_of_means_and_says_why():
    probs, members, sources = drawn(1)
    members[:, 2] = False
    found = measure_label_fold(
        check_label_fold(members, probs, sources), RULE.answers(probs), CLASSES, seed=0, draws=100
    )
    kept = [0, 1, 3]
    expected = average_precision_score(members[:, kept], probs[:, kept])
    assert found["average_precision"]["value"] == pytest.approx(expected, abs=1e-12)
    assert found["average_precision"]["of"] == "mean over 3 of 4 labels"
    assert found["per_class"]["c"]["auroc"]["reason"] == "no image with c in this fold"
    assert any("no image of c" in one for one in found["warnings"])


def test_what_does_not_fit_is_refused():
    probs, members, sources = drawn(2)
    with pytest.raises(ValueError, match="do not fit"):
        check_label_fold(members[:, :2], probs, sources)
    with pytest.raises(ValueError, match="outside"):
        check_label_fold(members, probs + 1, sources)


def test_thresholds_have_the_highest_f1_of_all():
    probs, members, _ = drawn(3)
    line = best_f1_threshold(probs[:, 0], members[:, 0])
    precision, recall, _ = precision_recall_curve(members[:, 0], probs[:, 0])
    best = (2 * precision * recall / np.maximum(precision + recall, 1e-12)).max()
    assert f1_score(members[:, 0], probs[:, 0] >= line) == pytest.approx(best, abs=1e-12)


def test_a_label_of_few_sources_takes_the_threshold_of_all():
    probs, members, sources = drawn(4)
    members[sources > 3, 1] = False
    rule = fit_label_rule(probs, members, sources, 0.1)
    assert rule.thresholds[1] == best_f1_threshold(probs.ravel(), members.ravel())
    assert rule.thresholds[0] == best_f1_threshold(probs[:, 0], members[:, 0])


@pytest.mark.parametrize("n_sources", [14, 24])
def test_the_promise_on_missed_labels_is_kept_over_new_sources(n_sources):
    missed = []
    for seed in range(300):
        rule = fit_label_rule(*drawn(seed, n_sources, 3), 0.1)
        probs, members, sources = drawn(10_000 + seed, 30, 3)
        there = members.any(axis=1)
        lost = missed_shares(members[there], rule.possible(probs[there]))
        missed.append(np.mean([lost[sources[there] == s].mean() for s in np.unique(sources[there])]))
    error = 2 * np.std(missed) / np.sqrt(len(missed))
    assert np.mean(missed) <= 0.1 + error
    # and not by promising everything: with G sources the bound is short of the rate by 1 / (G + 1) at most
    assert np.mean(missed) >= 0.1 - 1 / (n_sources + 1) - error - 0.02


def test_too_few_sources_promise_nothing_and_say_so():
    rule = fit_label_rule(*drawn(5, 8), 0.1)
    assert rule.threshold is None
    assert "8 sources to decide by" in rule.reason
    said = rule.answers(drawn(6)[0])
    found = measure_label_fold(check_label_fold(*_swap(drawn(6))), said, CLASSES, seed=0, draws=100)
    assert found["risk_control"] == {"alpha": 0.1, "reason": rule.reason}


def _swap(one):
    probs, members, sources = one
    return members, probs, sources


def test_the_temperature_is_that_of_the_lowest_binary_log_loss():
    probs, members, _ = drawn(7)
    logits = 3 * np.log(probs / (1 - probs))
    found = fit_label_temperature(logits, members, 10**9)  # so that nothing is spread

    def loss(t):
        p = label_probabilities(logits, t).clip(1e-12, 1 - 1e-12)
        return -np.where(members, np.log(p), np.log(1 - p)).mean()

    assert found == pytest.approx(minimize_scalar(loss, bounds=(0.05, 20), method="bounded").x, rel=1e-3)


def test_a_better_model_leads_and_an_equal_one_does_not():
    probs, members, sources = drawn(8)
    noisy = (probs + np.random.default_rng(0).random(probs.shape)) / 2
    folds = [check_label_fold(members, one, sources) for one in (noisy, probs)]
    figure, lead = compare_label_folds(*folds, CLASSES, seed=0, draws=300)
    assert figure.value == pytest.approx(average_precision_score(members, noisy), abs=1e-12)
    assert lead.value == pytest.approx(
        average_precision_score(members, probs) - average_precision_score(members, noisy), abs=1e-12
    )
    assert 0 < lead.low < lead.value < lead.high
    same = compare_label_folds(folds[1], folds[1], CLASSES, seed=0, draws=300)[1]
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)


def test_models_are_compared_by_pairs_as_scikit_learn_measures_them():
    probs, members, sources = drawn(9)
    noise = np.random.default_rng(1).random(probs.shape)
    each = [(probs + w * noise) / (1 + w) for w in (2.0, 0.0, 0.1)]
    folds = [check_label_fold(members, one, sources) for one in each]
    pairs = compare_label_models(folds, CLASSES, seed=0, draws=300)
    assert [(pair.first, pair.second) for pair in pairs] == [(0, 1), (0, 2), (1, 2)]
    for pair in pairs:
        first, second = each[pair.first], each[pair.second]
        for name, score in (("average_precision", average_precision_score), ("auroc", roc_auc_score)):
            expected = score(members, second) - score(members, first)
            assert getattr(pair, name).value == pytest.approx(expected, abs=1e-12)
        losses = [np.mean([log_loss(members[:, k], one[:, k]) for k in range(4)]) for one in (first, second)]
        assert pair.log_loss.value == pytest.approx(losses[1] - losses[0], abs=1e-12)
    assert pairs[0].headline.shown
    assert not pairs[2].headline.shown  # nearly the same network
    assert pairs[0].headline.p_holm >= pairs[0].headline.p
