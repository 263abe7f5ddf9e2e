"""Alignment: the plausible affine map between two photographs, from their local features.

One match with its scale and direction already proposes a similarity (Philbin et al., CVPR 2007), so every
proposal is tried and nothing is drawn at random: RANSAC needs more matches than a smooth photograph has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from groupwise.audit.copies.features import WORKING_AREA_PX, Features, mirrored, unit_descriptors

FloatArray = npt.NDArray[np.float64]

MIN_SUPPORT = 4
"""Matches at different places that must agree; three points fit any affine map exactly."""

_MAX_SCALE, _MAX_ANISOTROPY = 3.0, 1.8
_RATIO, _FARTHEST, _FARTHEST_MUTUAL = 0.85, 0.9, 0.75
_PROPOSALS = 24
_TOLERANCES = tuple(share * WORKING_AREA_PX**0.5 for share in (0.06, 0.035, 0.02))
_LOOSE = 0.08 * WORKING_AREA_PX**0.5


@dataclass(frozen=True, eq=False)
class Alignment:
    """`matrix` (2, 3) maps the second's working-size pixels onto the first; `support` matches agree."""

    matrix: FloatArray
    support: int


def align(first: Features, second: Features, *, mirror: bool) -> Alignment | None:
    """The best-supported plausible affine map, or None; `mirror` reads the second photograph as mirrored."""
    if min(len(first.points), len(second.points)) < MIN_SUPPORT:
        return None
    theirs = mirrored(second.descriptors) if mirror else second.descriptors
    mine, other = _matches(unit_descriptors(first.descriptors), unit_descriptors(theirs))
    if len(mine) < MIN_SUPPORT:
        return None
    target, source = first.points[mine].astype(float), second.points[other].astype(float)
    return _refined(target, source, _best_proposal(target, source, mirror), mirror)


def _matches(
    mine: npt.NDArray[np.float32], other: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
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


def _best_proposal(target: FloatArray, source: FloatArray, mirror: bool) -> npt.NDArray[np.bool_]:
    """Which matches agree with the similarity that most matches agree with, (M,)."""
    scale = target[:, 2] / source[:, 2]
    angle = np.deg2rad(target[:, 3] + source[:, 3] - 180 if mirror else target[:, 3] - source[:, 3])
    k = slice(0, _PROPOSALS)
    # A similarity is one complex factor; mirroring first negates x, which is minus the conjugate.
    start, end = (points[:, 0] + 1j * points[:, 1] for points in (source, target))
    start = -start.conj() if mirror else start
    factor = scale[k] * np.exp(1j * angle[k])
    error = np.abs(factor[:, None] * (start[None] - start[k, None]) + end[k, None] - end[None])
    like = np.abs(np.log(scale[None] / scale[k, None])) < 0.6
    agree = (error < _LOOSE) & like & (np.abs(np.log(scale[k])) < np.log(_MAX_SCALE))[:, None]
    return np.asarray(agree[np.argmax(agree.sum(axis=1))])


def _refined(
    target: FloatArray, source: FloatArray, agree: npt.NDArray[np.bool_], mirror: bool
) -> Alignment | None:
    matrix = np.zeros((2, 3))
    for tolerance in _TOLERANCES:
        if agree.sum() < MIN_SUPPORT:
            return None
        matrix = _fit(target[agree, :2], source[agree, :2], mirror)
        error = source[:, :2] @ matrix[:, :2].T + matrix[:, 2] - target[:, :2]
        agree = np.hypot(error[:, 0], error[:, 1]) < tolerance
    support = min(_places(target[agree]), _places(source[agree]))
    return Alignment(matrix, support) if support >= MIN_SUPPORT and plausible(matrix) else None


def _fit(target: FloatArray, source: FloatArray, mirror: bool) -> FloatArray:
    """Least-squares affine map; with few matches a similarity, which they cannot bend."""
    if len(target) >= 6:
        ones = np.column_stack([source, np.ones(len(source))])
        normal = ones.T @ ones + 1e-6 * np.eye(3)
        return np.asarray(np.linalg.solve(normal, ones.T @ target).T)
    start, end = (points[:, 0] + 1j * points[:, 1] for points in (source, target))
    start = -start.conj() if mirror else start
    centred = start - start.mean()
    factor = (centred.conj() @ (end - end.mean())) / max(float((np.abs(centred) ** 2).sum()), 1e-9)
    offset = end.mean() - factor * start.mean()
    a, b = factor.real, factor.imag
    return np.array([[-a if mirror else a, -b, offset.real], [-b if mirror else b, a, offset.imag]])


def _places(points: FloatArray) -> int:
    # Two descriptors of one point (two directions, two scales) are one piece of evidence.
    return len({(round(x / 2), round(y / 2)) for x, y in points[:, :2].tolist()})


def plausible(matrix: FloatArray) -> bool:
    """Whether a map is one that makes copies: scaled by at most 3, stretched by at most 1.8 one way."""
    large, small = np.linalg.svd(matrix[:, :2], compute_uv=False)
    return bool(large < _MAX_SCALE and small > 1 / _MAX_SCALE and large < _MAX_ANISOTROPY * small)
