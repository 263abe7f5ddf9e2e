"""Turns the bytes of an image file into RGB pixels and those into a model's input: the only preprocessing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from PIL import Image

from groupwise.data.colour import to_srgb
from groupwise.data.header import MAX_PIXELS, UndecodableImage, explain, open_image
from groupwise.data.remarks import Remark, to_plain
from groupwise.errors import UsageError

__all__ = ["MAX_PIXELS_AT_ONCE", "Decoded", "Preprocessing", "UndecodableImage", "decode"]

# All threads together decode at most this many at once, so memory does not grow with their number.
MAX_PIXELS_AT_ONCE = 2 * MAX_PIXELS

_MIRROR, _FLIP = Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM
_UPRIGHT = {
    2: _MIRROR,
    3: Image.Transpose.ROTATE_180,
    4: _FLIP,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION_TAG = 0x0112


@dataclass(frozen=True, eq=False, slots=True)
class Decoded:
    """`rgb` is (H, W, 3) uint8, upright, sRGB, opaque, read-only; a draft is smaller than `width` x `height`.

    `format` and `mode` are the file's own, in Pillow's names.
    """

    rgb: npt.NDArray[np.uint8]
    width: int
    height: int
    format: str
    mode: str
    warnings: tuple[Remark, ...]


def decode(
    data: bytes, *, place: object = "image", draft_px: int | None = None, max_pixels: int = MAX_PIXELS
) -> Decoded:
    """Decode a whole image file: orientation applied, colours converted to sRGB, transparency on white.

    With `draft_px` a JPEG is decoded at 1/2, 1/4 or 1/8 of its size, never below `draft_px` on the short
    side; all of its coefficients are still read, so a damaged file is found all the same. What declares more
    than `max_pixels` is refused.
    Raises UndecodableImage, whatever the bytes are.
    """
    image = open_image(data, place, max_pixels)
    width, height = image.size
    mode, raw_mode = image.mode, _find_raw_mode(image)
    try:
        remarks = _remark_frames(image)
        if draft_px is not None and image.format in ("JPEG", "MPO"):
            image.draft(image.mode, (draft_px, draft_px))
        drafted = image.size != (width, height)
        # Drafting spares the pixels, but a progressive JPEG keeps the coefficients of all of them in memory.
        small = drafted and "progressive" not in image.info
        with _hold_pixels(image.width * image.height if small else width * height):
            image.load()
            orientation, more = _read_orientation(image)
            rgb, colours = to_srgb(image, raw_mode)
            if orientation in _UPRIGHT:
                rgb = rgb.transpose(_UPRIGHT[orientation])
            pixels = np.asarray(rgb)
    except Exception as error:  # Pillow's plugins raise nearly everything on a hostile file
        raise explain(error, data, place) from None
    if not drafted:
        height, width = pixels.shape[:2]
    elif orientation >= 5:
        width, height = height, width
    deep = f"{mode};16" if ";16" in raw_mode and ";16" not in mode else mode
    return Decoded(pixels, width, height, str(image.format), deep, (*remarks, *more, *colours))


def _find_raw_mode(image: Image.Image) -> str:
    tiles: list[Any] = getattr(image, "tile", None) or []
    arguments = tiles[0].args if tiles else ""
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def _remark_frames(image: Image.Image) -> tuple[Remark, ...]:
    # The further pictures of an MPO are a phone's preview or depth map, not frames.
    if image.format == "MPO" or not getattr(image, "is_animated", False):
        return ()
    return (("several-frames", "more than one frame or page, of which the first was taken"),)


def _read_orientation(image: Image.Image) -> tuple[int, tuple[Remark, ...]]:
    """Return 1 to 8 from the EXIF data; to be called after loading, because some formats store it last."""
    try:
        # Pillow has already read the EXIF data of a JPEG once and kept a failure to itself.
        Image.Exif().load(image.info.get("exif", b""))
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception as error:  # EXIF data are a file within a file, and may be as broken
        return 1, (("exif-broken", f"the EXIF data cannot be read and were ignored ({to_plain(error)})"),)
    if isinstance(value, int) and 1 <= value <= 8:
        return value, ()
    sentence = f"the EXIF orientation is {to_plain(value)!r} instead of 1 to 8 and was ignored"
    return 1, (("exif-orientation-invalid", sentence),)


_pixels_held = 0
_pixels_freed = threading.Condition()


@contextmanager
def _hold_pixels(n: int) -> Iterator[None]:
    """Wait until the threads of this process decode few enough pixels for `n` more."""
    global _pixels_held
    with _pixels_freed:
        _pixels_freed.wait_for(lambda: _pixels_held + n <= MAX_PIXELS_AT_ONCE or _pixels_held == 0)
        _pixels_held += n
    try:
        yield
    finally:
        with _pixels_freed:
            _pixels_held -= n
            _pixels_freed.notify_all()


Resize = Literal["squash", "crop", "pad"]
Interpolation = Literal["bilinear", "bicubic"]
_RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


@dataclass(frozen=True)
class Preprocessing:
    """How an RGB image of any size becomes a model's input; a bundle carries these values.

    Args:
        image_size_px: Side of the square that a network sees.
        resize: How an oblong image becomes a square: `squash` ignores its aspect, `crop` scales the short
            side and cuts the middle out, `pad` scales the long side and fills up with the mean colour.
        interpolation: Of that scaling, antialiased.
        mean: Of red, green and blue, for values from 0 to 1; ImageNet's unless said otherwise.
        std: Their standard deviations.
    """

    image_size_px: int = 224
    resize: Resize = "squash"
    interpolation: Interpolation = "bilinear"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    def __post_init__(self) -> None:
        _require(self.image_size_px >= 1, "image_size_px", self.image_size_px, "Give at least 1 pixel.")
        for name, value, choices in (
            ("resize", self.resize, get_args(Resize)),
            ("interpolation", self.interpolation, get_args(Interpolation)),
        ):
            _require(value in choices, name, repr(value), f"Choose one of {', '.join(choices)}.")
        mean_fits = len(self.mean) == 3 and all(0 <= value <= 1 for value in self.mean)
        _require(
            mean_fits, "mean", self.mean, "Give three values from 0 to 1; divide values up to 255 by 255."
        )
        std_fits = len(self.std) == 3 and all(0 < value <= 1 for value in self.std)
        _require(
            std_fits, "std", self.std, "Give three values above 0 and up to 1; divide by 255 if need be."
        )

    def resize_image(self, rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Turn (H, W, 3) uint8 into (S, S, 3) uint8, antialiased."""
        image, size = Image.fromarray(rgb), self.image_size_px
        method = _RESAMPLING[self.interpolation]
        width, height = image.size
        if self.resize == "crop":
            # Cutting first is the same picture, and a 1 x 20000 strip costs no 224 x 4,480,000 one.
            side = min(width, height)
            left, top = (width - side) / 2, (height - side) / 2
            return np.asarray(image.resize((size, size), method, box=(left, top, left + side, top + side)))
        if self.resize == "pad":
            return self._pad(image, method)
        return np.asarray(image.resize((size, size), method))

    def _pad(self, image: Image.Image, method: Image.Resampling) -> npt.NDArray[np.uint8]:
        size, long_side = self.image_size_px, max(image.size)
        width, height = (max(1, round(side * size / long_side)) for side in image.size)
        red, green, blue = (round(255 * value) for value in self.mean)
        canvas = Image.new("RGB", (size, size), (red, green, blue))
        canvas.paste(image.resize((width, height), method), ((size - width) // 2, (size - height) // 2))
        return np.asarray(canvas)

    @property
    def scale(self) -> npt.NDArray[np.float32]:
        """(3,) float32, such that `x * scale + shift` is `(x / 255 - mean) / std`."""
        return np.array([1 / (255 * std) for std in self.std], dtype=np.float32)

    @property
    def shift(self) -> npt.NDArray[np.float32]:
        """(3,) float32, see `scale`."""
        return np.array([-m / s for m, s in zip(self.mean, self.std, strict=True)], dtype=np.float32)

    def normalise(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Turn (N, S, S, 3) of levels from 0 to 255 into (N, 3, S, S) float32, contiguous."""
        levels = batch.astype(np.float32) * self.scale + self.shift
        return np.ascontiguousarray(levels.transpose(0, 3, 1, 2))


def _require(fits: bool, field: str, value: object, remedy: str) -> None:
    if not fits:
        raise UsageError(f"{value} is out of range", place=f"data.{field}", remedy=remedy)
