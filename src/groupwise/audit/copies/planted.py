"""Operations that make copies of a photograph, parts of what `compositions.py` plants."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from groupwise.stats.arrays import Floats, Pixels

Transform = Callable[[Pixels, np.random.Generator], Pixels]

FILLS = (cv2.BORDER_CONSTANT, cv2.BORDER_REPLICATE, cv2.BORDER_REFLECT_101, cv2.BORDER_WRAP)


def reencode(rgb: Pixels, rng: np.random.Generator) -> Pixels:
    """Save as JPEG of quality 30 to 90."""
    quality = int(rng.integers(30, 91))
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not done:
        raise ValueError(f"cannot encode an image of shape {rgb.shape}")
    return _as_bytes(cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB))


def shear(rgb: Pixels, rng: np.random.Generator) -> Pixels:
    """Shear by up to 0.35 (19 degrees), any fill."""
    linear = np.array([[1.0, rng.uniform(-0.35, 0.35)], [0.0, 1.0]])
    return warp(rgb, about_centre(rgb, linear), int(rng.choice(FILLS)), rng)


def crop(rgb: Pixels, rng: np.random.Generator) -> Pixels:
    """Keep a window of 50 to 90 % of the area, near the same aspect; half of the time scale it back up."""
    height, width = rgb.shape[:2]
    area, aspect = rng.uniform(0.5, 0.9), 2 ** rng.uniform(-0.2, 0.2)
    h, w = round(height * min(1, (area * aspect) ** 0.5)), round(width * min(1, (area / aspect) ** 0.5))
    top, left = int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1))
    window = np.ascontiguousarray(rgb[top : top + h, left : left + w])
    if rng.random() < 0.5:
        return window
    return _as_bytes(cv2.resize(window, (width, height), interpolation=cv2.INTER_CUBIC))


def recolour(rgb: Pixels, rng: np.random.Generator) -> Pixels:
    """Change gain, bias, gamma and white balance; one in four turns grey."""
    x = (rgb.astype(np.float32) / 255) ** float(2 ** rng.uniform(-0.6, 0.6))
    x = x * rng.uniform(0.6, 1.3) * rng.uniform(0.85, 1.15, 3) + rng.uniform(-0.1, 0.1)
    if rng.random() < 0.25:
        x = np.repeat(x.mean(2, keepdims=True), 3, axis=2)
    return _as_bytes(np.clip(255 * x, 0, 255))


def noise(rgb: Pixels, rng: np.random.Generator) -> Pixels:
    """Add Gaussian noise of 5 to 20 grey values; half of the time the same to all channels, as grain is."""
    deviation = rng.uniform(5, 20)
    # Of noise that is drawn anew for each channel a grey version keeps two thirds.
    shape = (*rgb.shape[:2], 1) if rng.random() < 0.5 else rgb.shape
    return _as_bytes(np.clip(rgb + rng.normal(0, deviation, shape), 0, 255))


def about_centre(rgb: Pixels, linear: Floats) -> Floats:
    """The affine map (2, 3) of pixel centres that is `linear` (2, 2) about the centre of the image."""
    height, width = rgb.shape[:2]
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    return np.column_stack([linear, centre - linear @ centre])


def warp(rgb: Pixels, matrix: Floats, border: int, rng: np.random.Generator) -> Pixels:
    """Under an affine map within the frame; `border` is OpenCV's, its one colour black, white or the mean."""
    colour = tuple(int(v) for v in rng.choice([[0] * 3, [255] * 3, rgb.mean((0, 1))]))
    size = rgb.shape[1], rgb.shape[0]
    warped = cv2.warpAffine(rgb, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border, borderValue=colour)
    return _as_bytes(warped)


def _as_bytes(values: npt.NDArray[np.generic]) -> Pixels:
    return np.asarray(values).astype(np.uint8)
