"""Agreement: matches that tell one turn and one change of size count together, others each for itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from groupwise.audit.copies.agreement import agreeing_votes
from groupwise.audit.copies.index import Index, Matches
from groupwise.audit.copies.vocabulary import Vocabulary

K = 40
ONE_WORD = Vocabulary(np.zeros((1, 128), np.float32), np.zeros((1, 1, 128), np.float32))


def _votes(
    ours: npt.NDArray[np.float32],
    theirs: npt.NDArray[np.float32],
    *,
    mirrored: bool = False,
    row: npt.NDArray[np.int64] | None = None,
) -> float:
    """Of one query with points `ours` and one photograph with `theirs`, matched one to one with weight 1."""
    n = len(theirs)
    zero, one = np.zeros(n, np.int64), np.ones(n)
    signs, starts = np.zeros(n, np.uint64), np.array([0, n])
    index = Index(ONE_WORD, zero, theirs, signs, starts, np.ones(1), np.ones(1))
    found = Matches(np.arange(n) if row is None else row, np.arange(n), one, np.zeros(n, np.uint8))
    return float(agreeing_votes(index, found, zero, ours, np.array([0]), mirrored=mirrored)[0])


def _points(seed: int = 0) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    low, high = [0, 0, 4, 0], [160, 160, 16, 360]
    return rng.uniform(low, high, (K, 4)).astype(np.float32)


@settings(deadline=None, max_examples=50)
@given(turn=st.floats(-360, 360), size=st.floats(0.35, 2.9), mirrored=st.booleans())
def test_all_matches_of_a_turned_and_scaled_copy_agree_wherever_the_borders_of_cells_lie(
    turn, size, mirrored
):
    theirs = _points()
    ours = theirs.copy()
    ours[:, 2] *= size
    ours[:, 3] = (180 - theirs[:, 3] if mirrored else theirs[:, 3]) + turn
    assert _votes(ours, theirs, mirrored=mirrored) == K


def test_a_tilt_that_turns_parts_by_ten_degrees_leaves_them_agreeing():
    theirs = _points()
    ours = theirs + np.float32([0, 0, 0, 1]) * np.linspace(-10, 10, K, dtype=np.float32)[:, None]
    assert _votes(ours, theirs) == K


def test_matches_that_tell_any_turn_hardly_agree():
    theirs, ours = _points(0), _points(1)
    ours[:, 2] = theirs[:, 2]
    assert _votes(ours, theirs) < 0.4 * K


def test_sizes_that_differ_do_not_agree():
    theirs = _points()
    ours = theirs.copy()
    ours[: K // 2, 2] *= 4
    assert _votes(ours, theirs) == K / 2


def test_a_feature_that_is_like_all_of_a_repeated_pattern_counts_once():
    theirs = _points()
    theirs[:, 2:] = [8, 90]
    ours = theirs.copy()
    assert _votes(ours, theirs, row=np.zeros(K, np.int64)) == 1
    assert _votes(ours, theirs) == K


def test_pairs_are_told_apart_and_who_shares_nothing_has_nothing():
    theirs = _points()
    photograph = np.repeat([0, 2], K // 2)
    index = Index(
        ONE_WORD, photograph, theirs, np.zeros(K, np.uint64), np.array([0, K]), np.ones(1), np.ones(3)
    )
    found = Matches(np.arange(K), np.arange(K), np.full(K, 0.5), np.zeros(K, np.uint8))
    votes = agreeing_votes(index, found, photograph, theirs, np.array([0, 1, 2]), mirrored=False)
    np.testing.assert_array_equal(votes, [K / 4, 0, K / 4])
