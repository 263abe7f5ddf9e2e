import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from groupwise.data.stratify import UNASSIGNED, assign_random, assign_sources


@st.composite
def folders(draw):
    """Labels and sources of a folder: up to 40 sources of 1 to 15 samples in up to 4 classes."""
    sizes = draw(st.lists(st.integers(1, 15), min_size=4, max_size=40))
    sources = np.repeat(np.arange(len(sizes)), sizes)
    classes = draw(st.integers(2, 4))
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=len(sources), max_size=len(sources)))
    return np.array(labels), sources


@given(folders(), st.integers(0, 3))
def test_no_source_spans_two_folds(folder, seed):
    labels, sources = folder
    folds = assign_sources(labels, sources, [8, 1, 1], seed)
    assert set(folds.tolist()) <= {0, 1, 2}
    assert all(len(set(folds[sources == s].tolist())) == 1 for s in set(sources.tolist()))


@given(folders(), st.integers(0, 3))
def test_given_folds_are_kept_and_followed(folder, seed):
    labels, sources = folder
    before = assign_sources(labels, sources, [8, 1, 1], seed)
    known = sources < sources.max() / 2
    after = assign_sources(labels, sources, [8, 1, 1], seed + 1, given=np.where(known, before, UNASSIGNED))
    assert (after[known] == before[known]).all()


@given(st.integers(3, 60), st.integers(3, 60), st.integers(0, 5))
def test_every_fold_holds_every_class_when_sources_are_single(first, second, seed):
    labels = np.repeat([0, 1], [first, second])
    folds = assign_sources(labels, np.arange(len(labels)), [0.98, 0.01, 0.01], seed)
    assert all(set(labels[folds == fold].tolist()) == {0, 1} for fold in range(3))


def test_two_sources_are_exchanged_where_none_can_be_spared():
    """Five patients of three classes, of whom most have several."""
    images = [[0, 1, 1], [0], [1, 2, 2], [0, 0, 2], [0, 1, 2]]
    labels, sources = np.concatenate(images), np.repeat(np.arange(5), [len(one) for one in images])
    folds = assign_sources(labels, sources, [0.8, 0.1, 0.1], 0)
    assert all(set(labels[folds == fold].tolist()) == {0, 1, 2} for fold in range(3))
    assert all(len(set(folds[sources == source].tolist())) == 1 for source in range(5))
    held = np.where(sources == 1, folds, UNASSIGNED)
    assert (assign_sources(labels, sources, [0.8, 0.1, 0.1], 0, given=held)[sources == 1] == held[3]).all()


def test_an_exchange_leaves_the_shares_nearest_to_what_they_should_be():
    """Six sources of four classes: the largest holds one that `test` lacks, and stays where it is."""
    held = [[2, 1, 0, 0], [5, 8, 0, 4], [0, 2, 4, 2], [0, 2, 0, 0], [0, 3, 3, 1], [1, 0, 2, 0]]
    sizes = np.array(held) * [[1], [2], [1], [1], [1], [1]]
    labels = np.concatenate([np.repeat(np.arange(4), n) for n in sizes])
    sources = np.repeat(np.arange(6), sizes.sum(axis=1))
    folds = assign_sources(labels, sources, [0.7, 0.15, 0.15], 0)
    assert np.bincount(folds).argmax() == 0
    assert np.bincount(folds).min() >= 0.5 * 0.15 * len(folds)


def test_shares_are_met_as_nearly_as_scikit_learn_meets_them():
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 20, 150)
    sources = np.repeat(np.arange(150), sizes)
    labels = np.repeat(rng.choice(3, 150, p=[0.6, 0.3, 0.1]), sizes)

    def worst(folds):
        table = np.array([[np.sum((labels == k) & (folds == f)) for k in range(3)] for f in range(5)])
        return np.abs(table / table.sum(axis=0) - 1 / 5).max()

    theirs = np.empty(len(labels), dtype=int)
    splitter = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    for fold, (_, test) in enumerate(splitter.split(labels, labels, sources)):
        theirs[test] = fold
    assert worst(assign_sources(labels, sources, [1] * 5, 0)) <= worst(theirs) + 0.01


