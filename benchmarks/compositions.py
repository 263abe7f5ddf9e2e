"""Composed copies, written apart from the product's own: what augmentation pipelines make of a photograph.

A composition draws 1 to 6 different operations in random order. Geometry is Pillow's, fills other than one
colour are OpenCV's; strengths stand beside each operation.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from groupwise.stats.arrays import Pixels

Rng = np.random.Generator
Operation = Callable[[Image.Image, Rng], Image.Image]

DEEPEST = 6
LEAST_SIDE_PX = 8
_RESAMPLING = (Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
_BORDERS = (cv2.BORDER_REPLICATE, cv2.BORDER_REFLECT_101, cv2.BORDER_WRAP, cv2.BORDER_REFLECT)
_TILT_DEG = 30.0


def crop(image: Image.Image, rng: Rng) -> Image.Image:
    """A window of 50 to 90 % of the area, aspect changed by at most 4:3; half of the time scaled back."""
    width, height = image.size
    area, aspect = rng.uniform(0.5, 0.9), np.exp(rng.uniform(-1, 1) * np.log(4 / 3) / 2)
    w = min(width, max(1, round(width * (area**0.5) * aspect)))
    h = min(height, max(1, round(area * width * height / w)))
    left, top = int(rng.integers(0, width - w + 1)), int(rng.integers(0, height - h + 1))
    window = image.crop((left, top, left + w, top + h))
    return window.resize((width, height), Image.Resampling.BICUBIC) if rng.random() < 0.5 else window


def turn(image: Image.Image, rng: Rng) -> Image.Image:
    """Any angle; expanded or not; filled by black, white, a colour, the edge, a reflection or a wrap."""
    angle, expand = float(rng.uniform(-180, 180)), bool(rng.random() < 0.4)
    resample = _RESAMPLING[int(rng.choice(3, p=(0.2, 0.5, 0.3)))]
    if rng.random() < 0.5:
        return image.rotate(angle, resample, expand=expand, fillcolor=_colour(rng))
    width, height = image.size
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    size = _expanded(matrix, image.size) if expand else image.size
    return _warp(image, matrix, size, rng)


def shear(image: Image.Image, rng: Rng) -> Image.Image:
    """By up to 0.35 along one side, about the centre, any fill."""
    width, height = image.size
    amount = float(rng.uniform(-0.35, 0.35))
    matrix = np.eye(2, 3)
    if rng.random() < 0.5:
        matrix[0, 1:] = amount, -amount * (height - 1) / 2
    else:
        matrix[1, 0], matrix[1, 2] = amount, -amount * (width - 1) / 2
    return _warp(image, matrix, image.size, rng)


def perspective(image: Image.Image, rng: Rng) -> Image.Image:
    """A print photographed at an angle of 10 to 30 degrees from 1.2 to 2.5 of its long side away."""
    width, height = image.size
    tilt, toward = np.deg2rad(rng.uniform(10, _TILT_DEG)), rng.uniform(0, 2 * np.pi)
    distance = max(width, height) * rng.uniform(1.2, 2.5)
    x, y = np.array([-1, 1, 1, -1]) * width / 2, np.array([-1, -1, 1, 1]) * height / 2
    along, across = x * np.cos(toward) + y * np.sin(toward), -x * np.sin(toward) + y * np.cos(toward)
    scale = distance / (distance + along * np.sin(tilt))
    along, across = along * np.cos(tilt) * scale, across * scale
    seen_x, seen_y = (
        along * np.cos(toward) - across * np.sin(toward),
        along * np.sin(toward) + across * np.cos(toward),
    )
    target = np.column_stack([seen_x + width / 2, seen_y + height / 2]).astype(np.float32)
    source = np.column_stack([x + width / 2, y + height / 2]).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    border = int(rng.choice([cv2.BORDER_CONSTANT, cv2.BORDER_REPLICATE]))
    return Image.fromarray(
        cv2.warpPerspective(
            np.asarray(image), matrix, image.size, borderMode=border, borderValue=_colour(rng)
        )
    )


def flip(image: Image.Image, rng: Rng) -> Image.Image:
    """Left to right, or one time in three top to bottom."""
    return ImageOps.flip(image) if rng.random() < 1 / 3 else ImageOps.mirror(image)


def colour(image: Image.Image, rng: Rng) -> Image.Image:
    """Brightness, contrast and saturation by up to 0.4, hue by up to 18 of 360 degrees."""
    changed = image
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        changed = enhance(changed).enhance(float(rng.uniform(0.6, 1.4)))
    hue, saturation, value = changed.convert("HSV").split()
    offset = int(rng.integers(-13, 14))
    shifted = hue.point([(level + offset) % 256 for level in range(256)])
    return Image.merge("HSV", (shifted, saturation, value)).convert("RGB")


def grey(image: Image.Image, rng: Rng) -> Image.Image:
    """Grey, one time in four equalised as well."""
    plain = ImageOps.grayscale(image)
    return (ImageOps.equalize(plain) if rng.random() < 0.25 else plain).convert("RGB")


def blur(image: Image.Image, rng: Rng) -> Image.Image:
    """Gaussian of 0.5 to 2 pixels, not wider than a sixtieth of the short side."""
    widest = min(2.0, max(0.5, min(image.size) / 60))
    return image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.5, max(0.51, widest)))))


def noise(image: Image.Image, rng: Rng) -> Image.Image:
    """Gaussian of 5 to 20 grey values, the same in all channels one time in three."""
    pixels = np.asarray(image).astype(np.float32)
    shape = (*pixels.shape[:2], 1) if rng.random() < 1 / 3 else pixels.shape
    return _image(pixels + rng.normal(0, rng.uniform(5, 20), shape))


def jpeg(image: Image.Image, rng: Rng) -> Image.Image:
    """Saved at quality 30 to 95."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=int(rng.integers(30, 96)))
    return Image.open(buffer).convert("RGB")


