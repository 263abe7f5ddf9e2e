"""One answer a case: figures of cases with intervals over sources, and no answer for cases of two classes."""

import numpy as np
import pytest

from groupwise.errors import UsageError
from groupwise.evaluation.cases import Pictures, measure_cases
from groupwise.stats.cases import CaseRule
from groupwise.stats.metrics import evaluate_fold

CLASSES = ("cat", "dog")


def pictures(labels, dog, names, sources=None):
    dog = np.array(dog)
    probs = np.stack([1 - dog, dog], axis=1)
    _, numbers = np.unique(names, return_inverse=True)
    return Pictures(np.array(labels), probs, names, numbers if sources is None else np.array(sources))


def test_the_figures_are_those_of_a_fold_whose_images_are_cases():
    given = pictures([0, 0, 1, 1, 1, 0], [0.2, 0.7, 0.9, 0.4, 0.8, 0.6], list("aabbbc"))
    found = measure_cases(given, CaseRule("mean"), CLASSES)
    assert found.names == ["a", "b", "c"]
    assert found.pictures.tolist() == [2, 3, 1]
    np.testing.assert_allclose(found.probs[:, 1], [0.45, 0.7, 0.6])
    reference = evaluate_fold(np.array([0, 1, 0]), found.probs, np.arange(3), CLASSES, seed=0)
    assert found.facts["figures"] == reference
    assert found.facts["single_picture"]["value"] == pytest.approx((1 / 2 + 2 / 3 + 0) / 3)
    assert found.facts["rules"]["mean"] == reference["accuracy"]


def test_cases_of_one_source_are_no_independent_cases():
    labels, dog = [0, 1] * 6, [0.4, 0.8] * 6
    names = [f"visit {i}" for i in range(12)]
    patients = np.repeat(np.arange(3), 4)
    found = measure_cases(pictures(labels, dog, names, patients), CaseRule(), CLASSES)
    assert found.facts["cases"] == 12
    assert found.facts["figures"]["sources"] == 3
    apart = measure_cases(pictures(labels, dog, names), CaseRule(), CLASSES)
    assert apart.facts["figures"]["accuracy"]["low"] > found.facts["figures"]["accuracy"]["low"]


def test_a_case_that_joins_sources_joins_them_in_the_interval():
    found = measure_cases(
        pictures([0, 0, 1, 1], [0.1, 0.2, 0.9, 0.8], list("aabb"), [0, 1, 2, 3]), CaseRule(), CLASSES
    )
    assert found.facts["figures"]["sources"] == 2


def test_a_case_of_two_classes_is_left_out_and_counted():
    found = measure_cases(pictures([0, 1, 1, 0], [0.1, 0.9, 0.9, 0.2], list("aabc")), CaseRule(), CLASSES)
    assert (found.facts["cases"], found.facts["several_classes"], found.facts["examples"]) == (2, 1, ["a"])
    assert found.facts["pictures"] == 2


def test_where_most_cases_have_two_classes_there_is_no_answer():
    with pytest.raises(UsageError) as caught:
        measure_cases(pictures([0, 1, 1, 0, 1], [0.5] * 5, list("aabbc")), CaseRule(), CLASSES)
    assert "the pictures of 2 of 3 cases, such as 'a', have several classes" in str(caught.value)
    assert caught.value.place == "--by"
