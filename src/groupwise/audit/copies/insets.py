"""Insets: a photograph inside another picture, as in a collage, on a page or in a screenshot.

A crop lies inside its original as well, and there the picture goes on across the border; around an inset
it breaks off along straight sides. A turned copy in a larger frame breaks off too, but into
a fill, and askew. Where a neighbour in a collage has a like floor or wall little breaks off; there the other
parts of the collage tell.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np

from groupwise.audit.copies.align import project
from groupwise.audit.copies.verify import Pair
from groupwise.stats.arrays import Floats, Floats32, Mask, Pixels

LARGEST = 0.75
"""Share of the outer frame above which a picture inside it is the outer one with a margin."""

LEAST_BREAK, LEAST_BREAK_OF_TWO = 2.0, 3.0
"""How many times as steep as beside them a picture is along the sides of what lies inside it; where the frame
leaves two sides to look at, an outline of the subject along one of them counts for more."""

LEAST_OUTSIDE = 4.0
"""Standard deviation, in grey values, of what surrounds an inset; less is a margin or a fill."""

APART, ONE_PLACE = 0.1, 0.8
"""Share that two places on a sheet may have in common, of the smaller, to be places of two pictures; and of
both together, to be the place of one picture and its copy. Between them lies a crop of the sheet itself."""

_SLACK = 0.02  # of the outer frame's diagonal, by which an inset may seem to stick out
_ASKEW = 0.09  # of a right angle's cosine, about 5 degrees
_AT_BORDER, _BESIDE = 2.0, (4.0, 8.0)  # px of the outer picture
_LEAST_BREAK_OF_A_SIDE = 1.3
_LEAST_POINTS = 8  # of a side, to say how steep it is
_MARGIN = 5.0  # px from the outer frame, within which a side is the frame's own
_LEAST_SIDE = 0.3  # of the inset's sides must lie inside the outer frame; in a collage half of them do
_STILL = 1.0  # grey values: a picture that is flat beside the sides


@dataclass(frozen=True, eq=False)
class Inset:
    """A pair of pictures of which `inside` is shown within `around`."""

    pair: Pair
    inside: int
    around: int


@dataclass(frozen=True, eq=False)
class _Part:
    """A picture that lies upright in a larger one, at `corners` (4, 2), and how that breaks off there."""

    inset: Inset
    corners: Floats
    border: _Border


def find_insets(pairs: Sequence[Pair], greys: Mapping[int, Pixels] | Sequence[Pixels]) -> list[Inset]:
    """The pairs of which one picture is shown inside the other; `greys` are the pictures, by number.

    A picture that shows one inside shows what else lies in it too, in another place or in the same. So does
    one in which two pictures lie apart, where it breaks off at both, however little of their sides is there
    to be looked at.
    """
    lying: dict[int, list[_Part]] = defaultdict(list)
    for pair in pairs:
        back = np.linalg.inv(pair.evidence.matrix)
        ways = ((pair.first, pair.second, pair.evidence.matrix), (pair.second, pair.first, back / back[2, 2]))
        for around, inside, matrix in ways:
            corners = _place(greys[around], greys[inside], matrix)
            if corners is not None:
                border = _look_at_border(greys[around], corners)
                lying[around].append(_Part(Inset(pair, inside, around), corners, border))
    return [part.inset for around in sorted(lying) for part in _shown(lying[around])]


def _shown(lying: Sequence[_Part]) -> list[_Part]:
    """Those that are shown inside the one picture in which all of them lie."""
    parts = [part for part in lying if part.border.breaks_off]
    if not parts:
        hinted = [part for part in lying if part.border.steepness >= LEAST_BREAK]
        parts = next((list(two) for two in combinations(hinted, 2) if _beside(*two)), [])
    rest = [part for part in lying if part not in parts]
    further = [one for one in rest if parts and all(_beside(one, part) or _same(one, part) for part in parts)]
    return parts + further


def _beside(one: _Part, other: _Part) -> bool:
    """Whether two parts lie in two places."""
    common, smaller, _ = _common_area(one, other)
    return common <= APART * smaller


def _same(one: _Part, other: _Part) -> bool:
    """Whether two parts lie in one place."""
    common, _, both = _common_area(one, other)
    return common >= ONE_PLACE * both


def _common_area(one: _Part, other: _Part) -> tuple[float, float, float]:
    """The area that two parts share, that of the smaller, and that of both together."""
    first, second = (cv2.convexHull(part.corners.astype(np.float32)) for part in (one, other))
    areas = cv2.contourArea(first), cv2.contourArea(second)
    common = float(cv2.intersectConvexConvex(first, second)[0])
    return common, min(areas), sum(areas) - common


def _place(outer: Pixels, inner: Pixels, matrix: Floats) -> Floats | None:
    """The corners (4, 2) of `inner` in `outer`, where it lies upright inside and is not the whole of it."""
    (height, width), (h, w) = outer.shape, inner.shape
    corners = project(matrix, np.array([[-0.5, -0.5], [w - 0.5, -0.5], [w - 0.5, h - 0.5], [-0.5, h - 0.5]]))
    slack = _SLACK * float(np.hypot(height, width))
    inside = (corners >= -slack).all() and (corners <= np.array([width, height]) - 1 + slack).all()
    share = cv2.contourArea(corners.astype(np.float32)) / outer.size
    if not inside or share > LARGEST or _askew(corners) or _deviation_outside(outer, corners) < LEAST_OUTSIDE:
        return None
    return corners


def _askew(corners: Floats) -> bool:
    """Whether the sides of a quadrilateral (4, 2) stand neither upright nor level."""
    sides = np.roll(corners, -1, axis=0) - corners
    way = np.abs(sides) / np.maximum(np.hypot(sides[:, 0], sides[:, 1]), 1e-6)[:, None]
    return bool(way.min(axis=1).max() > _ASKEW)


def _deviation_outside(outer: Pixels, corners: Floats) -> float:
    mask = np.ones(outer.shape, np.uint8)
    grown = cv2.convexHull(corners.round().astype(np.int32))
    cv2.fillConvexPoly(mask, grown, 0)
    mask = cv2.erode(mask, np.ones((5, 5), np.uint8), borderValue=1)
    return float(outer[mask > 0].std()) if mask.any() else 0.0


@dataclass(frozen=True)
class _Border:
    """How a picture breaks off at what lies inside it: `steepness` across the sides by that beside them.

    `least` is that of the side where it is least, `sides` how many there are to be looked at, and `length`
    their share of all four.
    """

    steepness: float
    least: float
    sides: int
    length: float

    @property
    def breaks_off(self) -> bool:
        """Whether the picture is much steeper across the sides than beside: on the whole, and along each."""
        wanted = LEAST_BREAK if self.sides > 2 else LEAST_BREAK_OF_TWO
        enough = self.length >= _LEAST_SIDE
        return enough and self.steepness >= wanted and self.least >= _LEAST_BREAK_OF_A_SIDE


def _look_at_border(outer: Pixels, corners: Floats) -> _Border:
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
    if not across:
        return _Border(0.0, 0.0, 0, 0.0)
    return _Border(
        _steepness(np.concatenate(across, axis=1), offsets),
        min(_steepness(side, offsets) for side in across),
        len(across),
        sum(side.shape[1] for side in across) / length,
    )


def _steepness(across: Floats32, offsets: Floats) -> float:
    """Of differences (offsets, points) across a side: the mean at the border by the mean beside it."""
    mean = across.mean(axis=1)
    beside = float(np.median(mean[np.abs(offsets) >= _BESIDE[0]]))
    return float(mean[np.abs(offsets) <= _AT_BORDER].max()) / max(beside, _STILL)


def _sides(corners: Floats) -> Iterator[tuple[Floats, Floats, Floats, int]]:
    """Start, way to the end, unit normal and number of points of each side."""
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        way = end - start
        length = max(float(np.hypot(*way)), 1e-6)
        yield start, way, np.array([-way[1], way[0]]) / length, max(4, round(length))


def _well_inside(points: Floats, shape: tuple[int, ...]) -> Mask:
    limit = np.array(shape[::-1]) - 1 - _MARGIN
    return np.asarray(((points >= _MARGIN) & (points <= limit)).all(axis=1))


def _sampled(picture: Floats32, points: Floats) -> Floats32:
    x, y = points.astype(np.float32).T
    return np.asarray(
        cv2.remap(picture, x[None], y[None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
    )
