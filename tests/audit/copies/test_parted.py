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
from groupwise.audit.copies.short_list import CANDIDATES, PROPOSAL, Proposals, propose
from groupwise.audit.copies.vocabulary import Vocabulary

N = 12
_UNIT = np.random.default_rng(0).integers(0, 120, (72, 128)).astype(np.float32) / 512
WORDS = Vocabulary(_UNIT[:8], _UNIT[8:].reshape(8, 8, 128))


@pytest.fixture(scope="module")
def said(scene: Callable[..., npt.NDArray[np.uint8]]) -> tuple[list[Features], list[Said]]:
    """Photographs, of which some are mirrored or smaller copies of others, and the words of each."""
    features = [describe(working_grey(scene(k, 96)), 40) for k in range(N - 4)]
    features += [Features(one.points, mirrored(one.descriptors)) for one in features[:2]]
    small = np.array([0.5, 0.5, 0.5, 1], np.float32)
    features += [Features(one.points * small + np.float32(4), one.descriptors) for one in features[2:4]]
    return features, [read_words([one], WORDS, map) for one in features]


def _proposed(features: Sequence[Features], said: Sequence[Said], cuts: Sequence[int]) -> Proposals:
    own = np.arange(len(features))
    parts = [said[begin:end] for begin, end in zip(cuts, [*cuts[1:], len(said)], strict=True)]
    joined = [join_said(part) for part in parts]
    frequency = np.sum([one.frequency(WORDS) for one in joined], axis=0)
    indexes = [index_words(one, WORDS, frequency, len(said)) for one in joined]
    return merge_proposals(
        propose_of_part(index, begin, features, own) for index, begin in zip(indexes, cuts, strict=True)
    )


@settings(max_examples=8, deadline=None)
@given(cuts=st.sets(st.integers(1, N - 1), max_size=3))
def test_parts_propose_what_the_whole_does(said, cuts):
    features, words = said
    whole = join_said(words)
    index = index_words(whole, WORDS, whole.frequency(WORDS), N)
    expected = propose(index, features, np.arange(N))
    assert _proposed(features, words, [0, *sorted(cuts)]).tolist() == expected.tolist()
    mirrored_ones = expected[expected["mirrored"]][["query", "other"]].tolist()
    assert {(k, N - 4 + k) for k in range(2)} <= set(mirrored_ones)
    assert expected["inset"].any()


def test_a_part_that_weighs_words_by_its_own_photographs_would_propose_others(said):
    features, words = said
    half = join_said(words[: N // 2])
    alone = index_words(half, WORDS, half.frequency(WORDS), N // 2)
    whole = _proposed(features, words, [0])
    ours = whole[(whole["other"] < N // 2) & ~whole["inset"]]
    found = propose_of_part(alone, 0, features, np.arange(N))
    pair = ["query", "other", "mirrored"]
    known = dict(zip(found[pair].tolist(), found["shared"], strict=True))
    assert all(known.get(tuple(one)) != shared for *one, shared in ours[[*pair, "shared"]].tolist())


def test_the_best_of_all_parts_are_kept_and_ties_go_to_the_lower_number():
    parts = [
        np.array([(0, 2 * k + part, False, False, 1.0, 1.0) for k in range(CANDIDATES)], PROPOSAL)
        for part in (1, 0)
    ]
    assert merge_proposals(parts)["other"].tolist() == list(range(CANDIDATES))
