"""Alignment: the plausible map between two photographs, from their local features: affine, then projective.

One match with its scale and direction already proposes a similarity (Philbin et al., CVPR 2007), so every
proposal is tried and nothing is drawn at random: RANSAC needs more matches than a smooth photograph has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from groupwise.audit.copies.features import WORKING_AREA_PX, Features, mirrored, unit_descriptors
from groupwise.stats.arrays import Floats, Floats32, Ints, Mask

MIN_SUPPORT = 4
"""Matches at different places that must agree; three points fit any affine map exactly."""

WEAK_SUPPORT, WEAK_SHARE, CLEAR = 12, 0.2, 1.75
"""Fewer places than the first that agree, and a smaller share of the matches than the second, are chance or
a pattern that repeats, unless they are so many times those of the next best map. Of 1,635 planted copies of
seven sets one had so few, of other pairs with a map two thirds and more; of pictures inside others many have
(docs/log.md)."""

_MAX_SCALE, _MAX_ANISOTROPY = 3.0, 2.2
_CENTRE_PX = WORKING_AREA_PX**0.5 / 2
_MAX_TILT = 0.5  # share by which the scale may change from the middle of a frame to its edge
_RATIO, _FARTHEST, _FARTHEST_MUTUAL = 0.85, 0.9, 0.75
_PROPOSALS = 24
_TOLERANCES = tuple(share * WORKING_AREA_PX**0.5 for share in (0.06, 0.035, 0.02))
_LOOSE = 0.08 * WORKING_AREA_PX**0.5
_ALONG = tuple(share * WORKING_AREA_PX**0.5 for share in (0.08, 0.04, 0.02))
_LEAST_ALONG = 0.6  # cosine of two descriptors that the map already brings together
_SAME_WAY, _SAME_SIZE = 0.7, 0.6  # cosine between directions, difference of the logarithms of diameters
_LEAST_FOR_TILT, _STIFFNESS = 8, 0.3
_RIDGE = np.array([1e-6] * 6 + [_STIFFNESS] * 2)
_INTO_UNIT = np.array([[1 / _CENTRE_PX, 0, -1], [0, 1 / _CENTRE_PX, -1], [0, 0, 1]])  # the frame to -1..1
_FROM_UNIT = np.linalg.inv(_INTO_UNIT)


@dataclass(frozen=True, eq=False)
class Alignment:
    """`matrix` (3, 3) maps the second's working-size pixels onto the first; `support` matches agree.

    `share` is the support as a part of what could agree, the points of either within the other's frame.
    """

    matrix: Floats
    support: int
    share: float


def align(first: Features, second: Features, *, mirror: bool) -> Floats | None:
    """The best-supported plausible affine map (3, 3), second onto first; `mirror`: the second is mirrored."""
    if min(len(first.points), len(second.points)) < MIN_SUPPORT:
        return None
    theirs = mirrored(second.descriptors) if mirror else second.descriptors
    mine, other = _matches(unit_descriptors(first.descriptors), unit_descriptors(theirs))
    if len(mine) < MIN_SUPPORT:
        return None
    target, source = first.points[mine].astype(float), second.points[other].astype(float)
    agree, runner_up = _best_proposal(target, source, mirror)
    return _refined(target, source, agree, runner_up, mirror)


def align_along(first: Features, second: Features, matrix: Floats) -> Alignment:
    """Match again, each point only with what `matrix` (3, 3) brings near it, and fit a projective map.

    Points that noise, blur or a tilt left without a match of their own find theirs here. Where too few
    agree to tell a tilt, the map stays as it is.
    """
    found, support = matrix, 0
    if min(len(first.points), len(second.points)) == 0:
        return Alignment(matrix, 0, 0.0)
    mine, other = _near_and_alike(first, second, matrix)
    for tolerance in _ALONG:
        error = project(found, second.points[:, :2])[other] - first.points[mine, :2]
        near = np.flatnonzero(np.hypot(error[:, 0], error[:, 1]) < tolerance)
        target, source = (points[rows] for points, rows in _mutual(first, second, mine[near], other[near]))
        support = min(_places(target), _places(source))
        if support >= _LEAST_FOR_TILT:
            fitted = _fit_projective(target[:, :2], source[:, :2])
            found = fitted if plausible(fitted) else found
    return Alignment(
        found, support, min(1.0, support / max(MIN_SUPPORT, _within(first.points, second.points, found)))
    )


def _matches(mine: Floats32, other: Floats32) -> tuple[Ints, Ints]:
    """Rows that match, most distinctive first: clearly nearer than the runner-up, or nearest both ways."""
    cosine = mine @ other.T
    rows = np.arange(len(cosine))
    best = cosine.argmax(axis=1)
    nearest = np.sqrt(np.maximum(2 - 2 * cosine[rows, best], 0))
    mutual = cosine.argmax(axis=0)[best] == rows
    cosine[rows, best] = -1
    ratio = nearest / np.sqrt(np.maximum(2 - 2 * cosine.max(axis=1), 1e-9))
    good = ((ratio < _RATIO) & (nearest < _FARTHEST)) | (mutual & (nearest < _FARTHEST_MUTUAL))
    chosen = np.flatnonzero(good)
    chosen = chosen[np.argsort(ratio[chosen], kind="stable")]
    return chosen, best[chosen]


def _best_proposal(target: Floats, source: Floats, mirror: bool) -> tuple[Mask, int]:
    """Which matches agree with the similarity that most matches agree with, (M,); how many with the next.

    The next best shares less than half of its matches with the best.
    """
    scale = target[:, 2] / source[:, 2]
    angle = np.deg2rad(target[:, 3] + source[:, 3] - 180 if mirror else target[:, 3] - source[:, 3])
    k = slice(0, _PROPOSALS)
    # A similarity is one complex factor; mirroring first negates x, which is minus the conjugate.
    start, end = (points[:, 0] + 1j * points[:, 1] for points in (source, target))
    start = -start.conj() if mirror else start
    factor = scale[k] * np.exp(1j * angle[k])
    error = factor[:, None] * start[None] - end[None] + (end[k] - factor * start[k])[:, None]
    size = np.log(scale)
    like = np.abs(size[None] - size[k, None]) < 0.6
    near = error.real**2 + error.imag**2 < _LOOSE**2
    agree = near & like & (np.abs(size[k]) < np.log(_MAX_SCALE))[:, None]
    counts = agree.sum(axis=1)
    best = agree[np.argmax(counts)]
    other = (agree & best).sum(axis=1) < counts / 2
    return best, int(counts[other].max(initial=0))


def _refined(target: Floats, source: Floats, agree: Mask, runner_up: int, mirror: bool) -> Floats | None:
    matrix, end = np.zeros((2, 3)), target[:, :2]
    start = np.column_stack([source[:, :2], np.ones(len(source))])
    for tolerance in _TOLERANCES:
        rows = np.flatnonzero(agree)
        if len(rows) < MIN_SUPPORT:
            return None
        matrix = _fit(end[rows], start[rows], mirror)
        error = start @ matrix.T - end
        agree = (error * error).sum(axis=1) < tolerance**2
    support = min(_places(target[agree]), _places(source[agree]))
    weak = support < min(WEAK_SUPPORT, WEAK_SHARE * len(target)) and support < CLEAR * runner_up
    if support < MIN_SUPPORT or weak:
        return None
    whole = np.vstack([matrix, [0, 0, 1]])
    return whole if plausible(whole) else None


def _fit(target: Floats, source: Floats, mirror: bool) -> Floats:
    """Least-squares affine map of homogeneous points; with few a similarity, which they cannot bend."""
    if len(target) >= 6:
        normal = source.T @ source
        normal.flat[::4] += 1e-6
        return np.asarray(cv2.solve(normal, source.T @ target)[1]).T  # a quarter of the time of numpy's
    start, end = (points[:, 0] + 1j * points[:, 1] for points in (source, target))
    start = -start.conj() if mirror else start
    middle = start.sum() / len(start)
    centred = start - middle
    factor = np.vdot(centred, end) / max(np.vdot(centred, centred).real, 1e-9)
    offset = end.sum() / len(end) - factor * middle
    a, b = factor.real, factor.imag
    return np.array([[-a if mirror else a, -b, offset.real], [-b if mirror else b, a, offset.imag]])


def _places(points: npt.NDArray[Any]) -> int:
    # Two descriptors of one point (two directions, two scales) are one piece of evidence.
    cells = np.rint(points[:, :2] / 2)
    return len(set((cells[:, 0] + 1j * cells[:, 1]).tolist()))


def _near_and_alike(first: Features, second: Features, matrix: Floats) -> tuple[Ints, Ints]:
    """Rows of points that the map brings near one another, turned and scaled alike; the most alike first."""
    moved = project(matrix, second.points[:, :2]).astype(np.float32)
    near = np.abs(first.points[:, None, 0] - moved[None, :, 0]) < _ALONG[0]
    near &= np.abs(first.points[:, None, 1] - moved[None, :, 1]) < _ALONG[0]
    mine, other = np.nonzero(near)
    ours, theirs, linear = first.points[mine], second.points[other], jacobian(matrix)
    angle, wanted = np.deg2rad(theirs[:, 3]), np.deg2rad(ours[:, 3])
    way = np.column_stack([np.cos(angle), np.sin(angle)]) @ linear.T
    length = np.maximum(np.hypot(way[:, 0], way[:, 1]), 1e-6)
    along = (way[:, 0] * np.cos(wanted) + way[:, 1] * np.sin(wanted)) / length
    size = np.abs(np.log(length * theirs[:, 2] / ours[:, 2]))
    kept = np.flatnonzero((along > _SAME_WAY) & (size < _SAME_SIZE))
    mine, other = mine[kept], other[kept]
    read = mirrored(second.descriptors) if np.linalg.det(linear) < 0 else second.descriptors
    cosine = np.einsum("kd,kd->k", unit_descriptors(first.descriptors[mine]), unit_descriptors(read[other]))
    order = np.argsort(-cosine, kind="stable")
    order = order[: np.count_nonzero(cosine > _LEAST_ALONG)]
    return mine[order], other[order]


def _mutual(first: Features, second: Features, mine: Ints, other: Ints) -> tuple[tuple[Floats32, Ints], ...]:
    """The points of both, and the rows of them that are each other's best; matches come best first."""
    numbers = np.arange(len(mine))
    best_of_mine, best_of_other = np.empty(len(first.points), int), np.empty(len(second.points), int)
    # Of several values for one place the last stays, which is the best match of it.
    best_of_mine[mine[::-1]] = best_of_other[other[::-1]] = numbers[::-1]
    kept = (best_of_mine[mine] == numbers) & (best_of_other[other] == numbers)
    return (first.points, mine[kept]), (second.points, other[kept])


