"""Preprocessing: pixels of any size to a model's input, by values that a bundle carries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, get_args

from groupwise.data.pixel_reading import MAX_PIXELS, Range, Reading
from groupwise.errors import UsageError
from groupwise.stats.arrays import Floats32

if TYPE_CHECKING:  # the options of a command are made from the values alone, at once
    import numpy as np
    import numpy.typing as npt
    from PIL import Image

Resize = Literal["squash", "crop", "pad"]
Interpolation = Literal["bilinear", "bicubic"]
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
COLOURS = 3
LARGEST_SIDE_PX = math.isqrt(MAX_PIXELS)


@dataclass(frozen=True)
class Preprocessing:
    """How an image of any size becomes a model's input; a bundle carries these values.

    Args:
        image_size_px: Side of the square that a network sees.
        resize: How an oblong image becomes a square: `squash` ignores its aspect, `crop` scales the short
            side and cuts the middle out, `pad` scales the long side and fills up with the mean colour.
        interpolation: Of that scaling, antialiased.
        mean: Of red, green and blue, for values from 0 to 1; ImageNet's unless said otherwise. Of other
            channels those of the training images.
        std: Their standard deviations.
        integer_range: Whole numbers of more than 8 bits that become black and white, in every picture alike;
            by default the bits that the data set uses.
        float_range: The same for floating-point values; by default 0 to 1, or what the data set uses.
        trust_declared: Whether a file that declares its depth is read by that rather than by the range.
        tails_percent: Per cent of a picture's values at either end that may lie outside of a range that is
            found, against a few hot pixels.
        channels: Channels of pictures whose channels are no colours, by number or name: one, three to be
            red, green and blue, or any other number of them, each an input of its own.
        channel_ranges: Black and white of each of these inputs, where they have more than 8 bits; by default
            what the data set uses.
        channel_count: How many channels a file has from which they are chosen by number; others are refused.
        max_pixels: More pixels than these are refused.
    """

    image_size_px: int = 224
    resize: Resize = "squash"
    interpolation: Interpolation = "bilinear"
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    integer_range: tuple[float, float] | None = None
    float_range: tuple[float, float] | None = None
    trust_declared: bool = True
    tails_percent: float = 0.0
    channels: tuple[int | str, ...] = ()
    channel_ranges: tuple[Range, ...] | None = None
    channel_count: int | None = None
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        side = self.image_size_px
        whole = isinstance(side, Integral) and 1 <= side <= LARGEST_SIDE_PX
        _require(whole, "image_size_px", side, f"Give a whole number from 1 to {LARGEST_SIDE_PX:,}.")
        for name, value, choices in (
            ("resize", self.resize, get_args(Resize)),
            ("interpolation", self.interpolation, get_args(Interpolation)),
        ):
            _require(value in choices, name, repr(value), f"Choose one of {', '.join(choices)}.")
        n = self.input_channels
        measured = self.needs_statistics  # then ImageNet's stand for what is not known yet
        count = {2: "two", 3: "three"}.get(n, str(n))
        mean_fits = measured or (len(self.mean) == n and all(0 <= value <= 1 for value in self.mean))
        _require(
            mean_fits, "mean", self.mean, f"Give {count} values from 0 to 1; divide values up to 255 by 255."
        )
        std_fits = measured or (len(self.std) == n and all(0 < value <= 1 for value in self.std))
        _require(
            std_fits, "std", self.std, f"Give {count} values above 0 and up to 1; divide by 255 if need be."
        )
        self._require_reading()

    def _require_reading(self) -> None:
        ranges = [("integer_range", self.integer_range), ("float_range", self.float_range)]
        ranges += [("channel_ranges", one) for one in self.channel_ranges or ()]
        for name, value in ranges:
            fits = value is None or _is_range(value)
            _require(fits, name, value, "Give the value of black and a greater one for white.")
        given = None if self.channel_ranges is None else len(self.channel_ranges)
        _require(
            given in (None, self.input_channels),
            "channel_ranges",
            self.channel_ranges,
            f"Give {self.input_channels} pairs, one for each input.",
        )
        _require(0 <= self.tails_percent < 50, "tails_percent", self.tails_percent, "Give 0 to below 50.")
        _require(
            self.channel_count is None or self.channel_count >= 1,
            "channel_count",
            self.channel_count,
            "Give at least 1.",
        )
        _require(self.max_pixels >= 1, "max_pixels", self.max_pixels, "Give at least 1.")

    @property
    def input_channels(self) -> int:
        """How many channels a network sees: three, unless so many were chosen that they are no colours."""
        return COLOURS if len(self.channels) in (0, 1, COLOURS) else len(self.channels)

    @property
    def needs_statistics(self) -> bool:
        """Whether mean and standard deviation of the inputs are still to be measured."""
        usual = (tuple(self.mean), tuple(self.std)) == (IMAGENET_MEAN, IMAGENET_STD)
        return usual and self.input_channels != COLOURS

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
        return replace(
            self,
            integer_range=reading.integer_range,
            float_range=reading.float_range,
            channel_ranges=reading.channel_ranges,
            channel_count=reading.channel_count,
        )

    def resize_image(self, rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Turn (H, W, C) uint8 into (S, S, C) uint8, antialiased."""
        import numpy as np
        from PIL import Image

        if rgb.shape[2] != COLOURS:  # Pillow has no such pictures
            return np.dstack([self._resize(Image.fromarray(rgb[..., i]), (i,)) for i in range(rgb.shape[2])])
        return self._resize(Image.fromarray(rgb), range(COLOURS))

    def _resize(self, image: Image.Image, channels: Sequence[int]) -> npt.NDArray[np.uint8]:
        """The square of an image that holds these of the channels."""
        import numpy as np

        size = self.image_size_px
        width, height = image.size
        if self.resize == "crop":
            # Cutting first is the same picture, and a 1 x 20000 strip costs no 224 x 4,480,000 one.
            side = min(width, height)
            left, top = (width - side) / 2, (height - side) / 2
            return np.asarray(self._scale(image, (size, size), (left, top, left + side, top + side)))
        if self.resize == "pad":
            return self._pad(image, [round(255 * self.mean[i]) for i in channels])
        return np.asarray(self._scale(image, (size, size), (0, 0, width, height)))

    def _pad(self, image: Image.Image, colour: Sequence[int]) -> npt.NDArray[np.uint8]:
        import numpy as np
        from PIL import Image

        size, long_side = self.image_size_px, max(image.size)
        width, height = (max(1, round(side * size / long_side)) for side in image.size)
        canvas = Image.new(image.mode, (size, size), tuple(colour))
        scaled = self._scale(image, (width, height), (0, 0, *image.size))
        canvas.paste(scaled, ((size - width) // 2, (size - height) // 2))
        return np.asarray(canvas)

    def _scale(
        self, image: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float]
    ) -> Image.Image:
        """The part `box` of an image at `size` (width, height), bicubic in two steps.

        Levels are clipped after each, so it matters which side is scaled first: always the width, as in an
        exported graph. Pillow took the width too, and from 13 on the side that costs less.
        """
        from PIL import Image

        method = Image.Resampling[self.interpolation.upper()]
        left, top, right, bottom = box
        reach = 2 * max(1, (bottom - top) / size[1]) + 1  # of the filter beyond the box, and half a pixel
        first, last = max(0, math.floor(top - reach)), min(image.height, math.ceil(bottom + reach))
        # A strip a pixel wide would grow to more than may be read: that one is as Pillow likes.
        if self.interpolation == "bilinear" or size[0] * (last - first) > self.max_pixels:
            return image.resize(size, method, box)
        rows = image.resize((size[0], last - first), method, (left, first, right, last))
        return rows.resize(size, method, (0, top - first, size[0], bottom - first))

    @property
    def scale(self) -> Floats32:
        """(C,) float32, such that `x * scale + shift` is `(x / 255 - mean) / std`."""
        import numpy as np

        return np.array([1 / (255 * std) for std in self.std], dtype=np.float32)

    @property
    def shift(self) -> Floats32:
        """(C,) float32, see `scale`."""
        import numpy as np

        return np.array([-m / s for m, s in zip(self.mean, self.std, strict=True)], dtype=np.float32)

    def normalise(self, batch: npt.NDArray[Any]) -> Floats32:
        """Turn (N, S, S, C) of levels from 0 to 255 into (N, C, S, S) float32, contiguous."""
        import numpy as np

        levels = batch.astype(np.float32) * self.scale + self.shift
        return np.ascontiguousarray(levels.transpose(0, 3, 1, 2))


def _is_range(value: object) -> bool:
    """Whether it is two finite numbers, the lower first."""
    pair = tuple(value) if isinstance(value, Sequence) else ()
    return len(pair) == 2 and all(map(math.isfinite, pair)) and pair[0] < pair[1]


def _require(fits: bool, field: str, value: object, remedy: str) -> None:
    if not fits:
        raise UsageError(f"{value} is out of range", place=f"data.{field}", remedy=remedy)
