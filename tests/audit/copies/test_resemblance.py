"""Pictures that all resemble one another are told from copies by the whole; real copies are not."""

import cv2
import numpy as np
import pytest

from groupwise.audit.copies.clusters import cluster_ids
from groupwise.audit.copies.resemblance import (
    LEAST_IMAGES,
    _transitivity,
    mostly_drawn,
    pictures_resemble,
)
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


GROUPS = [range(start, start + 20) for start in range(0, 200, 20)]
CLIQUES = [(i, j) for group in GROUPS for i in group for j in group if i < j]
CHAINS = [(i, i + step) for group in GROUPS for i in group for step in (1, 2) if i + step in group]
CLUSTERS = np.arange(200) // 20


def labels_with_errors(share):
    """A class for every group, but for a share of them of which one image stands elsewhere."""
    wrong = {group[0] for group in GROUPS[: round(share * len(GROUPS))]}
    return ["ab"[(i // 20 % 2) ^ (i in wrong)] for i in range(200)]


def test_chains_under_several_labels_are_pictures_that_resemble_one_another():
    labels = labels_with_errors(0.2)
    assert pictures_resemble(CLUSTERS, labels, CHAINS)
    assert not pictures_resemble(CLUSTERS, labels, CLIQUES)  # copies, of which some have a wrong label


def test_chains_under_one_label_may_be_the_frames_of_a_film():
    assert not pictures_resemble(CLUSTERS, labels_with_errors(0), CHAINS)


@pytest.mark.parametrize(("share", "alike"), [(0.0, False), (0.005, False), (0.016, True)])
def test_scattered_pairs_need_few_that_join_two_labels(share, alike):
    rng = np.random.default_rng(0)
    labels = labels_of(3000, "abcde")
    pairs = [(i, i + 5 * int(step)) for i, step in zip(range(800), rng.integers(1, 400, 800), strict=True)]
    pairs[: round(800 * share)] = [(i, i + 1) for i in range(round(800 * share))]
    clusters = cluster_ids(3000, pairs)
    assert pictures_resemble(clusters, labels, pairs) == alike
    within = cluster_ids(3000, [pair for pair in pairs if labels[pair[0]] == labels[pair[1]]])
    assert not pictures_resemble(within, labels, pairs)  # where what joins two labels is a bridge, and cut


def test_so_few_pairs_say_nothing_of_chains():
    clusters, pairs = np.r_[np.arange(190), [0] * 10], [(0, 190), (190, 191), (191, 192)]
    assert not pictures_resemble(clusters, labels_of(200), pairs)


@pytest.mark.parametrize("seed", range(3))
def test_transitivity_is_that_of_the_definition(seed):
    rng = np.random.default_rng(seed)
    joined = np.triu(rng.random((40, 40)) < 0.3, 1)
    pairs = list(zip(*map(np.ndarray.tolist, joined.nonzero()), strict=True))
    both = joined | joined.T
    wedges = closed = 0
    for middle in range(40):
        ends = both[middle].nonzero()[0]
        wedges += len(ends) * (len(ends) - 1) // 2
        closed += int(np.triu(both[np.ix_(ends, ends)], 1).sum())
    assert _transitivity(40, pairs) == pytest.approx(closed / wedges)
    assert _transitivity(40, [*pairs, *((j, i) for i, j in pairs)]) == pytest.approx(closed / wedges)


def test_the_finding_says_what_the_audit_cannot_tell_and_both_ways_out():
    finding = find_resemblance(60, 1)
    assert "cannot tell" in finding.text
    assert "--copies group" in finding.remedy
    assert "--group-column" in finding.remedy


def test_one_pair_between_two_films_is_no_resemblance():
    films = [range(start, start + 200) for start in range(0, 4000, 200)]
    chains = [(i, i + step) for film in films for i in film for step in (1, 2) if i + step in film]
    labels = ["ab"[i // 200 % 2] for i in range(4000)]
    between = [(i, i + 200) for i in range(0, 40)]
    few, many = chains + between[:1], chains + between
    assert not pictures_resemble(cluster_ids(4000, few), labels, few)  # 400 of 4,000 images in conflict
    assert pictures_resemble(cluster_ids(4000, many), labels, many)


@pytest.mark.parametrize(("conflicts", "alike"), [(2, False), (3, True)])
def test_of_drawings_a_few_pairs_under_two_labels_are_enough(conflicts, alike):
    clusters = np.r_[np.repeat(np.arange(20), 2), np.arange(20, 120)]
    labels = ["a", "a"] * (20 - conflicts) + ["a", "b"] * conflicts + labels_of(100)
    pairs = [(2 * k, 2 * k + 1) for k in range(20)]
    assert pictures_resemble(clusters, labels, pairs, drawn=True) == alike
    assert not pictures_resemble(clusters, labels, pairs)


def test_letters_are_drawings_and_things_on_white_ground_are_not(scene):
    letters, things = [], []
    for k, letter in enumerate("abcdefgh"):
        paper = np.full((128, 128), 255, np.uint8)
        letters.append(cv2.putText(paper.copy(), letter, (30, 90), cv2.FONT_HERSHEY_SIMPLEX, 3, 0, 4))
        thing = paper.copy()
        thing[30:98, 20:108] = cv2.resize(cv2.cvtColor(scene(k), cv2.COLOR_RGB2GRAY), (88, 68))
        things.append(thing)
    assert mostly_drawn(letters)
    assert not mostly_drawn(things)
    assert not mostly_drawn([])
