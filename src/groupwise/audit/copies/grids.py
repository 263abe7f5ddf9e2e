"""Tiny images laid on one another on a grid: many pairs correlated at once, then the hopeful ones refined."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from groupwise.audit.copies.align import plausible
from groupwise.audit.copies.score import MIN_OVERLAP
from groupwise.stats.arrays import Floats32, Matrix

GRID = 32

_COARSE = 5.0  # Gaussian width, grid pixels, above which shading is ignored
_HOPELESS = 0.5
_TO_GRID = np.array([[GRID, 0, (GRID - 1) / 2], [0, GRID, (GRID - 1) / 2], [0, 0, 1.0]])


@dataclass(frozen=True, eq=False)
class Tiny:
    """N images on the grid, (N, GRID, GRID), and the short sides (N,) of their sources in pixels."""

    grids: Floats32
    sides: Matrix

    def __len__(self) -> int:
        return len(self.grids)

    def __getitem__(self, rows: slice | npt.NDArray[np.integer]) -> Tiny:
        return Tiny(self.grids[rows], self.sides[rows])


@dataclass(frozen=True, eq=False)
class Laid:
    """Of K pairs the correlation (K,), the share of the smaller frame that both cover (K,), and a map.

    The maps (K, 2, 3) lay the second on the first.
    """

    correlation: Matrix
    overlap: Matrix
    matrix: Matrix

    def __getitem__(self, rows: slice | npt.NDArray[np.integer]) -> Laid:
        return Laid(self.correlation[rows], self.overlap[rows], self.matrix[rows])


def lay(first: Tiny, second: Tiny, starts: Matrix, *, rigid: bool) -> Laid:
    """Correlate K pairs as `starts` (K, 2, 3) lay them, then in the better of it and what refining finds.

    Enhanced correlation refines to any affine map or, if `rigid`, by a shift alone.
    """
    if not len(starts):
        return Laid(np.zeros(0), np.zeros(0), starts)
    fine = np.maximum(0.8, 0.5 * GRID / np.minimum(first.sides, second.sides))
    rough = _correlate(first.grids, second.grids, starts, fine)
    found = rough.correlation.copy(), rough.overlap.copy(), starts.copy()
    refined = _shifted if rigid else _bent
    hopeful = np.flatnonzero(rough.correlation >= _HOPELESS)
    maps = {k: refined(first.grids[k], second.grids[k], starts[k]) for k in hopeful.tolist()}
    kept = {k: one for k, one in maps.items() if one is not None and plausible(whole(one))}
    if kept:
        rows, bent = np.array(list(kept)), np.stack(list(kept.values()))
        again = _correlate(first.grids[rows], second.grids[rows], bent, fine[rows])
        better = again.correlation > rough.correlation[rows]
        for ours, theirs in zip(found, (again.correlation, again.overlap, bent), strict=True):
            ours[rows[better]] = theirs[better]
    return Laid(*found)


def between_grids(poses: Iterable[Matrix]) -> Matrix:
    """Poses, maps between frames whose centre is 0 and whose side is 1, as maps between grids, (P, 2, 3)."""
    back = np.linalg.inv(_TO_GRID)
    return np.stack([(_TO_GRID @ whole(pose) @ back)[:2] for pose in poses])


def whole(matrix: Matrix) -> Matrix:
    """An affine map (2, 3) as a projective one (3, 3)."""
    return np.vstack([matrix, [0, 0, 1]])


def _correlate(first: Floats32, second: Floats32, matrices: Matrix, fine: Matrix) -> Laid:
    """Normalised cross-correlations of what is between the `fine` (K,) and the coarse width, where both are.

    A blur along an axis is a product with a matrix: of many images at once that takes a tenth of the time.
    """
    size, ones = (GRID, GRID), np.ones((GRID, GRID), np.float32)
    mask = np.stack([cv2.warpAffine(ones, one, size, flags=cv2.INTER_NEAREST) for one in matrices])
    warped = np.stack([cv2.warpAffine(*pair, size) for pair in zip(second, matrices, strict=True)])
    widths, which = np.unique(fine, return_inverse=True)
    narrow, wide = np.stack([_blur(float(width)) for width in widths])[which], _blur(_COARSE)
    inverse = [mask / np.maximum(blur @ mask @ blur.swapaxes(-1, -2), 1e-3) for blur in (narrow, wide)]
    area = mask.sum(axis=(1, 2))
    passed = []
    for image in (first * mask, warped * mask):
        low, high = (blur @ image @ blur.swapaxes(-1, -2) for blur in (wide, narrow))
        band = high * inverse[0] - low * inverse[1]
        passed.append(band - mask * (band.sum(axis=(1, 2)) / np.maximum(area, 1))[:, None, None])
    ours, theirs = passed
    power = (ours * ours).sum(axis=(1, 2)) * (theirs * theirs).sum(axis=(1, 2))
    correlation = (ours * theirs).sum(axis=(1, 2)) / np.maximum(np.sqrt(power), 1e-6)
    shrunk = np.minimum(1.0, np.abs(np.linalg.det(matrices[:, :, :2])))
    overlap = area / (GRID**2 * shrunk)
    return Laid(np.where(overlap < MIN_OVERLAP, 0.0, correlation), overlap, matrices)


@cache
def _blur(width: float) -> Floats32:
    """The matrix (GRID, GRID) that blurs the columns of an image with a Gaussian of this width."""
    eye = np.eye(GRID, dtype=np.float32)
    return np.asarray(cv2.GaussianBlur(eye, (1, 0), sigmaX=1, sigmaY=width), dtype=np.float32)


def _bent(first: Floats32, second: Floats32, matrix: Matrix) -> Matrix | None:
    """`matrix` refined by enhanced correlation to any affine map; None where that diverges."""
    inverse = cv2.invertAffineTransform(matrix).astype(np.float32)
    found = _enhance(first, second, inverse, cv2.MOTION_AFFINE)
    return None if found is None else np.asarray(cv2.invertAffineTransform(found), dtype=np.float64)


def _shifted(first: Floats32, second: Floats32, matrix: Matrix) -> Matrix | None:
    """`matrix` refined by a shift alone."""
    turned = cv2.warpAffine(second, matrix, (GRID, GRID), borderMode=cv2.BORDER_REPLICATE)
    found = _enhance(first, turned, np.eye(2, 3, dtype=np.float32), cv2.MOTION_TRANSLATION)
    return None if found is None else matrix - np.column_stack([np.zeros((2, 2)), found[:, 2]])


def _enhance(first: Floats32, second: Floats32, start: Floats32, motion: int) -> Floats32 | None:
    """Enhanced correlation (Evangelidis, Psarakis, PAMI 2008) where both are defined."""
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 20, 1e-4)
    everywhere = np.full((GRID, GRID), 255, np.uint8)
    mask = cv2.warpAffine(everywhere, start, (GRID, GRID), flags=cv2.INTER_NEAREST)
    try:
        _, found = cv2.findTransformECC(first, second, start, motion, stop, mask, 3)
    except cv2.error:  # the overlap is flat or the step leaves the frame
        return None
    return np.asarray(found, dtype=np.float32)
