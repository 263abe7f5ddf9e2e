"""Hough votes: what is proposed as lying inside a picture, and what is not."""

import numpy as np
import pytest

from groupwise.audit.copies.hough import insets
from groupwise.audit.copies.index import Index, Matches
from groupwise.audit.copies.vocabulary import Vocabulary

WHOLE = np.array([[x, y, 8, 40] for x, y in ((20, 20), (100, 30), (60, 64), (30, 100), (110, 110))], float)
INSET = WHOLE * [0.5, 0.5, 0.5, 1] + [50, 10, 0, 0]
MOVED = np.array([[0, 0], [60, 0], [0, 60], [-60, 30], [30, -60]])


def proposed(query: np.ndarray, differ: int = 0) -> list[tuple[int, int]]:
    """What a second picture of the same five words, at the points of `query`, finds in the first.

    Its features differ from those in so many signs.
    """
    both = [WHOLE.astype(np.float32), query.astype(np.float32)]
    owner, words = np.repeat([0, 1], [5, len(query)]), np.r_[:5, : len(query)]
    postings = owner, np.concatenate(both), np.zeros(len(owner), np.uint64)
    none = Vocabulary(np.zeros((0, 128), np.float32), np.zeros((0, 0, 128), np.float32))
    index = Index(none, *postings, np.zeros(0, int), np.zeros(0), np.ones(2))
    row, posting = np.nonzero(words[5:, None] == words)  # each meets all that say its word, itself too
    found = Matches(row, posting, np.ones(len(row)), np.full(len(row), differ, np.uint8))
    asked, other, _ = insets(index, found, np.zeros(len(query), int), both[1], np.array([1]))
    return list(zip(asked.tolist(), other.tolist(), strict=True))


def test_a_smaller_upright_picture_is_proposed():
    assert proposed(INSET, differ=14) == [(0, 0)]
    assert proposed(INSET, differ=15) == []


@pytest.mark.parametrize(
    "query",
    [
        INSET[:2],
        INSET + [0, 0, 0, 90],
        WHOLE,
        np.column_stack([INSET[:, :2] + MOVED, INSET[:, 2:]]),
        np.repeat(INSET[:1], 5, axis=0),
    ],
    ids=["two points", "turned", "as large", "elsewhere", "one place"],
)
def test_what_does_not_agree_is_not(query):
    assert proposed(query) == []
