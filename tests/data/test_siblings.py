import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groupwise.data.sources import expected_sibling_share
from groupwise.data.stratify import assign_random


def simulated_share(sources, shares, draws, seed):
    """The mean over random splits of what `split.json` counts, and its standard error."""
    found = []
    for number in range(seed, seed + draws):
        folds = assign_random(len(sources), shares, number)
        test = folds == len(shares) - 1
        found.append(np.isin(sources[test], sources[folds == 0]).mean())
    return np.mean(found), np.std(found) / np.sqrt(draws)


@pytest.mark.parametrize("sizes", [[2] * 30, [1] * 40 + [6] * 5, [14, 3, 1, 1, 2, 9]])
def test_agrees_with_random_splits(sizes):
    sources, shares = np.repeat(np.arange(len(sizes)), sizes), (0.6, 0.2, 0.2)
    n_train = int((assign_random(len(sources), shares, 0) == 0).sum())
    mean, error = simulated_share(sources, shares, draws=3000, seed=1)
    assert expected_sibling_share(sources, n_train) == pytest.approx(mean, abs=4 * error)


def test_pairs_by_hand():
    # Of a pair with one image outside, the other is among the 5 others, 3 of which are drawn for training.
    assert expected_sibling_share(np.array([0, 0, 1, 1, 2, 2]), 3) == pytest.approx(3 / 5)


def test_single_images_have_no_sibling_and_one_source_always_has():
    assert expected_sibling_share(np.arange(50), 40) == 0
    assert expected_sibling_share(np.zeros(50, int), 40) == 1


@given(st.lists(st.integers(1, 8), min_size=2, max_size=12), st.data())
def test_is_a_share_that_grows_with_training_and_with_the_sources_joined(sizes, data):
    sources = np.repeat(np.arange(len(sizes)), sizes)
    n_train = data.draw(st.integers(1, len(sources) - 1))
    share = expected_sibling_share(sources, n_train)
    joined = np.maximum(sources, 1)
    assert 0 <= share <= 1
    assert expected_sibling_share(joined, n_train) >= share - 1e-12
    if n_train < len(sources) - 1:
        assert expected_sibling_share(sources, n_train + 1) >= share - 1e-12
