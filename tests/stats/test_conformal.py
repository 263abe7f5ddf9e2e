import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from groupwise.stats.conformal import Conformal, fit_conformal, just_below


def fold(seed, sources=40, copies=1, classes=4, sharp=1.5):
    """Probabilities, labels and sources of a fold whose images of one source are much alike."""
    rng = np.random.default_rng(seed)
    number = np.repeat(np.arange(sources), copies)
    labels = rng.integers(classes, size=sources)[number]
    common = rng.normal(size=(sources, classes))[number]
    logits = sharp * (np.eye(classes)[labels] + common) + 0.2 * rng.normal(size=(len(labels), classes))
    return softmax(logits, axis=1), labels, number


@given(st.integers(0, 500), st.integers(1, 3))
def test_sets_are_all_classes_above_the_threshold_and_never_empty(seed, copies):
    probs, labels, sources = fold(seed, copies=copies)
    rule = fit_conformal(probs, labels, sources, 0.1)
    sets = rule.sets(probs)
    assert sets.any(axis=1).all()
    assert sets[np.arange(len(probs)), probs.argmax(axis=1)].all()
    assert (sets | (probs < rule.threshold)).all()
    true = probs[np.arange(len(labels)), labels]
    assert rule.threshold in list(map(just_below, true))


def test_singletons_where_the_network_is_right_more_often_than_asked():
    probs, labels, sources = fold(1, sharp=12.0)
    labels = probs.argmax(axis=1)
    assert (fit_conformal(probs, labels, sources, 0.1).sets(probs).sum(axis=1) == 1).all()


def test_new_sources_are_covered_and_image_counting_does_not_cover_them():
    missed = {"sources": [], "images": []}
    for seed in range(400):
        probs, labels, sources = fold(seed, sources=60, copies=14)
        known = sources < 20
        for name, unit in (("sources", sources), ("images", np.arange(len(labels)))):
            rule = fit_conformal(probs[known], labels[known], unit[known], 0.1)
            sets = probs[~known] >= rule.threshold  # without the gift of the most probable class
            missed[name].append(1 - sets[np.arange(len(sets)), labels[~known]].mean())
    assert 0.1 - 0.07 < np.mean(missed["sources"]) <= 0.1 + 0.01
    assert np.mean(missed["images"]) > 0.105


def test_too_few_sources_are_refused_in_words():
    probs, labels, sources = fold(0, sources=8, copies=14)
    assert fit_conformal(probs, labels, sources, 0.1) == Conformal(
        0.1, 8, reason="8 sources to decide by, and a promise of 10 % needs at least 9"
    )
    assert fit_conformal(*fold(0, sources=9), 0.1).threshold is not None
    with pytest.raises(AssertionError):
        Conformal(0.1, reason="few").sets(probs)
