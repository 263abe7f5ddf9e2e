"""An index in parts: it proposes, to the last bit, what one index of all photographs does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groupwise.audit.copies.features import Features, describe, mirrored, working_grey
from groupwise.audit.copies.index import Said, index_words, read_words
from groupwise.audit.copies.parted import join_said, merge_proposals, propose_of_part
from groupwise.audit.copies.short_list import CANDIDATES, Proposal, propose
from groupwise.audit.copies.vocabulary import made_vocabulary

N = 24


@pytest.fixture(scope="module")
def said(scene: Callable[..., npt.NDArray[np.uint8]]) -> tuple[list[Features], list[Said]]:
    """Photographs, of which some are mirrored or smaller copies of others, and the words of each."""
    features = [describe(working_grey(scene(k, 96))) for k in range(N - 6)]
    features += [Features(one.points, mirrored(one.descriptors)) for one in features[:3]]
    small = np.array([0.5, 0.5, 0.5, 1], np.float32)
    features += [Features(one.points * small + np.float32(4), one.descriptors) for one in features[3:6]]
    return features, [read_words([one], made_vocabulary(), map) for one in features]


def _proposed(features: Sequence[Features], said: Sequence[Said], cuts: Sequence[int]) -> list[Proposal]:
    vocabulary, own = made_vocabulary(), np.arange(len(features))
    parts = [said[begin:end] for begin, end in zip(cuts, [*cuts[1:], len(said)], strict=True)]
    joined = [join_said(part) for part in parts]
    frequency = np.sum([one.frequency(vocabulary) for one in joined], axis=0)
    indexes = [index_words(one, vocabulary, frequency, len(said)) for one in joined]
    return merge_proposals(
        propose_of_part(index, begin, features, own) for index, begin in zip(indexes, cuts, strict=True)
    )


@settings(max_examples=15, deadline=None)
@given(cuts=st.sets(st.integers(1, N - 1), max_size=6))
def test_parts_propose_what_the_whole_does(said, cuts):
    features, words = said
    vocabulary, whole = made_vocabulary(), join_said(words)
    index = index_words(whole, vocabulary, whole.frequency(vocabulary), N)
    expected = propose(index, features, np.arange(N))
    assert _proposed(features, words, [0, *sorted(cuts)]) == expected
    assert {(k, N - 6 + k) for k in range(3)} <= {(one.query, one.other) for one in expected if one.mirrored}
    assert any(one.inset for one in expected)


def test_a_part_that_weighs_words_by_its_own_photographs_would_propose_others(said):
    features, words = said
    vocabulary, half = made_vocabulary(), join_said(words[: N // 2])
    alone = index_words(half, vocabulary, half.frequency(vocabulary), N // 2)
    whole = _proposed(features, words, [0])
    ours = [one for one in whole if one.other < N // 2 and not one.inset]
    found = propose_of_part(alone, 0, features, np.arange(N))
    assert {one.value for one in ours}.isdisjoint(one.value for one in found if not one.inset)


def test_the_best_of_all_parts_are_kept_and_ties_go_to_the_lower_number():
    parts = [[Proposal(0, 2 * k + part, False, False, 1.0) for k in range(CANDIDATES)] for part in (1, 0)]
    assert [one.other for one in merge_proposals(parts)] == list(range(CANDIDATES))
