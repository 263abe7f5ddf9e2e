"""The index: which local features are alike, by word and signs, and how little a new photograph changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest

from groupwise.audit.copies import index as module
from groupwise.audit.copies.features import Features, describe, working_grey
from groupwise.audit.copies.index import Index, index_photographs, match
from groupwise.audit.copies.short_list import CANDIDATES, short_list
from groupwise.audit.copies.verify import Candidate

Scene = Callable[..., npt.NDArray[np.uint8]]


@pytest.fixture
def features(scene: Scene) -> list[Features]:
    return [describe(working_grey(scene(k))) for k in range(20)]


def _index(features: Sequence[Features]) -> Index:
    with ThreadPoolExecutor(1) as pool:
        return index_photographs(features, 0, pool)


def _proposed(features: Sequence[Features]) -> set[Candidate]:
    with ThreadPoolExecutor(1) as pool:
        return {
            one
            for _, chunk in short_list(index_photographs(features, 0, pool), pool, features)
            for one in chunk
        }


def test_a_feature_meets_itself_and_what_hardly_differs_but_not_what_shares_the_word_alone(features):
    index, own = _index(features), features[3].descriptors
    rng = np.random.default_rng(0)
    noisy = np.clip(own + rng.integers(-1, 2, own.shape), 0, 255).astype(np.uint8)
    for asked in (own, noisy):
        found = match(index, asked)
        ours = found.row[index.photograph[found.posting] == 3]
        assert len(np.unique(ours)) > 0.9 * len(own)
    everyone = features[0].descriptors
    strangers = match(index, everyone).posting
    shared = [
        np.arange(index.starts[w], index.starts[w + 1])
        for w in index.vocabulary.words(everyone / np.float32(512), 1).ravel()
    ]
    assert len(strangers) < 0.5 * len(np.concatenate(shared)) * 3  # three words are asked for


def test_no_features_match_nothing(features):
    assert len(match(_index(features), np.zeros((0, 128), np.uint8)).row) == 0


def test_the_limits_of_memory_change_nothing(features, monkeypatch):
    index, own = _index(features), features[3].descriptors
    at_once = match(index, own)
    monkeypatch.setattr(module, "_MEETINGS_AT_ONCE", 3)
    monkeypatch.setattr(module, "PHOTOGRAPHS_AT_ONCE", 2)
    again = match(_index(features), own)
    order, other = (np.lexsort((one.posting, one.row)) for one in (at_once, again))
    np.testing.assert_array_equal(at_once.posting[order], again.posting[other])
    np.testing.assert_array_equal(at_once.weight[order], again.weight[other])


def test_a_new_photograph_leaves_the_candidates_of_the_others_as_they_were(features, scene):
    before = _proposed(features)
    new = describe(working_grey(scene(99)))
    after = {one for one in _proposed([*features, new]) if one.second < len(features)}
    assert len(before & after) > 0.9 * len(before)
    assert len(before) > CANDIDATES * len(features) / 3


def test_words_of_very_many_photographs_are_their_own_and_find_as_well(features, scene, monkeypatch):
    monkeypatch.setattr("groupwise.audit.copies.vocabulary.MOST_FOR_MADE", 10)
    mirrored = [describe(working_grey(scene(k)[:, ::-1])) for k in range(3)]
    assert {Candidate(k, 20 + k, True) for k in range(3)} <= _proposed([*features, *mirrored])
