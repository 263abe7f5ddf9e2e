"""Agreement of matches: of what two photographs share, how much tells one turn and one change of size.

A match of two features says by how much one photograph is turned and enlarged against the other. Those of a
copy say nearly the same, those of look-alikes and of repeated patterns anything (Jegou, Douze and Schmid,
"Hamming embedding and weak geometric consistency", ECCV 2008).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from groupwise.audit.copies.index import FloatArray, Index, IntArray, Matches

_TURNS = (
    12  # steps of a circle; a cell is two of them wide, so that none of what agrees is parted by a border
)
_SIZES, _OCTAVE = (
    16,
    2,
)  # steps of the change of size, and how many double it; a cell is as wide as a doubling


def agreeing_votes(
    index: Index, found: Matches, owner: IntArray, points: FloatArray, pairs: IntArray, *, mirrored: bool
) -> npt.NDArray[np.float64]:
    """The weight of the matches that agree, of each of the `pairs` (P,), (P,).

    A pair is the query's number times the number of photographs, plus the photograph's. `found` are matches
    of the features `points` (K, 4) of all queries, `owner` (K,) is whose each is; `mirrored` if the queries
    were read as their mirror images. A feature with several matches in one cell has the best one's weight.
    """
    number = np.full((int(owner[-1]) + 1) * index.size if len(owner) else 0, -1)
    number[pairs] = np.arange(len(pairs))
    pair = number[owner[found.row] * index.size + index.photograph[found.posting]]
    some = np.flatnonzero(pair >= 0)
    row, weight = found.row[some], found.weight[some]
    cells = _cells(points[row], index.points[found.posting[some]], mirrored=mirrored)
    cell = (pair[some] * (_TURNS * _SIZES) + cells).ravel()
    row, weight = np.tile(row, len(cells)), np.tile(weight, len(cells))
    order = np.lexsort((-weight, row, cell))
    cell, row = cell[order], row[order]
    best = np.flatnonzero(np.append(True, (np.diff(cell) != 0) | (np.diff(row) != 0))[: len(cell)])
    sums = np.bincount(cell[best], weight[order[best]], minlength=len(pairs) * _TURNS * _SIZES)
    return np.asarray(sums.reshape(len(pairs), _TURNS * _SIZES).max(axis=1))


def _cells(ours: FloatArray, theirs: FloatArray, *, mirrored: bool) -> IntArray:
    """The four cells of each match of points (M, 4) with points (M, 4), (4, M)."""
    turn = ours[:, 3] + theirs[:, 3] - 180 if mirrored else ours[:, 3] - theirs[:, 3]
    turned = np.floor(turn * (_TURNS / 360)).astype(np.int64)
    size = np.floor(np.log2(ours[:, 2] / theirs[:, 2]) * _OCTAVE).astype(np.int64) + _SIZES // 2
    return np.stack(
        [
            (turned + a) % _TURNS * _SIZES + np.clip(size + b, 0, _SIZES - 1)
            for a in range(2)
            for b in range(_OCTAVE)
        ]
    )
