"""Overlapping views: whether joined pictures show one photograph, or parts of a scene that go on and on.

Stretches of one strip, cuts of one map and frames of a moving camera overlap from each to the next, so every
pair that was joined is right, and the first and the last still share nothing. Copies of one photograph lie
within its frame: one of them shares most of its frame with every other (a medoid; Kaufman and Rousseeuw,
"Finding groups in data", 1990).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from groupwise.audit.copies.align import project
from groupwise.audit.copies.verify import Pair
from groupwise.stats.arrays import Floats, Matrix

SHARED = 0.5
"""Least share of the smaller frame that one picture of a set must have in common with every other. Of copies
a turn of 45 degrees leaves 0.83, a crop all of the smaller, a shift by a fifth both ways 0.64."""

MAX_MIDDLES = 8
"""Pictures of a set, those joined to most others, that are tried as the one that all others share."""

_SINGULAR = 1e-9


def overlap_in_part(members: Sequence[int], pairs: Sequence[Pair], sizes: Sequence[tuple[int, ...]]) -> bool:
    """Whether no picture of a set shares at least `SHARED` of a frame with each other one of it.

    Of `pairs` those between `members` count; `sizes` are the (h, w) of all working pictures, by number.
    Members that no pair reaches, equal files, say nothing.
    """
    ways: dict[int, dict[int, Matrix]] = {i: {} for i in members}
    for pair in pairs:
        matrix, inside = pair.evidence.matrix, pair.first in ways and pair.second in ways
        if inside and abs(np.linalg.det(matrix)) > _SINGULAR:
            ways[pair.first][pair.second] = matrix
            ways[pair.second][pair.first] = np.asarray(np.linalg.inv(matrix))
    middles = sorted((i for i in members if ways[i]), key=lambda i: (-len(ways[i]), i))[:MAX_MIDDLES]
    return bool(middles) and all(_least_shared(middle, ways, sizes) < SHARED for middle in middles)


def _least_shared(
    middle: int, ways: Mapping[int, Mapping[int, Matrix]], sizes: Sequence[tuple[int, ...]]
) -> float:
    """The least share that the frame of `middle` has in common with another's, along the fewest pairs."""
    onto, queue, least = {middle: np.eye(3)}, [middle], 1.0
    own = _corners(sizes[middle])
    for here in queue:
        for there, matrix in sorted(ways[here].items()):
            if there in onto:
                continue
            onto[there] = onto[here] @ matrix
            queue.append(there)
            frame = project(onto[there], _corners(sizes[there]))
            least = min(least, _shared(own, frame))
            if least < SHARED:
                return least
    return least


def _corners(size: tuple[int, ...]) -> Floats:
    height, width = size[:2]
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=float)


def _shared(first: Floats, second: Floats) -> float:
    """The area that two convex quadrilaterals (4, 2) have in common, as a part of the smaller."""
    one, other = (cv2.convexHull(corners.astype(np.float32)) for corners in (first, second))
    smaller = min(cv2.contourArea(one), cv2.contourArea(other))
    return float(cv2.intersectConvexConvex(one, other)[0]) / max(smaller, _SINGULAR)
