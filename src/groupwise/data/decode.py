"""Decoding: the bytes of an image file to RGB pixels and to a model's input; the only preprocessing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from PIL import Image

from groupwise.data.colour import to_srgb
from groupwise.data.deep import remark_png
from groupwise.data.header import (
    MAX_PIXELS,
    UndecodableImage,
    draft,
    explain,
    name_format,
    open_image,
    read_orientation,
    turn_upright,
)
from groupwise.data.levels import Depth, Reading
from groupwise.data.readers import Unread, find_deep
from groupwise.data.remarks import Remark
from groupwise.data.samples import Samples, pick_channels, render
from groupwise.errors import UsageError

__all__ = ["MAX_PIXELS_AT_ONCE", "Decoded", "Preprocessing", "UndecodableImage", "decode"]

# All threads together decode at most this many at once, so memory does not grow with their number.
MAX_PIXELS_AT_ONCE = 2 * MAX_PIXELS
UNSETTLED = Reading()
# Of so many rows and columns one is scaled where nobody looks at the pixels.
THINNED = 8


@dataclass(frozen=True, eq=False, slots=True)
class Decoded:
    """`rgb` is (H, W, 3) uint8, upright, sRGB, opaque, read-only; a draft is smaller than `width` x `height`.

    `format` and `mode` are the file's own, in Pillow's names where it has one. `depth` is what the samples
    were, where they had more than 8 bits, and `group` a name for whom the picture shows, if the file has one.
    """

    rgb: npt.NDArray[np.uint8]
    width: int
    height: int
    format: str
    mode: str
    warnings: tuple[Remark, ...]
    depth: Depth | None = None
    group: str = ""


def decode(
    data: bytes,
    *,
    place: object = "image",
    draft_px: int | None = None,
    max_pixels: int | None = None,
    reading: Reading = UNSETTLED,
    facts_only: bool = False,
) -> Decoded:
    """Decode a whole image file: orientation applied, colours converted to sRGB, transparency on white.

    With `draft_px` a JPEG is decoded at 1/2, 1/4 or 1/8 of its size, never below `draft_px` on the short
    side; all of its coefficients are still read, so a damaged file is found all the same. What declares more
    than `max_pixels` is refused, but for a baseline JPEG, which is drafted until it has fewer. `reading` says
    how samples of more than 8 bits become levels, and which channels are taken. With `facts_only` all of a
    deep picture is read, but of its pixels only some are scaled, for who wants to know about it alone.
    Raises UndecodableImage, whatever the bytes are.
    """
    if max_pixels is not None:
        reading = replace(reading, max_pixels=max_pixels)
    name = name_format(data, place)
    try:
        unread = find_deep(name, data, place, reading)
        decoded = (
            _decode_plain(data, place, draft_px, reading)
            if unread is None
            else _decode_deep(unread, reading, place, facts_only)
        )
        return _take_colours(decoded, reading, place)
    except UndecodableImage:
        raise
    except Exception as error:  # readers raise nearly everything on a hostile file
        raise explain(error, data, place) from None


def _decode_plain(data: bytes, place: object, draft_px: int | None, reading: Reading) -> Decoded:
    """What Pillow reads right."""
    image = open_image(data, place, reading.max_pixels)
    width, height = image.size
    mode = image.mode
    remarks = _remark_frames(image)
    if image.format in ("JPEG", "MPO"):
        draft(image, draft_px, reading.max_pixels)
    drafted = image.size != (width, height)
    # Drafting spares the pixels, but a progressive JPEG keeps the coefficients of all of them in memory.
    small = drafted and "progressive" not in image.info
    with _hold_pixels(image.width * image.height if small else width * height):
        image.load()
        orientation, more = read_orientation(image)
        depth, profile = None, image.info.get("icc_profile")
        if image.mode[0] in "IF":
            samples = Samples(np.asarray(image), str(image.format), mode)
            image, depth, deep = render(samples, reading, place)
            remarks += deep
        pixels, colours = _to_pixels(image, profile, orientation)
    if image.format == "PNG":
        remarks += remark_png(data)
    if not drafted:
        height, width = pixels.shape[:2]
    elif orientation >= 5:
        width, height = height, width
    remarks = (*remarks, *more, *colours)
    return Decoded(pixels, width, height, str(image.format), mode, remarks, depth)


def _decode_deep(unread: Unread, reading: Reading, place: object, facts_only: bool) -> Decoded:
    """What has more than 8 bits, or what Pillow reads wrong."""
    with _hold_pixels(unread.pixels):
        samples = unread.read()
        image, depth, deep = render(samples, reading, place, step=THINNED if facts_only else 1)
        pixels, colours = _to_pixels(image, samples.profile, samples.orientation)
    height, width = samples.values.shape[:2]
    if samples.orientation >= 5:
        height, width = width, height
    remarks = (*samples.remarks, *deep, *colours)
    return Decoded(pixels, width, height, samples.format, samples.mode, remarks, depth, samples.group)


def _to_pixels(
    image: Image.Image, profile: bytes | None, orientation: int
) -> tuple[npt.NDArray[np.uint8], list[Remark]]:
    rgb, colours = to_srgb(image, profile)
    return np.asarray(turn_upright(rgb, orientation)), colours


def _take_colours(decoded: Decoded, reading: Reading, place: object) -> Decoded:
    """The chosen channels of red, green and blue, or of one grey; stacks have theirs by now."""
    if not reading.channels or decoded.format in ("TIFF", "DICOM"):
        return decoded
    taken = pick_channels(decoded.rgb, ("red", "green", "blue"), reading.channels, place)
    return replace(decoded, rgb=taken if taken.ndim == 3 else np.repeat(taken[..., None], 3, axis=2))


def _remark_frames(image: Image.Image) -> tuple[Remark, ...]:
    # The further pictures of an MPO are a phone's preview or depth map, not frames.
    if image.format == "MPO" or not getattr(image, "is_animated", False):
        return ()
    return (("several-frames", "more than one frame or page, of which the first was taken"),)


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
        integer_range: Whole numbers of more than 8 bits that become black and white, in every picture alike;
            by default the bits that the data set uses.
        float_range: The same for floating-point values; by default 0 to 1, or what the data set uses.
        trust_declared: Whether a file that declares its depth is read by that rather than by the range.
        tails_percent: Per cent of a picture's values at either end that may lie outside of a range that is
            found, against a few hot pixels.
        channels: One channel, or three, of pictures whose channels are no colours, by number or name.
        max_pixels: More pixels than these are refused.
    """

    image_size_px: int = 224
    resize: Resize = "squash"
    interpolation: Interpolation = "bilinear"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    integer_range: tuple[float, float] | None = None
    float_range: tuple[float, float] | None = None
    trust_declared: bool = True
    tails_percent: float = 0.0
    channels: tuple[int | str, ...] = ()
    max_pixels: int = MAX_PIXELS

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
        self._require_reading()

    def _require_reading(self) -> None:
        for name, value in (("integer_range", self.integer_range), ("float_range", self.float_range)):
            pair = np.atleast_1d(np.asarray([] if value is None else value, float))
            fits = value is None or (len(pair) == 2 and np.isfinite(pair).all() and pair[0] < pair[1])
            _require(bool(fits), name, value, "Give the value of black and a greater one for white.")
        _require(0 <= self.tails_percent < 50, "tails_percent", self.tails_percent, "Give 0 to below 50.")
        count = len(self.channels)
        _require(count in (0, 1, 3), "channels", self.channels, "Give one channel, or three.")
        _require(self.max_pixels >= 1, "max_pixels", self.max_pixels, "Give at least 1.")

    @property
    def reading(self) -> Reading:
        """How a file becomes pixels, for `decode`."""
        return Reading.from_facts(vars(self))

    @property
    def wanted(self) -> Reading:
        """The same before a scan, which decides what is not given."""
        return replace(self.reading, settled=False)

    def settled(self, reading: Reading) -> Preprocessing:
        """With the ranges that were decided for a data set."""
        return replace(self, integer_range=reading.integer_range, float_range=reading.float_range)

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
