"""What the other choice would give is told where classes are unequal, and nowhere else."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from groupwise.evaluation.other_aim import other_aim
from groupwise.stats.fold import check_fold

CLASSES = ("rare", "usual")


def fold():
    rng = np.random.default_rng(0)
    labels = (rng.random(300) < 0.9).astype(int)
    odds = 9 * np.exp(1.5 * (rng.normal(2.0 * labels, 1) - 1))
    return check_fold(labels, np.stack([1 / (1 + odds), odds / (1 + odds)], 1), np.arange(300), CLASSES)


def test_equal_classes_have_no_other_choice():
    assert other_aim(fold(), CLASSES, np.array([100, 299]), balanced=False) == {}
    assert other_aim(fold(), CLASSES, np.array([0, 299]), balanced=False) == {}
    assert other_aim(fold(), CLASSES, np.array([100, 300]), balanced=False) != {}


def test_it_is_the_same_network_with_its_probabilities_corrected():
    one, counts = fold(), np.array([100, 900])
    told = other_aim(one, CLASSES, counts, balanced=False)["other_aim"]
    predicted = (one.probs / counts).argmax(1)
    assert (told["optimise"], told["imbalance"]) == ("balanced", 9.0)
    assert told["accuracy"]["value"] == pytest.approx((predicted == one.labels).mean())
    balanced = balanced_accuracy_score(one.labels, predicted)
    assert told["balanced_accuracy"]["value"] == pytest.approx(balanced)
    assert balanced > balanced_accuracy_score(one.labels, one.predicted) + 0.05
    back = other_aim(one, CLASSES, counts, balanced=True)["other_aim"]
    assert back["optimise"] == "accuracy"
    assert back["accuracy"]["value"] == pytest.approx(((one.probs * counts).argmax(1) == one.labels).mean())
