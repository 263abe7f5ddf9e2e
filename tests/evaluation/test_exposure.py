"""Beside the number of a split that cuts sources: how it did on images with and without learnt siblings."""

import numpy as np

from groupwise.data.split import Assignment, Split
from groupwise.evaluation.leakage import KEY, exposure_lines, measure_exposure
from groupwise.stats.fold import check_fold


def made(cut: bool):
    """Eight training and eight test images; with `cut`, half of the latter share a group with the former."""
    rows = [
        Assignment(f"{i}.jpg", "ab"[i % 2], f"g{i % 8 if cut and i < 12 else i}", i, "train")
        for i in range(8)
    ]
    rows += [
        Assignment(f"{i}.jpg", "ab"[i % 2], f"g{i % 8 if cut and i < 12 else i}", i, "test")
        for i in range(8, 16)
    ]
    split = Split(tuple(rows))
    chosen = split.indices("test")
    labels = np.array([i % 2 for i in range(8)])
    right = np.array([1, 1, 1, 1, 1, 0, 0, 0], bool)  # all of the siblings, one of the others
    probs = np.where((labels == 0) == right, 0.9, 0.1)
    fold = check_fold(labels, np.column_stack([probs, 1 - probs]), split.sources[chosen], ("a", "b"))
    return measure_exposure(fold, split, chosen)


def test_images_with_siblings_are_measured_apart():
    measured = made(cut=True)
    assert measured[KEY]["with"]["value"] == 1
    assert measured[KEY]["without"]["value"] == 0.25
    first, second = exposure_lines(measured)
    assert first.startswith("With a sibling in training: 100.0 % of 4 images")
    assert second.startswith("Without one: 25.0 % of 4 images")
    assert "were classified correctly" in first


def test_of_sets_of_labels_it_is_the_exactly_right_ones():
    first, second = exposure_lines(made(cut=True) | {"labels": "several"})
    for line in (first, second):
        assert "have exactly the right labels; " in line
        assert "were classified correctly" not in line


def test_a_split_that_cuts_nothing_says_nothing():
    assert made(cut=False) == {}
    assert exposure_lines({}) == []
