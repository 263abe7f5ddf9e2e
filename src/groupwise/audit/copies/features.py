"""Local features: SIFT points and RootSIFT descriptors at one working size.

Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004; Arandjelovic and Zisserman,
"Three things everyone should know to improve object retrieval", CVPR 2012.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from groupwise.stats.arrays import Floats32, Ints, Pixels, Reals

WORKING_AREA_PX = 128**2
"""Every photograph is brought to this area; finer detail finds fewer copies, for it is noise and JPEG."""

MAX_POINTS = 250

CELLS = 8
"""Cells along each side of the frame. Where too many points are found they take turns: by contrast alone
lines of text would have all, and a photograph on the page none."""

_MOST_FOUND = 2_000  # of highest contrast, among which those are chosen; photographs have fewer
_CONTRAST, _EDGE = 0.01, 15
_LEVELS = 512.0  # RootSIFT entries rarely pass 0.5, so this keeps them within a byte

_CELLS = np.arange(128).reshape(4, 4, 8)
_MIRROR = _CELLS[::-1][:, :, -np.arange(8) % 8].ravel()
_NEGATIVE = _CELLS[::-1, ::-1].ravel()


@dataclass(frozen=True, eq=False)
class Features:
    """K local features of one photograph at its working size.

    `points` is (K, 4) float32: x, y, diameter in pixels and angle in degrees, clockwise from the x axis;
    `descriptors` is (K, 128) uint8, RootSIFT times 512.
    """

    points: Floats32
    descriptors: npt.NDArray[np.uint8]


def working_grey(rgb: Pixels) -> Pixels:
    """Grey version (h, w) of `rgb` (H, W, 3), aspect kept, with about `WORKING_AREA_PX` pixels."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    factor = (WORKING_AREA_PX / (height * width)) ** 0.5
    size = (max(8, round(width * factor)), max(8, round(height * factor)))
    if factor < 0.5:  # halving first costs a third of area-averaging the whole picture at once
        half = (max(8, size[0] * 2), max(8, size[1] * 2))
        grey = cv2.resize(grey, half, interpolation=cv2.INTER_LINEAR if factor > 0.25 else cv2.INTER_AREA)
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(grey, size, interpolation=method), dtype=np.uint8)


def describe(grey: Pixels, most: int = MAX_POINTS) -> Features:
    """Local features of a working-size grey image, `most` of them spread over its frame, in a fixed order."""
    detector = cv2.SIFT.create(_MOST_FOUND, contrastThreshold=_CONTRAST, edgeThreshold=_EDGE)
    found: tuple[Any, Any] = detector.detectAndCompute(grey, None)
    keypoints, sift = found
    if sift is None:
        return Features(np.zeros((0, 4), np.float32), np.zeros((0, 128), np.uint8))
    points = np.array([(*point.pt, point.size, point.angle) for point in keypoints], dtype=np.float32)
    contrast = np.array([point.response for point in keypoints])
    kept = _spread(points[:, :2] / grey.shape[::-1], contrast, most)
    share = sift[kept] / np.maximum(sift[kept].sum(axis=1, keepdims=True), 1e-9)
    levels = np.minimum(np.rint(_LEVELS * np.sqrt(share)), 255).astype(np.uint8)
    return Features(points[kept], levels)


def _spread(places: Reals, contrast: Reals, most: int) -> Ints:
    """Which `most` to keep: of each cell of the frame the strongest, then of each the second, and so on.

    `places` (N, 2) are parts of the width and the height. The order is that in which they were found.
    """
    column, row = np.minimum(places * CELLS, CELLS - 1).astype(np.int64).T
    cell = row * CELLS + column
    order = np.lexsort((-contrast, cell))
    rank = np.arange(len(order)) - np.searchsorted(cell[order], cell[order])
    best = order[np.lexsort((-contrast[order], rank))]
    return np.asarray(np.sort(best[:most]))


def unit_descriptors(descriptors: npt.NDArray[np.uint8]) -> Floats32:
    """RootSIFT as float32 of unit length, (K, 128), so that a dot product is a cosine."""
    return descriptors.astype(np.float32) / np.float32(_LEVELS)


def mirrored(descriptors: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """What the descriptors would be in the mirrored photograph; SIFT itself does not match its mirror image.

    Mirroring leaves the interest points where they are, swaps the rows of each 4 x 4 grid, which runs along
    the point's own direction, and negates every gradient angle: a permutation, so nothing is detected
    twice.
    """
    return descriptors[:, _MIRROR]


def negative(descriptors: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """What the descriptors would be in the photographic negative: every gradient turns by 180 degrees."""
    return descriptors[:, _NEGATIVE]
