"""Shortcut check: names a clue that tells the label, and stays silent for one that only seems to."""

from __future__ import annotations

import numpy as np

from groupwise.audit.shortcuts import count_tested, find_shortcuts

LABELS = ["cat", "dog"] * 100


def test_a_clue_that_tells_the_label_is_named_and_noise_is_not() -> None:
    rng = np.random.default_rng(0)
    size = np.array([[1000.0 if label == "cat" else 2000.0] for label in LABELS]) + rng.normal(
        0, 200, (200, 1)
    )
    found = find_shortcuts(
        {"file size": size, "noise": rng.normal(size=(200, 3))}, LABELS, range(200), seed=0
    )
    assert [one.clue for one in found] == ["file size"]
    assert found[0].balanced_accuracy > 0.95 > found[0].chance == 0.5


def test_a_clue_that_only_recognises_copies_is_not_a_shortcut() -> None:
    # 40 photographs, five copies each: the clue is the photograph's own number, shared by its copies.
    clusters = np.repeat(np.arange(40), 5)
    labels = [LABELS[number] for number in np.random.default_rng(1).permutation(40)[clusters]]
    clue = np.random.default_rng(2).permutation(40)[clusters][:, None].astype(float)
    assert find_shortcuts({"number": clue}, labels, clusters.tolist(), seed=0) == []
    assert find_shortcuts({"number": clue}, labels, range(200), seed=0) != []


def test_constant_clues_and_lone_classes_are_left_alone() -> None:
    assert find_shortcuts({"flat": np.ones((200, 2))}, LABELS, range(200), seed=0) == []
    assert find_shortcuts({"size": np.arange(200.0)[:, None]}, ["cat"] * 200, range(200), seed=0) == []
    assert find_shortcuts({"size": np.arange(8.0)[:, None]}, LABELS[:8], range(8), seed=0) == []


def test_classes_of_too_few_photographs_are_not_tested() -> None:
    labels = ["cat"] * 10 + ["dog"] * 10 + ["fox"] * 9
    assert count_tested(labels, range(29), seed=0) == 2
    assert count_tested(labels[10:], range(19), seed=0) == 0
    # Copies are one photograph.
    assert count_tested(labels[:20], [0, *range(19)], seed=0) == 0
