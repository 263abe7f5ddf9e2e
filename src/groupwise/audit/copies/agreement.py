"""Agreement of matches: of what two photographs share, how much tells one turn and one change of size.

A match of two features says by how much one photograph is turned and enlarged against the other. Those of a
copy say nearly the same, those of look-alikes and of repeated patterns anything (Jegou, Douze and Schmid,
"Hamming embedding and weak geometric consistency", ECCV 2008).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from groupwise.audit.copies.index import Index, Matches
from groupwise.audit.copies.vocabulary import SIGNS
from groupwise.stats.arrays import Floats, Floats32, Ints

# Cells overlap by half, so that none of what agrees is parted by a border.
_TURNS = 12  # steps of a circle, of which a cell has two
_SIZES, _OCTAVE = 16, 2  # steps of the change of size, and of a doubling, which is the width of a cell


def agreeing_votes(
    index: Index, found: Matches, met: Ints, points: Floats32, pairs: Ints, *, mirrored: bool
) -> Floats:
    """The weight of the matches that agree, of each of the `pairs` (P,), (P,).

    A pair is the query's number times the number of photographs, plus the photograph's. `found` are matches
    of the features `points` (K, 4) of all queries, `met` the pair of each match; `mirrored` if the queries
    were read as their mirror images. A feature that is like several of one photograph, as of a repeated
    pattern, has the one vote of its best match.
    """
    number = np.full(met.max(initial=-1) + 1, -1)
    number[pairs] = np.arange(len(pairs))
    pair = number[met]
    some = np.flatnonzero(pair >= 0)
    kept = some[_best_of_each(pair[some] * len(points) + found.row[some], found.differ[some])]
    cells = _cells(points[found.row[kept]], index.points[found.posting[kept]], mirrored=mirrored)
    cell = (pair[kept] * (_TURNS * _SIZES) + cells).ravel()
    weight = np.tile(found.weight[kept], len(cells))
    sums = np.bincount(cell, weight, minlength=len(pairs) * _TURNS * _SIZES)
    return np.asarray(sums.reshape(len(pairs), _TURNS * _SIZES).max(axis=1))


def _best_of_each(key: Ints, differ: npt.NDArray[np.uint8]) -> Ints:
    """Where each key stands first by how much it differs, (M,) to (M',), in the order of the keys."""
    order = np.argsort(key * (SIGNS + 1) + differ, kind="stable")
    ordered = key[order]
    return np.asarray(order[np.append(True, np.diff(ordered) != 0)[: len(ordered)]])


def _cells(ours: Floats32, theirs: Floats32, *, mirrored: bool) -> Ints:
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
