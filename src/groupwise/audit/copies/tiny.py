"""Copies among tiny images: search in every pose, refine, correlate, weigh the crowd.

Few pixels are soon alike, so a correlation says little by itself: two scans of one digit reach 0.99. What
tells a copy is that it is far more alike than its neighbours are (the ratio test of Lowe, IJCV 2004).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from groupwise.audit.copies.align import plausible
from groupwise.audit.copies.compare import Evidence, high_pass
from groupwise.audit.copies.poses import SIDE, find_alike, free_poses, rigid_poses, to_grid
from groupwise.audit.copies.score import MIN_OVERLAP
from groupwise.audit.copies.threshold import Threshold, find_threshold
from groupwise.audit.copies.verify import Pair, Photograph
from groupwise.audit.copies.workers import map_in_chunks

FloatArray = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]

RIGID_PX = 12
"""Below this side an affine map makes look-alikes equal: only quarter turns, mirrors and shifts count."""

FREE_LINE, RIGID_LINE = (0.905, 0.915), (0.985, 0.988)
"""Where the line may lie for pairs compared freely, and for those with a side below `RIGID_PX`."""

_GRID = 32
_NEIGHBOURS = 8
_NEGATIVES = 200
_COARSE = 5.0  # Gaussian width, grid pixels, above which shading is ignored
_LEAST_TEXTURE = 2.0  # grey values; flatter images are compared by their hashes only
_HOPELESS = 0.5
_SPREAD_OF_CROWD = 0.05  # with many copies the neighbours are copies too; a crowd is never taken for closer
_TO_GRID = np.array([[_GRID, 0, (_GRID - 1) / 2], [0, _GRID, (_GRID - 1) / 2], [0, 0, 1.0]])


@dataclass(frozen=True, eq=False)
class _Tiny:
    """One image on the grid, (_GRID, _GRID); `side` is the short side of its source in pixels."""

    grid: FloatArray
    side: float


@dataclass(frozen=True, eq=False)
class _Match:
    """Correlation, the share of the smaller frame that both cover, and the second's map onto the first."""

    correlation: float
    overlap: float
    matrix: Matrix


def find_tiny_copies(
    photographs: Sequence[Photograph], numbers: Sequence[int], seed: int, pool: ThreadPoolExecutor
) -> tuple[list[Pair], list[Threshold]]:
    """Copies among the photographs with these `numbers`, and the lines that they passed."""
    tiny = {
        number: _Tiny(to_grid(photographs[number].grey, _GRID), photographs[number].side)
        for number in numbers
    }
    live = [number for number in numbers if tiny[number].grid.std() >= _LEAST_TEXTURE]
    pairs, lines = [], []
    for rigid in (True, False):
        # Whoever is large enough to be compared freely meets only its like; thumbnails meet by their hashes.
        chosen = [number for number in live if (tiny[number].side < RIGID_PX) == rigid]
        if len(chosen) > 1:
            images = [tiny[number] for number in chosen]
            found, null = _scores(images, rigid, seed, pool)
            scores = np.array([_score(match, spread) for _, match, spread in found])
            line = find_threshold(scores, null, RIGID_LINE if rigid else FREE_LINE)
            lines.append(line)
            pairs += [
                _pair(photographs, chosen[i], chosen[j], match, float(score))
                for ((i, j), match, _), score in zip(found, scores, strict=True)
                if score >= line.score
            ]
    return pairs, lines


Found = list[tuple[tuple[int, int], _Match, float]]


def _scores(
    images: Sequence[_Tiny], rigid: bool, seed: int, pool: ThreadPoolExecutor
) -> tuple[Found, npt.NDArray[np.float64]]:
    """Matched pairs, each with how far their neighbours are, and the scores that negatives reach."""
    poses = rigid_poses() if rigid else free_poses()
    small = np.stack([to_grid(one.grid, SIDE) for one in images])

    def search(queries: FloatArray, count: int) -> Iterable[tuple[int, int, int]]:
        return find_alike(small, queries, poses, count, seed=seed)

    best: dict[tuple[int, int], _Match] = {}
    met = [(i, j, pose) for i, j, pose in search(small, _NEIGHBOURS + 1) if i != j]
    matches = map_in_chunks(pool, lambda m: match(images[m[0]], images[m[1]], poses[m[2]], rigid=rigid), met)
    for (i, j, _), one in zip(met, matches, strict=True):
        ordered = one if i < j else replace(one, matrix=cv2.invertAffineTransform(one.matrix))
        key = (min(i, j), max(i, j))
        if key not in best or ordered.correlation > best[key].correlation:
            best[key] = ordered
    crowd = _crowd(len(images), best, 0.0 if rigid else _SPREAD_OF_CROWD)
    found = [(key, one, min(crowd[key[0]], crowd[key[1]])) for key, one in best.items()]
    drawn = np.random.default_rng(seed).permutation(len(images))[:_NEGATIVES]
    negatives = [replace(images[k], grid=255 - images[k].grid) for k in drawn]
    asked = list(search(255 - small[drawn], _NEIGHBOURS))
    null = map_in_chunks(
        pool, lambda m: match(negatives[m[0]], images[m[1]], poses[m[2]], rigid=rigid), asked
    )
    return found, np.array(
        [_score(one, min(crowd[drawn[i]], crowd[j])) for (i, j, _), one in zip(asked, null, strict=True)]
    )