def _within(target: Floats32, source: Floats32, matrix: Floats) -> int:
    """How many different points either photograph has where the other is, whichever has fewer."""
    counts = []
    for ours, theirs, way in ((target, source, np.asarray(np.linalg.inv(matrix))), (source, target, matrix)):
        moved, low, top = project(way, ours[:, :2]), theirs[:, :2].min(axis=0), theirs[:, :2].max(axis=0)
        inside = ((moved >= low) & (moved <= top)).all(axis=1)
        counts.append(_places(ours[inside]))
    return min(counts)


def project(matrix: Floats, points: npt.NDArray[Any]) -> Floats:
    """Points (K, 2) under a projective map (3, 3)."""
    mapped = points @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(mapped[:, :2] / np.maximum(mapped[:, 2:], 1e-3), dtype=float)


def _fit_projective(target: Floats32, source: Floats32) -> Floats:
    """Least squares of the eight numbers of a projective map, the two that tilt held back by `_STIFFNESS`."""
    (x, y), (u, v) = ((one.astype(float).T / _CENTRE_PX) - 1 for one in (source, target))
    # The normal equations of the rows (x, y, 1, 0, 0, 0, -u x, -u y) and (0, 0, 0, x, y, 1, -v x, -v y).
    flat = np.stack([x, y, np.ones_like(x)])
    plain, by_u, by_v, by_both = (flat * weight @ flat.T for weight in (1, u, v, u * u + v * v))
    normal = np.zeros((8, 8))
    normal[:3, :3] = normal[3:6, 3:6] = plain
    normal[:3, 6:], normal[3:6, 6:], normal[6:, 6:] = -by_u[:, :2], -by_v[:, :2], by_both[:2, :2]
    normal[6:, :6] = normal[:6, 6:].T
    normal.flat[::9] += _RIDGE
    right = np.concatenate([by_u[:, 2], by_v[:, 2], -by_both[:2, 2]])
    found = np.append(np.linalg.solve(normal, right), 1).reshape(3, 3)
    whole = _FROM_UNIT @ found @ _INTO_UNIT
    return np.asarray(whole / whole[2, 2])


