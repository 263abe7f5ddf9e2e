import numpy as np
import pytest

from groupwise.stats.conformal import OperatingPoint, fit_operating_point, just_below

WANTED = OperatingPoint("owl", 0.9)


def fold(seed, sources=120, copies=3):
    """Probabilities of three classes, alike within a source of one class."""
    rng = np.random.default_rng(seed)
    number = np.repeat(np.arange(sources), copies)
    labels = (np.arange(sources) % 3)[number]
    raw = rng.gamma(1.0, size=(sources, 3))[number] + 1.5 * np.eye(3)[labels]
    raw += 0.1 * rng.uniform(size=raw.shape)
    return raw / raw.sum(axis=1, keepdims=True), labels, number


def test_the_class_of_new_sources_is_recognised_as_often_as_promised():
    found, called = [], []
    for seed in range(300):
        probs, labels, sources = fold(seed, sources=360)
        known = sources < 60
        rule = fit_operating_point(WANTED, probs[known], labels[known], sources[known], 2)
        assert (rule.promised_sensitivity, rule.sources) == (0.9, 20)
        decided = rule.decide(probs[~known], 2)
        found.append((decided == 2)[labels[~known] == 2].mean())
        called.append((decided == 2).mean())
    assert 0.89 < np.mean(found) < 0.96
    assert np.mean(called) < 0.75  # not by calling everything so


def test_what_is_not_called_so_goes_to_the_best_of_the_others():
    rule = OperatingPoint("owl", 0.9, threshold=0.3)
    probs = np.array([[0.5, 0.2, 0.3], [0.2, 0.3, 0.5], [0.4, 0.31, 0.29]])
    assert rule.decide(probs, 2).tolist() == [2, 2, 0]
    strict = OperatingPoint("owl", 0.9, threshold=0.6)
    assert strict.decide(probs, 2).tolist() == [0, 1, 0]  # the second loses its most probable class


def test_few_sources_promise_what_they_can():
    probs, labels, sources = fold(0, sources=15)
    rule = fit_operating_point(WANTED, probs, labels, sources, 2)
    assert rule.sources == 5
    assert rule.promised_sensitivity == pytest.approx(5 / 6)
    assert rule.threshold == just_below(probs[labels == 2, 2].min())


def test_a_class_that_nobody_saw_is_refused():
    probs, labels, sources = fold(0)
    seen = labels != 2
    rule = fit_operating_point(WANTED, probs[seen], labels[seen], sources[seen], 2)
    assert (rule.threshold, rule.reason) == (None, "no image of owl to decide by")
    assert (rule.decide(probs, 2) == probs.argmax(axis=1)).all()
