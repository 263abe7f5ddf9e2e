"""Compositions: copies by several operations at once, as augmentation pipelines make them.

Pipelines seldom change one thing. A copy that was turned, cropped and saved small is harder to find than
copies by any one of these, so a recall that is measured on single operations is a promise that does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import cv2
import numpy as np

from groupwise.audit.copies.planted import FILLS, Transform, crop, noise, recolour, reencode, shear
from groupwise.stats.arrays import Floats, Pixels

DEEPEST = 6
"""The most operations of one copy."""

LARGEST_PX = 400
"""Longer originals are reduced to this before they are changed, so that a plant costs the same on any set."""

SMALL_PX = 48
"""Originals whose short side is at most this keep at least 0.6 of it, for there is nothing to spare."""

_SCALES, _SCALES_OF_SMALL = (0.3, 2.0), (0.6, 2.0)
_INTERPOLATIONS = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC)


def turn(rgb: Pixels, rng: np.random.Generator) -> Pixels:
    """Rotate by any angle, any fill; half of the time the frame grows to hold all of it."""
    height, width = rgb.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), float(rng.uniform(-180, 180)), 1.0)
    if rng.random() < 0.5:
        cosine, sine = np.abs(matrix[0, :2])
        wide, high = round(width * cosine + height * sine), round(width * sine + height * cosine)
        matrix[:, 2] += (wide - width) / 2, (high - height) / 2
        width, height = wide, high
    return _warped(rgb, np.vstack([matrix, [0, 0, 1]]), (width, height), rng)


def tilt(rgb: Pixels, rng: np.random.Generator) -> Pixels:
    """See the print from an angle of 10 to 30 degrees, from 1.2 to 2.5 of its longer side away."""
    height, width = rgb.shape[:2]
    angle, toward = np.deg2rad(rng.uniform(10, 30)), rng.uniform(0, 2 * np.pi)
    distance = float(rng.uniform(1.2, 2.5)) * max(height, width)
    c, s = np.cos(toward), np.sin(toward)
    about = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    # In coordinates whose first axis recedes: it shortens by the cosine, and what recedes shrinks.
    seen = np.array([[np.cos(angle), 0, 0], [0, 1, 0], [np.sin(angle) / distance, 0, 1]])
    centre = np.array([[1, 0, (width - 1) / 2], [0, 1, (height - 1) / 2], [0, 0, 1]])
    matrix = centre @ about @ seen @ about.T @ np.linalg.inv(centre)
    return _warped(rgb, matrix, (width, height), rng)


def flip(rgb: Pixels, rng: np.random.Generator) -> Pixels:
    """Left to right, or one time in three top to bottom."""
    return np.ascontiguousarray(rgb[::-1] if rng.random() < 1 / 3 else rgb[:, ::-1])


def grey(rgb: Pixels, rng: np.random.Generator) -> Pixels:
    """Luminance alone, one time in four with an equalised histogram."""
    plain = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    if rng.random() < 0.25:
        plain = cv2.equalizeHist(plain)
    return np.repeat(np.asarray(plain, np.uint8)[:, :, None], 3, axis=2)


def blur(rgb: Pixels, rng: np.random.Generator) -> Pixels:
    """Gaussian of 0.5 to 2 pixels, not wider than a sixtieth of the short side."""
    widest = max(0.5, min(2.0, min(rgb.shape[:2]) / 60))
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), float(rng.uniform(0.5, widest))), np.uint8)


def scaled(rgb: Pixels, rng: np.random.Generator, scales: tuple[float, float]) -> Pixels:
    """Scale both sides by one factor of this range, uniform in its logarithm; with aliasing or without."""
    factor = float(np.exp(rng.uniform(*np.log(scales))))
    size = [max(8, round(side * factor)) for side in rgb.shape[1::-1]]
    method = cv2.INTER_AREA if factor < 1 and rng.random() < 0.7 else int(rng.choice(_INTERPOLATIONS))
    return np.asarray(cv2.resize(rgb, size, interpolation=method), np.uint8)


OPERATIONS: Mapping[str, Transform] = MappingProxyType(
    {one.__name__: one for one in (crop, turn, shear, tilt, flip, recolour, grey, blur, noise, reencode)}
)
"""What is drawn from, besides a change of scale."""


def compose(rgb: Pixels, depth: int, rng: np.random.Generator) -> Pixels:
    """A copy of `rgb` (H, W, 3) by `depth` different operations in random order, from 1 to `DEEPEST`.

    Strengths stand beside each operation; the scale changes by 0.3 to 2, of small originals by 0.6 to 2.
    """
    longest, shortest = max(rgb.shape[:2]), min(rgb.shape[:2])
    if longest > LARGEST_PX:
        size = [max(1, round(side * LARGEST_PX / longest)) for side in rgb.shape[1::-1]]
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    scales = _SCALES_OF_SMALL if shortest <= SMALL_PX else _SCALES
    for name in rng.permutation(["scale", *OPERATIONS])[:depth]:
        rgb = scaled(rgb, rng, scales) if name == "scale" else OPERATIONS[str(name)](rgb, rng)
    return rgb


def _warped(rgb: Pixels, matrix: Floats, size: tuple[int, int], rng: np.random.Generator) -> Pixels:
    """Under a projective map, interpolated and filled in any of the ways there are."""
    method, border = int(rng.choice(_INTERPOLATIONS, p=(0.2, 0.5, 0.3))), int(rng.choice(FILLS))
    colour = tuple(int(v) for v in rng.choice([[0] * 3, [255] * 3, rgb.mean((0, 1))]))
    warped = cv2.warpPerspective(rgb, matrix, size, flags=method, borderMode=border, borderValue=colour)
    return np.asarray(warped, np.uint8)