def _crowd(n: int, matches: dict[tuple[int, int], _Match], least: float) -> npt.NDArray[np.float64]:
    """How far the middle of its nearest neighbours is from each image, (n,): 1 less their correlation."""
    near: list[list[float]] = [[] for _ in range(n)]
    for (i, j), one in matches.items():
        near[i].append(one.correlation)
        near[j].append(one.correlation)
    middle = [float(np.median(sorted(values)[-_NEIGHBOURS:])) if values else 0.0 for values in near]
    spread: npt.NDArray[np.float64] = np.clip(1 - np.array(middle), max(least, 1e-4), 1)
    return spread


def _score(found: _Match, spread: float) -> float:
    """1 for equal pixels; less by what does not correlate, which weighs more in a close crowd."""
    if found.overlap < MIN_OVERLAP or not plausible(_whole(found.matrix)):
        return -1.0
    return max(-1.0, 1 - (1 - found.correlation) / float(np.sqrt(spread)))


def match(first: _Tiny, second: _Tiny, pose: Matrix, *, rigid: bool) -> _Match:
    """Correlate two images in `pose`, then in the better of it and what enhanced correlation makes of it."""
    a, b = first.grid, second.grid
    matrix = _between_grids(pose)
    fine = max(0.8, 0.5 * _GRID / min(first.side, second.side))
    rough = _correlate(a, b, matrix, fine)
    if rough.correlation < _HOPELESS:
        return rough
    refined = _shifted(a, b, matrix) if rigid else _bent(a, b, matrix)
    if refined is None or not plausible(_whole(refined)):
        return rough
    return max(rough, _correlate(a, b, refined, fine), key=lambda found: found.correlation)


def _between_grids(pose: Matrix) -> Matrix:
    whole = _TO_GRID @ _whole(pose) @ np.linalg.inv(_TO_GRID)
    return np.asarray(whole[:2])


def _correlate(first: FloatArray, second: FloatArray, matrix: Matrix, fine: float) -> _Match:
    """Normalised cross-correlation of what is between the `fine` and the coarse width, where both are."""
    size = (_GRID, _GRID)
    mask = cv2.warpAffine(np.ones(size, np.float32), matrix, size, flags=cv2.INTER_NEAREST)
    warped = cv2.warpAffine(second, matrix, size, flags=cv2.INTER_LINEAR)
    common = mask > 0
    overlap = float(mask.sum()) / (_GRID**2 * min(1.0, abs(float(np.linalg.det(matrix[:, :2])))))
    if overlap < MIN_OVERLAP:
        return _Match(0.0, overlap, matrix)
    ours, theirs = (one[common] for one in high_pass((first, warped), mask, fine, _COARSE))
    ours, theirs = ours - ours.mean(), theirs - theirs.mean()
    length = float(np.sqrt((ours @ ours) * (theirs @ theirs)))
    return _Match(float(ours @ theirs) / max(length, 1e-6), overlap, matrix)


def _bent(first: FloatArray, second: FloatArray, matrix: Matrix) -> Matrix | None:
    """`matrix` refined by enhanced correlation to any affine map; None where that diverges."""
    inverse = cv2.invertAffineTransform(matrix).astype(np.float32)
    found = _enhance(first, second, inverse, cv2.MOTION_AFFINE)
    return None if found is None else np.asarray(cv2.invertAffineTransform(found), dtype=np.float64)


def _shifted(first: FloatArray, second: FloatArray, matrix: Matrix) -> Matrix | None:
    """`matrix` refined by a shift alone."""
    turned = cv2.warpAffine(second, matrix, (_GRID, _GRID), borderMode=cv2.BORDER_REPLICATE)
    found = _enhance(first, turned, np.eye(2, 3, dtype=np.float32), cv2.MOTION_TRANSLATION)
    return None if found is None else matrix - np.column_stack([np.zeros((2, 2)), found[:, 2]])


def _enhance(first: FloatArray, second: FloatArray, start: FloatArray, motion: int) -> FloatArray | None:
    """Enhanced correlation (Evangelidis, Psarakis, PAMI 2008) where both are defined."""
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 20, 1e-4)
    whole = np.full((_GRID, _GRID), 255, np.uint8)
    mask = cv2.warpAffine(whole, start, (_GRID, _GRID), flags=cv2.INTER_NEAREST)
    try:
        _, found = cv2.findTransformECC(first, second, start, motion, stop, mask, 3)
    except cv2.error:  # the overlap is flat or the step leaves the frame
        return None
    return np.asarray(found, dtype=np.float32)


def _pair(photographs: Sequence[Photograph], first: int, second: int, found: _Match, score: float) -> Pair:
    """The match in pixels of the working size, where pictures are drawn."""
    to_first, to_second = (_from_grid(photographs[number].grey.shape) for number in (first, second))
    matrix = to_first @ _whole(found.matrix) @ np.linalg.inv(to_second)
    value = found.correlation
    return Pair(first, second, Evidence(value, value, value, 0.0, found.overlap, matrix), score)


def _whole(matrix: Matrix) -> Matrix:
    """An affine map (2, 3) as a projective one (3, 3)."""
    return np.vstack([matrix, [0, 0, 1]])


def _from_grid(shape: tuple[int, ...]) -> Matrix:
    # Pixel centres lie half a pixel inside the frame, so scaling moves the origin.
    y, x = shape[0] / _GRID, shape[1] / _GRID
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1.0]])
