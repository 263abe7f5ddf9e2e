"""Pictures that all resemble one another are told from copies by the whole; real copies are not."""

import numpy as np
import pytest

from groupwise.audit.copies.resemblance import LEAST_IMAGES, pictures_resemble
from groupwise.audit.findings import find_resemblance


def labels_of(n, names="ab"):
    return [names[i % len(names)] for i in range(n)]


ALIKE = {
    "one part under a fixed camera": (np.zeros(60, int), labels_of(60)),
    "three printed digits": (np.repeat([0, 1, 2], 30), list(np.repeat(list("358"), 30))),
    "ten printed digits": (np.repeat(np.arange(10), 30), list(np.repeat(list("0123456789"), 30))),
    "forms, of which some stand alone": (np.array([0] * 40 + list(range(1, 21))), labels_of(60)),
    "five kinds of board, each sound and broken": (
        np.arange(100) % 5,
        [("ab")[i // 5 % 2] for i in range(100)],
    ),
}
APART = {
    "fourteen copies of each of forty photographs": (
        np.arange(560) // 14,
        [("ab")[i // 280] for i in range(560)],
    ),
    "photographs alone": (np.arange(60), labels_of(60)),
    "some labels that err": (np.r_[np.arange(90), [0, 1, 2, 3, 4] * 2], labels_of(100)),
    "a few images": (np.zeros(LEAST_IMAGES - 1, int), labels_of(LEAST_IMAGES - 1)),
    "six exposures of each of ten parts": (np.arange(60) // 6, [("ab")[i // 30] for i in range(60)]),
    "one class of three in one picture": (
        np.r_[[0] * 20, np.arange(1, 41)],
        list("a" * 20 + "b" * 20 + "c" * 20),
    ),
    "four photographs of each class": (np.arange(112) // 14, [("ab")[i // 56] for i in range(112)]),
    "nothing": (np.zeros(0, int), []),
}


@pytest.mark.parametrize(("clusters", "labels"), ALIKE.values(), ids=ALIKE)
def test_a_data_set_of_one_thing_resembles(clusters, labels):
    assert pictures_resemble(clusters, labels)


@pytest.mark.parametrize(("clusters", "labels"), APART.values(), ids=APART)
def test_copies_of_many_photographs_do_not(clusters, labels):
    assert not pictures_resemble(clusters, labels)


def test_the_finding_says_what_the_audit_cannot_tell_and_both_ways_out():
    finding = find_resemblance(60, 1)
    assert "cannot tell" in finding.text
    assert "--copies group" in finding.remedy
    assert "--group-column" in finding.remedy
