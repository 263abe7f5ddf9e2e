"""Hough votes for a picture inside another: candidates that a short list of whole pictures leaves out.

Of a small inset's points few are among those of the picture around it, so the share of common visual words
is low. But an inset is upright and smaller, and its points agree on where it lies: each common word votes for
a scale and a middle, and a cell with several votes is rare by chance (Lowe, IJCV 2004, section 7.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from groupwise.audit.copies.features import WORKING_AREA_PX

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float32]

LEAST_VOTES, MOST = 3, 2
"""Points that must agree, and photographs proposed a query."""

_SCALES = np.log(0.3), np.log(0.9)  # of an inset's side; align.py has a third as its least
_UPRIGHT = 25.0  # degrees by which the directions of two points may differ
_CELL_PX, _CELL_SCALE = 32.0, 2 * np.log(1.35)
_CENTRE_PX = WORKING_AREA_PX**0.5 / 2
_CELLS = 64  # an axis: more than the frame and what may lie beyond it
_PLACE_PX = 2.0  # points as near as this are one: a corner with two directions has one vote
_VOTES_AT_ONCE = 1 << 20  # bounds the memory


@dataclass(frozen=True, eq=False)
class Postings:
    """D points of the photographs `photograph` (D,), `points` (D, 4) as in `Features`, ordered by word.

    Those of word v of V are `starts[v]` to `starts[v + 1]`.
    """

    photograph: IntArray
    points: FloatArray
    starts: IntArray


def post(words: npt.NDArray[np.int32], photograph: IntArray, points: FloatArray, size: int) -> Postings:
    """Postings of points (D, 4) by the word (D,) of each, one of `size`."""
    order = np.argsort(words, kind="stable")
    starts = np.searchsorted(words[order], np.arange(size + 1))
    return Postings(photograph[order], points[order], starts)


def insets(
    postings: Postings,
    words: npt.NDArray[np.int32],
    owner: IntArray,
    points: FloatArray,
    weight: FloatArray,
) -> Iterator[tuple[int, int]]:
    """Queries and photographs that may lie inside them, smaller and upright, at most `MOST` a query.

    `words` (K,), `owner` (K,), ascending, and `points` (K, 4) are those of all queries, `weight` (V,) that
    of a word's vote. A query of a photograph's own number does not find that.
    """
    counts, votes_of = np.diff(postings.starts)[words], weight[words]
    for rows in _portions(owner, counts):
        point, posting = _meetings(postings, words, points, rows)
        other = owner[point] != postings.photograph[posting]
        point, posting = point[other], posting[other]
        key, votes = _count(postings, owner, points, point, posting, votes_of)
        query, photograph = np.divmod(key, len(postings.photograph))
        order = np.lexsort((photograph, -votes, query))
        rank = np.arange(len(order)) - np.searchsorted(query[order], query[order])
        for k in order[rank < MOST].tolist():
            yield int(query[k]), int(photograph[k])


def _portions(owner: IntArray, counts: IntArray) -> Iterator[IntArray]:
    """Rows of whole queries, about `_VOTES_AT_ONCE` meetings at a time."""
    firsts = np.flatnonzero(np.diff(owner, prepend=-1))
    portion = (np.cumsum(counts) - counts)[firsts] // _VOTES_AT_ONCE if len(firsts) else firsts
    ends = np.append(firsts, len(owner))
    for number in np.unique(portion):
        own = np.flatnonzero(portion == number)
        yield np.arange(ends[own[0]], ends[own[-1] + 1])


def _meetings(
    postings: Postings, words: npt.NDArray[np.int32], points: FloatArray, rows: IntArray
) -> tuple[IntArray, IntArray]:
    """Rows of the queries' points and of the postings that share a word, upright and at a scale of insets."""
    begin = postings.starts[words[rows]]
    lengths = postings.starts[words[rows] + 1] - begin
    point = np.repeat(rows, lengths)
    begin -= np.cumsum(lengths) - lengths
    posting = np.arange(len(point)) + np.repeat(begin, lengths)
    turn = (points[point, 3] - postings.points[posting, 3] + 180) % 360 - 180
    upright = np.abs(turn) < _UPRIGHT
    point, posting = point[upright], posting[upright]
    size = np.log(points[point, 2] / postings.points[posting, 2])
    good = (size > _SCALES[0]) & (size < _SCALES[1])
    return point[good], posting[good]


def _count(
    postings: Postings,
    owner: IntArray,
    points: FloatArray,
    point: IntArray,
    posting: IntArray,
    weight: FloatArray,
) -> tuple[IntArray, npt.NDArray[np.float64]]:
    """Pairs in whose fullest cell `LEAST_VOTES` or more agree, and its weight.

    A pair is the query's number times the number of postings, plus the photograph's.
    """
    pair = owner[point] * len(postings.photograph) + postings.photograph[posting]
    _, inverse, common = np.unique(pair, return_inverse=True, return_counts=True)
    some = common[inverse] >= LEAST_VOTES  # most pairs meet by chance, once or twice
    pair, point, posting = pair[some], point[some], posting[some]
    scale = points[point, 2] / postings.points[posting, 2]
    middle = points[point, :2] + scale[:, None] * (_CENTRE_PX - postings.points[posting, :2])
    cell = np.floor(
        np.column_stack([np.log(scale) / (_CELL_SCALE / 2), middle / (_CELL_PX / 2)]) + _CELLS / 4
    )
    cell = np.clip(cell, 0, _CELLS - 2).astype(np.int64)
    _, numbers = np.unique(pair, return_inverse=True)
    place = np.rint(points[point, :2] / _PLACE_PX).astype(np.int64) @ np.array([1 << 10, 1])
    # Cells overlap by half, so that none of what agrees is parted by a border.
    named = [np.ravel_multi_index((cell + corner).T, (_CELLS,) * 3) for corner in np.ndindex(2, 2, 2)]
    key, row = np.concatenate([numbers * _CELLS**3 + one for one in named]), np.tile(np.arange(len(point)), 8)
    order = np.lexsort((place[row], key))
    key, row = key[order], row[order]
    new = np.append(True, (np.diff(key) != 0) | (np.diff(place[row]) != 0)) if len(key) else np.zeros(0, bool)
    key, row = key[new], row[new]
    _, first, cells, agree = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    full = agree >= LEAST_VOTES
    votes = np.bincount(cells, weights=weight[point[row]]).astype(np.float64)[full]
    found = pair[row[first[full]]]
    order = np.lexsort((-votes, found))
    pairs, best = np.unique(found[order], return_index=True)
    return pairs, votes[order][best]