def test_seed_decides_and_repeats():
    labels, sources = np.arange(100) % 2, np.arange(100)
    first = assign_sources(labels, sources, [8, 1, 1], 1)
    assert (first == assign_sources(labels, sources, [8, 1, 1], 1)).all()
    assert (first != assign_sources(labels, sources, [8, 1, 1], 2)).any()


def test_a_source_larger_than_the_test_fold_goes_to_train():
    labels = np.array([0, 1] * 30 + [0] * 40)
    sources = np.concatenate([np.arange(60), np.full(40, 99)])
    folds = assign_sources(labels, sources, [8, 1, 1], 0)
    assert set(folds[sources == 99].tolist()) == {0}


@pytest.mark.parametrize(("n", "sizes"), [(10, [8, 2]), (11, [8, 3]), (2142, [1713, 429])])
def test_random_cuts_where_the_tutorial_cuts(n, sizes):
    # The tutorial gives train int(0.8 n) and test the rest.
    folds = assign_random(n, [0.8, 0.2], 0)
    assert np.bincount(folds).tolist() == sizes


def label_sets(seed):
    """Sets of five labels, the last one rare, of 120 sources of 1 to 12 samples that are alike."""
    rng = np.random.default_rng(seed)
    sources = np.repeat(np.arange(120), rng.integers(1, 13, 120))
    liking = rng.beta(1, 3, (120, 5)) * [1, 1, 1, 1, 0.3]
    return (rng.random((len(sources), 5)) < liking[sources]).astype(np.uint8), sources


def iterative(members, sources, shares, seed):
    """Iterative stratification (Sechidis et al. 2011, algorithm 1) with a source in place of a sample."""
    rng = np.random.default_rng(seed)
    held = np.array([members[sources == s].sum(axis=0) for s in range(sources.max() + 1)], dtype=float)
    share = np.array(shares) / sum(shares)
    wants, places = np.outer(share, held.sum(axis=0)), share * len(held)
    fold, left = np.full(len(held), -1), set(range(len(held)))
    while left:
        remaining = (held[sorted(left)] > 0).sum(axis=0)
        label = int(np.where(remaining > 0, remaining, np.inf).argmin())
        chosen = [s for s in sorted(left) if held[s, label] > 0] if remaining.any() else sorted(left)
        for source in rng.permutation(chosen):
            by = wants[:, label] if remaining.any() else places
            fold[source] = np.lexsort((rng.random(len(share)), -places, -by))[0]
            wants[fold[source]] -= held[source]
            places[fold[source]] -= 1
            left.discard(source)
    return fold[sources]


def test_sets_of_labels_are_divided_more_evenly_than_by_iterative_stratification_of_sources():
    def worst(folds):
        parts = np.array([members[folds == fold].sum(axis=0) for fold in range(3)]) / members.sum(axis=0)
        return np.abs(parts - np.array([[0.8], [0.1], [0.1]])).max()

    for seed in range(3):
        members, sources = label_sets(seed)
        folds = assign_sources(members, sources, [8, 1, 1], seed)
        assert all(len(set(folds[sources == s].tolist())) == 1 for s in set(sources.tolist()))
        assert worst(folds) <= worst(iterative(members, sources, [8, 1, 1], seed))
        assert np.abs(np.bincount(folds) / len(folds) - [0.8, 0.1, 0.1]).max() < 0.05
        for fold in range(3):  # each label in two sources at least, so that it has an interval
            held = [np.unique(sources[(folds == fold) & (members[:, k] == 1)]).size for k in range(5)]
            assert min(held) >= 2


def test_given_folds_of_sets_are_kept():
    members, sources = label_sets(3)
    given_folds = np.where(sources < 40, 1, UNASSIGNED)
    assert (assign_sources(members, sources, [8, 1, 1], 0, given=given_folds)[sources < 40] == 1).all()
