"""One answer a case: the rules by hand, the choice between them, and the mean where none can be made."""

import numpy as np
import pytest

from groupwise.stats.cases import (
    FEWEST_CASES,
    MAX,
    MEAN,
    RULES,
    VOTE,
    CaseRule,
    aggregate,
    choose_case_rule,
    label_cases,
)

PROBS = np.array([[0.9, 0.1], [0.4, 0.6], [0.45, 0.55], [0.2, 0.8]])
CASES = np.array([0, 0, 0, 1])


@pytest.mark.parametrize(
    ("rule", "first"),
    [
        (MEAN, [1.75 / 3, 1.25 / 3]),
        (MAX, [0.9 / 1.5, 0.6 / 1.5]),
        (VOTE, [(1 + 1.75 / 3) / 4, (2 + 1.25 / 3) / 4]),
    ],
)
def test_each_rule_is_what_its_name_says(rule, first):
    found = aggregate(PROBS, CASES, rule)
    np.testing.assert_allclose(found[0], first)
    assert found.argmax(axis=1).tolist() == [1 if rule == VOTE else 0, 1]
    np.testing.assert_allclose(found.sum(axis=1), 1)


@pytest.mark.parametrize("rule", RULES)
def test_a_single_picture_keeps_its_answer_whatever_the_rule(rule):
    found = aggregate(PROBS[[0, 3]], np.array([0, 1]), rule)
    assert found.argmax(axis=1).tolist() == [0, 1]
    if rule != VOTE:
        np.testing.assert_allclose(found, PROBS[[0, 3]])


def test_a_case_of_several_classes_has_no_label():
    assert label_cases(np.array([1, 1, 0, 2, 1]), np.array([0, 0, 1, 2, 2])).tolist() == [1, 0, -1]


def world(rng, n, kind):
    """Cases of five pictures: all are noisy alike, one alone shows the class, or some are loudly wrong."""
    cases = np.repeat(np.arange(n), 5)
    labels = rng.integers(2, size=n)[cases]
    signs = np.where(labels[:, None] == np.arange(2), 1.0, -1.0)
    if kind == "noisy":
        logits = 0.5 * signs + 1.5 * rng.normal(size=(5 * n, 2))
    elif kind == "one tells":
        logits = np.where((np.arange(5 * n) % 5 == 0)[:, None], 4 * signs, rng.normal(size=(5 * n, 2)))
    else:
        loud = rng.random(5 * n) < 0.25
        logits = np.where(loud[:, None], 8 * rng.normal(size=(5 * n, 2)), 0.5 * signs)
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return labels, probs, cases


@pytest.mark.parametrize(
    ("kind", "fitting"), [("noisy", {MEAN, VOTE}), ("one tells", {MAX}), ("loud", {VOTE})]
)
def test_the_rule_that_fits_is_chosen_and_never_falls_behind_the_surest_picture(kind, fitting):
    chosen = []
    for seed in range(5):
        rule = choose_case_rule(*world(np.random.default_rng(seed), 60, kind))
        chosen.append(rule.rule in fitting)
        assert rule.cases == 60
        labels, probs, cases = world(np.random.default_rng(100 + seed), 4000, kind)
        truth = label_cases(labels, cases)
        right = {name: (aggregate(probs, cases, name).argmax(axis=1) == truth).mean() for name in RULES}
        assert right[rule.rule] >= right[MAX] - 0.01
    assert sum(chosen) >= 4


def test_log_loss_alone_does_not_choose_a_rule_that_is_right_less_often():
    # The mean is surer of twelve cases, which max gets right as well, and misses eight that max gets right.
    missed = [[0.6, 0.4], [0.42, 0.58], [0.42, 0.58]]
    surer = [[0.95, 0.05], [0.95, 0.05], [0.06, 0.94]]
    probs, cases = np.array(8 * missed + 12 * surer), np.repeat(np.arange(20), 3)
    labels = np.zeros(60, dtype=np.int64)
    right = {name: int((aggregate(probs, cases, name)[:, 0] > 0.5).sum()) for name in (MEAN, MAX)}
    assert right == {MEAN: 12, MAX: 20}
    rule = choose_case_rule(labels, probs, cases)
    assert rule.log_losses[MEAN] < rule.log_losses[MAX]
    assert rule.rule == MAX


def test_too_few_cases_of_several_pictures_give_the_mean_and_the_reason():
    labels, probs, cases = world(np.random.default_rng(0), FEWEST_CASES - 1, "one tells")
    rule = choose_case_rule(labels, probs, cases)
    assert (rule.rule, rule.cases, dict(rule.log_losses)) == (MEAN, FEWEST_CASES - 1, {})
    assert f"{FEWEST_CASES} are needed" in rule.reason
    singles = choose_case_rule(labels, probs, np.arange(len(labels)))
    assert singles.cases == 0
    assert CaseRule().aggregate(probs, cases).shape == (FEWEST_CASES - 1, 2)
