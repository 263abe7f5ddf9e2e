"""Hough votes for a picture inside another: candidates that a short list of whole pictures leaves out.

Of a small inset's points few are among those of the picture around it, so the share of common visual words
is low. But an inset is upright and smaller, and its points agree on where it lies: each common word votes for
a scale and a middle, and a cell with several votes is rare by chance (Lowe, IJCV 2004, section 7.3).
"""

from __future__ import annotations

import numpy as np

from groupwise.audit.copies.features import WORKING_AREA_PX
from groupwise.audit.copies.index import Index, Matches
from groupwise.stats.arrays import Floats, Floats32, Ints, Mask

LEAST_VOTES, MOST = 3, 2
"""Points that must agree, and photographs proposed a query."""

MOST_SIGNS_OF_A_VOTE = 14
"""Signs by which points may differ that vote: more matches agree by chance, and each costs a comparison."""

_SCALES = np.log(0.3), np.log(0.9)  # of an inset's side; align.py has a third as its least
_UPRIGHT = 25.0  # degrees by which the directions of two points may differ
_CELL_PX, _CELL_SCALE = 32.0, 2 * np.log(1.35)
_CENTRE_PX = WORKING_AREA_PX**0.5 / 2
_CELLS = 64  # an axis: more than the frame and what may lie beyond it
_PLACE_PX = 2.0  # points as near as this are one: a corner with two directions has one vote


def insets(
    index: Index, found: Matches, owner: Ints, points: Floats32, own: Ints
) -> tuple[Ints, Ints, Floats]:
    """Queries and photographs that may lie inside them, smaller and upright, with their votes; (I,) each.

    At most `MOST` a query, the one of most votes first.

    `found` are the matches of the features `points` (K, 4) of all queries, `owner` (K,) is whose each is and
    `own` (Q,) the number in the index of each query, which does not find that.
    """
    kept = np.flatnonzero(found.differ <= MOST_SIGNS_OF_A_VOTE)
    kept = kept[own[owner[found.row[kept]]] != index.photograph[found.posting[kept]]]
    kept = kept[_upright(points[found.row[kept]], index.points[found.posting[kept]])]
    key, votes = _count(index, owner, points, found.row[kept], found.posting[kept], found.weight[kept])
    query, photograph = np.divmod(key, index.size)
    order = np.lexsort((photograph, -votes, query))
    rank = np.arange(len(order)) - np.searchsorted(query[order], query[order])
    most = order[rank < MOST]
    return query[most], photograph[most], votes[most]


def _upright(ours: Floats32, theirs: Floats32) -> Mask:
    """Which matches of points (M, 4) have a direction and a scale that an inset may have."""
    turn = (ours[:, 3] - theirs[:, 3] + 180) % 360 - 180
    size = np.log(ours[:, 2] / theirs[:, 2])
    return np.asarray((np.abs(turn) < _UPRIGHT) & (size > _SCALES[0]) & (size < _SCALES[1]))


def _count(
    index: Index,
    owner: Ints,
    points: Floats32,
    point: Ints,
    posting: Ints,
    weight: Floats,
) -> tuple[Ints, Floats]:
    """Pairs in whose fullest cell `LEAST_VOTES` or more agree, and its weight.

    A pair is the query's number times the number of photographs, plus the photograph's.
    """
    pair = owner[point] * index.size + index.photograph[posting]
    _, inverse, common = np.unique(pair, return_inverse=True, return_counts=True)
    some = common[inverse] >= LEAST_VOTES  # most pairs meet by chance, once or twice
    pair, point, posting, weight = pair[some], point[some], posting[some], weight[some]
    scale = points[point, 2] / index.points[posting, 2]
    middle = points[point, :2] + scale[:, None] * (_CENTRE_PX - index.points[posting, :2])
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
    votes = np.bincount(cells, weights=weight[row]).astype(np.float64)[full]
    found = pair[row[first[full]]]
    order = np.lexsort((-votes, found))
    pairs, best = np.unique(found[order], return_index=True)
    return pairs, votes[order][best]
