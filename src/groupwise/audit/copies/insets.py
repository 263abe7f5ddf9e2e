"""Insets: a photograph inside another picture, as in a collage, on a page or in a screenshot.

A crop lies inside its original as well, and there the picture goes on across the border; around an inset
it breaks off along straight sides. A turned copy in a larger frame breaks off too, but into
a fill, and askew.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from groupwise.audit.copies.align import project

Pixels = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]

LARGEST = 0.75
"""Share of the outer frame above which a picture inside it is the outer one with a margin."""

LEAST_BREAK, LEAST_BREAK_OF_TWO = 2.0, 3.0
"""How many times as steep as beside them a picture is along the sides of what lies inside it; where the frame
leaves two sides to look at, an outline of the subject along one of them counts for more."""

LEAST_OUTSIDE = 4.0
"""Standard deviation, in grey values, of what surrounds an inset; less is a margin or a fill."""

_SLACK = 0.02  # of the outer frame's diagonal, by which an inset may seem to stick out
_ASKEW = 0.09  # of a right angle's cosine, about 5 degrees
_AT_BORDER, _BESIDE = 2.0, (4.0, 8.0)  # px of the outer picture
_LEAST_BREAK_OF_A_SIDE = 1.3
_LEAST_POINTS = 8  # of a side, to say how steep it is
_MARGIN = 5.0  # px from the outer frame, within which a side is the frame's own
_LEAST_SIDE = 0.3  # of the inset's sides must lie inside the outer frame; in a collage half of them do
_STILL = 1.0  # grey values: a picture that is flat beside the sides


def find_inset(first: Pixels, second: Pixels, matrix: FloatArray) -> Literal["first", "second"] | None:
    """Which of two grey pictures (h, w) is shown inside the other; `matrix` (3, 3) lays second on first."""
    if _lies_inside(first, second, matrix):
        return "second"
    back = np.linalg.inv(matrix)
    return "first" if _lies_inside(second, first, np.asarray(back / back[2, 2])) else None


def _lies_inside(outer: Pixels, inner: Pixels, matrix: FloatArray) -> bool:
    (height, width), (h, w) = outer.shape, inner.shape
    corners = project(matrix, np.array([[-0.5, -0.5], [w - 0.5, -0.5], [w - 0.5, h - 0.5], [-0.5, h - 0.5]]))
    slack = _SLACK * float(np.hypot(height, width))
    inside = (corners >= -slack).all() and (corners <= np.array([width, height]) - 1 + slack).all()
    share = cv2.contourArea(corners.astype(np.float32)) / outer.size
    if not inside or share > LARGEST or _askew(corners) or _deviation_outside(outer, corners) < LEAST_OUTSIDE:
        return False
    return _breaks_off(outer, corners)


def _askew(corners: FloatArray) -> bool:
    """Whether the sides of a quadrilateral (4, 2) stand neither upright nor level."""
    sides = np.roll(corners, -1, axis=0) - corners
    way = np.abs(sides) / np.maximum(np.hypot(sides[:, 0], sides[:, 1]), 1e-6)[:, None]
    return bool(way.min(axis=1).max() > _ASKEW)


def _deviation_outside(outer: Pixels, corners: FloatArray) -> float:
    mask = np.ones(outer.shape, np.uint8)
    grown = cv2.convexHull(corners.round().astype(np.int32))
    cv2.fillConvexPoly(mask, grown, 0)
    mask = cv2.erode(mask, np.ones((5, 5), np.uint8), borderValue=1)
    return float(outer[mask > 0].std()) if mask.any() else 0.0


def _breaks_off(outer: Pixels, corners: FloatArray) -> bool:
    """Whether the picture is much steeper across the sides than beside them: on the whole, and along each."""
    picture = outer.astype(np.float32)
    offsets = np.arange(-_BESIDE[1], _BESIDE[1] + 1)
    across, length = [], 0
    for start, way, normal, count in _sides(corners):
        length += count
        points = start + way * np.linspace(0.05, 0.95, count)[:, None]
        points = points[_well_inside(points, outer.shape)]
        if len(points) >= _LEAST_POINTS:
            ends = (
                np.stack([_sampled(picture, points + normal * (k + end)) for k in offsets]) for end in (1, -1)
            )
            across.append(np.abs(np.subtract(*ends)))
    if sum(side.shape[1] for side in across) < _LEAST_SIDE * length:
        return False
    wanted = LEAST_BREAK if len(across) > 2 else LEAST_BREAK_OF_TWO
    return _steepness(np.concatenate(across, axis=1), offsets) >= wanted and all(
        _steepness(side, offsets) >= _LEAST_BREAK_OF_A_SIDE for side in across
    )


def _steepness(across: npt.NDArray[np.float32], offsets: FloatArray) -> float:
    """Of differences (offsets, points) across a side: the mean at the border by the mean beside it."""
    mean = across.mean(axis=1)
    beside = float(np.median(mean[np.abs(offsets) >= _BESIDE[0]]))
    return float(mean[np.abs(offsets) <= _AT_BORDER].max()) / max(beside, _STILL)


def _sides(corners: FloatArray) -> Iterator[tuple[FloatArray, FloatArray, FloatArray, int]]:
    """Start, way to the end, unit normal and number of points of each side."""
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        way = end - start
        length = max(float(np.hypot(*way)), 1e-6)
        yield start, way, np.array([-way[1], way[0]]) / length, max(4, round(length))


def _well_inside(points: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    limit = np.array(shape[::-1]) - 1 - _MARGIN
    return np.asarray(((points >= _MARGIN) & (points <= limit)).all(axis=1))


def _sampled(picture: npt.NDArray[np.float32], points: FloatArray) -> npt.NDArray[np.float32]:
    x, y = points.astype(np.float32).T
    return np.asarray(
        cv2.remap(picture, x[None], y[None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
    )
