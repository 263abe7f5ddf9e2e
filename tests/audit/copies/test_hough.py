"""Hough votes: what is proposed as lying inside a picture, and what is not."""

import numpy as np
import pytest

from groupwise.audit.copies.hough import insets, post

WHOLE = np.array([[x, y, 8, 40] for x, y in ((20, 20), (100, 30), (60, 64), (30, 100), (110, 110))], float)
INSET = WHOLE * [0.5, 0.5, 0.5, 1] + [50, 10, 0, 0]
MOVED = np.array([[0, 0], [60, 0], [0, 60], [-60, 30], [30, -60]])


def proposed(query: np.ndarray) -> list[tuple[int, int]]:
    """What a second picture of the same five words, at the points of `query`, finds in the first."""
    points = np.concatenate([WHOLE, query]).astype(np.float32)
    owner, words = np.repeat([0, 1], [5, len(query)]), np.r_[:5, : len(query)].astype(np.int32)
    index = post(words, owner, points, 5)
    return list(insets(index, words[5:], owner[5:], points[5:], np.ones(5, np.float32)))


def test_a_smaller_upright_picture_is_proposed():
    assert proposed(INSET) == [(1, 0)]


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


def test_the_limit_of_memory_changes_nothing(monkeypatch):
    points = np.concatenate([WHOLE * [side, side, side, 1] for side in (1, 0.5, 0.4, 0.8)]).astype(np.float32)
    owner, words = np.repeat(np.arange(4), 5), np.tile(np.arange(5, dtype=np.int32), 4)
    asked = post(words, owner, points, 5), words, owner, points, np.ones(5, np.float32)
    at_once = list(insets(*asked))
    monkeypatch.setattr("groupwise.audit.copies.hough._VOTES_AT_ONCE", 1)
    assert at_once == list(insets(*asked))
    assert (1, 0) in at_once