def scaler(lowest: float = 0.3, highest: float = 2.0) -> Operation:
    """An operation that scales both sides by one factor of this range, uniform in its logarithm."""

    def scale(image: Image.Image, rng: Rng) -> Image.Image:
        factor = float(np.exp(rng.uniform(np.log(lowest), np.log(highest))))
        size = [max(LEAST_SIDE_PX, round(side * factor)) for side in image.size]
        return image.resize((size[0], size[1]), _RESAMPLING[int(rng.choice(3, p=(0.1, 0.45, 0.45)))])

    return scale


def operations(lowest_scale: float = 0.3) -> Mapping[str, Operation]:
    """Every operation by name."""
    plain = (crop, turn, shear, perspective, flip, colour, grey, blur, noise, jpeg)
    return {one.__name__: one for one in plain} | {"scale": scaler(lowest_scale)}


def compose(
    rgb: Pixels, depth: int, rng: Rng, known: Mapping[str, Operation]
) -> tuple[Pixels, tuple[str, ...]]:
    """A copy of `rgb` (H, W, 3) by `depth` different operations in random order, and their names."""
    names = tuple(str(name) for name in rng.permutation(list(known))[:depth])
    image = Image.fromarray(rgb)
    for name in names:
        image = known[name](image, rng)
    return np.ascontiguousarray(np.asarray(image.convert("RGB"))), names


def _warp(
    image: Image.Image, matrix: npt.NDArray[np.float64], size: tuple[int, int], rng: Rng
) -> Image.Image:
    flags = int(rng.choice([cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC], p=(0.2, 0.5, 0.3)))
    border = int(rng.choice(_BORDERS)) if rng.random() < 0.5 else cv2.BORDER_CONSTANT
    pixels = cv2.warpAffine(
        np.asarray(image), matrix, size, flags=flags, borderMode=border, borderValue=_colour(rng)
    )
    return Image.fromarray(np.asarray(pixels, dtype=np.uint8))


def _expanded(matrix: npt.NDArray[np.float64], size: tuple[int, int]) -> tuple[int, int]:
    """The frame that holds the whole turned picture; `matrix` is moved to its centre."""
    width, height = size
    cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
    new = round(width * cosine + height * sine), round(width * sine + height * cosine)
    matrix[:, 2] += (new[0] - width) / 2, (new[1] - height) / 2
    return new


def _colour(rng: Rng) -> tuple[int, int, int]:
    """Black half of the time, else white, mid grey or any colour."""
    drawn = rng.random()
    if drawn < 0.5:
        return (0, 0, 0)
    if drawn < 0.7:
        return (255, 255, 255)
    if drawn < 0.85:
        return (127, 127, 127)
    red, green, blue = (int(level) for level in rng.integers(0, 256, 3))
    return red, green, blue


def _image(values: npt.NDArray[np.floating]) -> Image.Image:
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
