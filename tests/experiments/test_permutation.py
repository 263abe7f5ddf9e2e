from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from groupwise.experiments.permutation_test import one_class_each, permute_labels


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 5)), min_size=2, max_size=20),
    st.integers(0, 99),
)
def test_sources_of_one_class_keep_one_and_classes_keep_their_sources(table, seed):
    labels = [name for name, size in table for _ in range(size)]
    sources = np.repeat(np.arange(len(table)), [size for _, size in table])
    new = permute_labels(labels, sources, seed=seed)
    assert one_class_each(new, sources)
    first = np.unique(sources, return_index=True)[1]
    assert Counter(np.array(new)[first]) == Counter(name for name, _ in table)


@given(st.integers(2, 6), st.integers(2, 5), st.integers(0, 99))
def test_sources_of_many_classes_rename_them_each_by_itself(squares, classes, seed):
    # As many sources as fill whole squares, each with two copies of every class.
    sources = np.repeat(np.arange(squares * classes), 2 * classes)
    labels = [f"c{k}" for _ in range(squares * classes) for k in range(classes) for _ in range(2)]
    new = np.array(permute_labels(labels, sources, seed=seed)).reshape(squares * classes, classes, 2)
    assert (new[:, :, 0] == new[:, :, 1]).all()  # what shared a class still does
    assert (np.sort(new[:, :, 0], axis=1) == [f"c{k}" for k in range(classes)]).all()  # a renaming
    for k in range(classes):  # every class gets every name in as many sources
        assert set(Counter(new[:, k, 0]).values()) == {squares}


def test_the_new_name_is_uniform_whatever_the_old_one():
    sources, labels = np.repeat(np.arange(7), 3), list("aababccccbcabbbacbcab")
    drawn = np.array([permute_labels(labels, sources, seed=seed) for seed in range(3000)])
    shares = np.stack([(drawn == name).mean(axis=0) for name in "abc"])
    assert np.abs(shares - 1 / 3).max() < 0.04


def test_the_seed_decides_and_other_seeds_differ():
    sources, labels = np.arange(40), ["a", "b"] * 20
    assert permute_labels(labels, sources, seed=1) == permute_labels(labels, sources, seed=1)
    assert permute_labels(labels, sources, seed=1) != permute_labels(labels, sources, seed=2)