def plausible(matrix: Floats) -> bool:
    """Whether a map (3, 3) is one that makes copies: scaled by at most 3, stretched by at most 2.2 one way.

    The scale may change by half from the middle of the frame to its edge: a print seen at an angle.
    """
    g, h, i = matrix[2].tolist()
    middle = g * _CENTRE_PX + h * _CENTRE_PX + i
    if middle <= 0 or _CENTRE_PX * (abs(g) + abs(h)) > _MAX_TILT * middle:
        return False
    # The singular values of a 2 x 2 matrix, by hand: this is asked of every pair, several times.
    (a, b), (c, d) = jacobian(matrix).tolist()
    squares, twice = a * a + b * b + c * c + d * d, 2 * abs(a * d - b * c)
    sum_, difference = (squares + twice) ** 0.5, max(squares - twice, 0.0) ** 0.5
    large, small = (sum_ + difference) / 2, (sum_ - difference) / 2
    return bool(large < _MAX_SCALE and small > 1 / _MAX_SCALE and large < _MAX_ANISOTROPY * small)


def jacobian(matrix: Floats) -> Floats:
    """What a projective map (3, 3) does to small steps, (2, 2), in the middle of a working-size frame."""
    (a, b, c), (d, e, f), (g, h, i) = matrix.tolist()
    x, y, w = (p * _CENTRE_PX + q * _CENTRE_PX + r for p, q, r in ((a, b, c), (d, e, f), (g, h, i)))
    x, y = x / w, y / w
    return np.array([[(a - x * g) / w, (b - x * h) / w], [(d - y * g) / w, (e - y * h) / w]])


def enlarging(size: tuple[int, ...], other: tuple[int, ...]) -> Floats:
    """The map (3, 3) from a picture of `size` (h, w) to the same picture of the `other` size."""
    # Pixel centres lie half a pixel inside the frame, so scaling moves the origin.
    y, x = other[0] / size[0], other[1] / size[1]
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1.0]])


def shrinkage(matrix: Floats) -> float:
    """By how much a projective map (3, 3) scales lengths in the middle of a working-size frame."""
    (a, b), (c, d) = jacobian(matrix).tolist()
    return float(abs(a * d - b * c) ** 0.5)
