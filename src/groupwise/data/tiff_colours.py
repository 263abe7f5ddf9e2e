"""Colours of TIFF files that are neither grey nor red, green and blue, and pixels that hold no data."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from groupwise.data import tiff as tags
from groupwise.data.file_notes import Note
from groupwise.data.header import UndecodableImage
from groupwise.data.tiff import Tiff
from groupwise.stats.arrays import Mask
from groupwise.text import count

Values = npt.NDArray[Any]
SPACES = {tags.CMYK: "CMYK", tags.YCBCR: "YCbCr", tags.CIELAB: "LAB", tags.ICCLAB: "LAB"}
"""Pillow's mode of each, in which it is converted to red, green and blue."""
COUNTS = {tags.RGB: 3, tags.CMYK: 4, tags.YCBCR: 3, tags.CIELAB: 3, tags.ICCLAB: 3}
"""How many channels are the colours; one of any other kind."""


_CONVERT = "Save it as RGB, as ImageMagick does: `magick IN.tif -colorspace sRGB OUT.png`."


def describe(tiff: Tiff) -> str:
    """Such as "3 channels of 16 bits, plane by plane"."""
    channels, bits = tiff.number(tags.CHANNELS, 1), tiff.number(tags.BITS, 1)
    apart = ", plane by plane" if tiff.number(tags.PLANAR, 1) == 2 else ""
    kind = {2: " with a sign", 3: " floating point"}.get(tiff.number(tags.FORMAT, 1), "")
    return f"{count(channels, 'channel')} of {bits} bits{kind}{apart}"


def refuse_colours(tiff: Tiff, place: object) -> None:
    """Raise `UndecodableImage` for colours that are not read, whatever they are packed by."""
    photometric, kinds = tiff.photometric, set(tiff.first.get(tags.FORMAT, (1,)))
    known = photometric <= tags.PALETTE
    if photometric in SPACES:
        bits = set(tiff.first.get(tags.BITS, (1,)))
        # Of the colour differences there may be fewer than of the brightness, which Pillow alone unfolds.
        whole = photometric != tags.YCBCR or tiff.first.get(tags.SUBSAMPLING, (2, 2)) == (1, 1)
        known = kinds == {1} and bits in ({8}, {16}) and whole and tiff.number(tags.INKS, 1) == 1
    if not known:
        raise UndecodableImage(
            "unsupported-format",
            f"a TIFF of {describe(tiff)} in colours of photometric kind {photometric}",
            place=place,
            remedy=_CONVERT,
        )


def apply_palette(indices: Values, tiff: Tiff) -> Values:
    """Colours (H, W, 3) from a map of 3 x 2**bits values, of 16 bits, or of 8 where all of the map are.

    By the standard a map is of 16 bits. Many a writer fills it with 0 to 255, which libtiff takes for levels.
    """
    table = np.array(tiff.first.get(tags.COLOUR_MAP, ()), np.uint16).reshape(3, -1)
    table = table.astype(np.uint8) if tiff.has_small_map else table
    return table[:, indices].transpose(1, 2, 0)


def to_space(values: Values, photometric: int) -> npt.NDArray[np.uint8]:
    """Samples of 8 or 16 bits as Pillow holds them in the mode of `SPACES`, (H, W, C)."""
    if values.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"colours of type {values.dtype}")
    levels = values if values.dtype == np.uint8 else np.rint(values / np.float32(257)).astype(np.uint8)
    if SPACES[photometric] == "LAB":  # of a and b the upper byte tells the level; with a sign, as in Pillow
        upper = (values[..., 1:] >> (8 * (values.itemsize - 1))).astype(np.uint8)
        levels = np.dstack([levels[..., 0], upper ^ 128 if photometric == tags.ICCLAB else upper])
    return levels


def find_missing(values: Values, tiff: Tiff) -> Mask | None:
    """Where no channel of (H, W) or (H, W, C) holds data, by the value that GDAL writes; None for nowhere."""
    text = tiff.first.get(tags.NO_DATA, (b"",))[0]
    try:
        number = float(text.rstrip(b"\0 ").decode("ascii")) if isinstance(text, bytes) else None
    except ValueError:
        return None
    if number is None:
        return None
    if values.dtype.kind != "f":
        if not _fits(number, values.dtype):
            return None
        missing = values == int(number)
    elif np.isnan(number):
        missing = np.isnan(values)
    else:  # written in full, or rounded to the type of the samples
        with np.errstate(over="ignore"):
            missing = (values == number) | (values == np.float64(number).astype(values.dtype))
    missing = missing if missing.ndim == 2 else missing.all(axis=2)
    return missing if missing.any() else None


def _fits(number: float, kind: np.dtype[Any]) -> bool:
    limits = np.iinfo(kind)
    return limits.min <= number <= limits.max and number == int(number)


def fill_missing(values: Values, missing: Mask) -> Values:
    """The least of the values that are there in place of those that are not, channel by channel."""
    if missing.all():
        return np.zeros_like(values)
    filled = values.copy()
    filled[missing] = np.nanmin(values[~missing], axis=0)
    return filled


def note_missing(missing: Mask) -> Note:
    """How much of the picture holds no data."""
    return ("no-data", f"{100 * missing.mean():.3g} % of the pixels hold no data, as the file says")
