"""Holds weighted kappas against scikit-learn, and their intervals against what must be so."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from groupwise.errors import UsageError
from groupwise.recipe.decision import DecisionConfig
from groupwise.stats.fold import Fold
from groupwise.stats.ordered import POWERS, kappas, weighted_kappa

CLASSES = ("mild", "none", "severe")  # as they are sorted
ORDER = ("none", "mild", "severe")
RANKS = np.array([1.0, 0.0, 2.0])


def made_fold(seed, n=30, answers=None):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    answers = np.where(rng.random(n) < 0.6, labels, rng.integers(0, 3, n)) if answers is None else answers
    return Fold(labels, np.eye(3)[answers], np.arange(n) // 2)


@given(st.integers(0, 2**32 - 1), st.sampled_from(list(POWERS)))
@settings(max_examples=30, deadline=None)
def test_kappa_is_that_of_scikit_learn(seed, name):
    fold = made_fold(seed)
    weights = np.random.default_rng(seed).integers(1, 4, fold.n_sources).astype(float)
    ours = weighted_kappa(fold, RANKS, np.stack([np.ones(fold.n_sources), weights]), POWERS[name])
    truth, answers = RANKS[fold.labels], RANKS[fold.predicted]
    for value, of_images in zip(ours, (None, weights[fold.sources]), strict=True):
        expected = cohen_kappa_score(truth, answers, weights=name, sample_weight=of_images)
        assert value == pytest.approx(expected, abs=1e-10)


def test_the_order_counts_and_the_interval_holds_the_value():
    fold = made_fold(0)
    told = kappas(fold, CLASSES, ORDER, seed=0)["kappa"]
    other = kappas(fold, CLASSES, CLASSES, seed=0)["kappa"]
    assert told["quadratic"]["value"] != other["quadratic"]["value"]
    assert told["linear"]["low"] < told["linear"]["value"] < told["linear"]["high"]
    assert told["ordered"] == list(ORDER)
    assert kappas(fold, CLASSES, (), seed=0) == {}


def test_one_class_alone_has_no_kappa_and_says_so():
    labels = np.zeros(6, int)
    fold = Fold(labels, np.eye(3)[labels], np.arange(6))
    figure = kappas(fold, CLASSES, ORDER, seed=0)["kappa"]["linear"]
    assert (figure["value"], figure["reason"]) == (None, "all labels and answers are of one class")


def test_an_order_that_lacks_a_class_is_refused():
    for wrong in (("none", "mild"), ("none", "mild", "mild"), ("none", "mild", "severe", "worst")):
        with pytest.raises(UsageError, match=r"--ordered: .* not name each class once.*\[mild,none,severe\]"):
            DecisionConfig(ordered=wrong).refuse_unknown_class(CLASSES)
    DecisionConfig(ordered=ORDER).refuse_unknown_class(CLASSES)
