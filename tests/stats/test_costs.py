"""The least expected cost, and probabilities for other shares of the classes."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from groupwise.stats.costs import cheapest_answers, mean_cost
from groupwise.stats.fold import check_fold
from groupwise.stats.priors import with_equal_classes, with_shares

COSTS = np.array([[0.0, 10.0], [1.0, 0.0]])  # to miss class 0 costs ten


def test_the_answer_is_that_of_the_least_expected_cost():
    probs = np.array([[0.1, 0.9], [0.08, 0.92], [0.5, 0.5]])  # 1/11 is where both cost the same
    assert cheapest_answers(probs, COSTS).tolist() == [0, 1, 0]
    equal = 1 - np.eye(3)
    probs = np.random.default_rng(0).dirichlet(np.ones(3), 200)
    assert (cheapest_answers(probs, equal) == probs.argmax(1)).all()


def test_equal_expected_costs_are_decided_by_the_probability():
    costs = np.array([[0.0, 0.0, 2.0], [0.0, 0.0, 2.0], [1.0, 1.0, 0.0]])
    assert cheapest_answers(np.array([[0.2, 0.7, 0.1]]), costs).tolist() == [1]


def test_the_mean_cost_has_an_interval_over_sources_in_its_own_unit():
    labels, rng = np.arange(60) % 2, np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(2), 60)
    fold = check_fold(labels, probs, np.arange(60) // 2, ("a", "b"))
    answers = cheapest_answers(probs, COSTS)
    figure = mean_cost(fold, answers, COSTS)
    assert figure.value == pytest.approx(np.mean([COSTS[i, k] for i, k in zip(labels, answers, strict=True)]))
    assert 0 <= figure.low < figure.value < figure.high <= 10
    assert figure.sources == 30


def test_correcting_for_the_shares_raises_balanced_accuracy_and_can_be_taken_back():
    rng = np.random.default_rng(1)
    labels = (rng.random(4000) < 0.05).astype(int)
    x = rng.normal(labels * 1.5, 1)
    odds = 0.05 / 0.95 * np.exp(1.5 * x - 1.5**2 / 2)  # the true ones
    probs = np.stack([1 / (1 + odds), odds / (1 + odds)], 1)
    counts = np.bincount(labels)
    equal = with_equal_classes(probs, counts)
    plain, corrected = (balanced_accuracy_score(labels, one.argmax(1)) for one in (probs, equal))
    assert plain < 0.6 < 0.75 < corrected
    np.testing.assert_allclose(with_shares(equal, counts), probs)
    np.testing.assert_allclose(equal.sum(1), 1)
    np.testing.assert_allclose(with_equal_classes(probs, np.array([7, 7])), probs)
