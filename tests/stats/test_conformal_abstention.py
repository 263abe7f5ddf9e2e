import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groupwise.stats.conformal import fit_abstention, just_above


def fold(seed, sources, copies, accuracy=0.8):
    """Two-class probabilities that are right as often as they say, alike within a source."""
    rng = np.random.default_rng(seed)
    number = np.repeat(np.arange(sources), copies)
    confidence = np.clip(rng.uniform(2 * accuracy - 1, 1, sources)[number], 0.5, 1)
    right = (rng.uniform(size=sources) < np.clip(rng.uniform(2 * accuracy - 1, 1, sources), 0.5, 1))[number]
    return np.column_stack([confidence, 1 - confidence]), np.where(right, 0, 1), number


def risk_bound(threshold, probs, labels, sources):
    """The bound of conformal risk control as the paper has it, (G / (G + 1)) R + 1 / (G + 1)."""
    lost = (probs.max(axis=1) > threshold) & (probs.argmax(axis=1) != labels)
    groups = np.unique(sources)
    risk = np.mean([lost[sources == group].mean() for group in groups])
    return len(groups) / (len(groups) + 1) * risk + 1 / (len(groups) + 1)


@given(st.integers(0, 300), st.integers(1, 3))
def test_the_lowest_threshold_that_controls_the_risk_is_chosen(seed, copies):
    probs, labels, sources = fold(seed, 30, copies)
    rule = fit_abstention(probs, labels, sources, 0.1)
    assert risk_bound(rule.threshold, probs, labels, sources) <= 0.1 + 1e-9
    assert (rule.abstains(probs) == (probs.max(axis=1) <= rule.threshold)).all()
    if rule.threshold > 0:
        image = max(p for p in probs.max(axis=1) if just_above(p) == rule.threshold)  # that it was decided by
        lower = probs.max(axis=1)[probs.max(axis=1) < image]
        below = lower.max() if len(lower) else 0.0
        assert risk_bound(below, probs, labels, sources) > 0.1


def test_few_of_all_images_of_new_sources_are_answered_wrongly():
    wrong, answered = [], []
    for seed in range(300):
        probs, labels, sources = fold(seed, 125, 7)
        known = sources < 25
        rule = fit_abstention(probs[known], labels[known], sources[known], 0.1)
        answers = ~rule.abstains(probs[~known])
        wrong.append((answers & (labels[~known] == 1)).mean())
        answered.append(answers.mean())
    assert np.mean(wrong) <= 0.105
    assert np.mean(answered) > 0.2  # not by saying nothing


def test_a_network_without_a_mistake_answers_everything():
    probs, _, sources = fold(0, 30, 2)
    rule = fit_abstention(probs, np.zeros(60, int), sources, 0.05)
    assert not rule.abstains(probs).any()


@pytest.mark.parametrize(("sources", "refused"), [(18, True), (19, False)])
def test_too_few_sources_are_refused_and_then_everything_is_answered(sources, refused):
    probs, labels, numbers = fold(0, sources, 14)
    rule = fit_abstention(probs, labels, numbers, 0.05)
    assert (rule.threshold is None) == refused
    if refused:
        assert rule.reason == "18 sources to decide by, and a promise of 5 % needs at least 19"
        assert not rule.abstains(probs).any()
