"""Pixels of the TIFF files that Pillow cannot read or reads wrong, through tifffile and imagecodecs."""

from __future__ import annotations

import importlib.util
import io
import logging
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from groupwise.data import tiff as tags
from groupwise.data.file_notes import Note, to_plain
from groupwise.data.header import INSTALL_SCIENCE, UndecodableImage
from groupwise.data.levels import type_range
from groupwise.data.pixel_reading import Range, Reading
from groupwise.data.samples import Samples, are_bands, name_mode, pick_channels, refuse_choice
from groupwise.data.tiff import Tiff
from groupwise.data.tiff_colours import (
    COUNTS,
    SPACES,
    apply_palette,
    describe,
    fill_missing,
    find_missing,
    note_missing,
    refuse_colours,
    to_space,
)
from groupwise.data.tiff_stack import Stack, read_stack
from groupwise.stats.arrays import Floats32

_LZW, _DEFLATE, _DEFLATE_OLD, _PACKBITS = 5, 8, 32946, 32773
_MOST_TO_ONE = 4096  # above what LZW can pack, which packs most of them
_BY_LIBTIFF = (_LZW, _DEFLATE, _DEFLATE_OLD, _PACKBITS)
_CONVERT = "Convert it with `tiffcp -c none` or ImageJ to a plain TIFF, or export it as PNG."


def needs_tifffile(tiff: Tiff, reading: Reading) -> bool:
    """Whether the file is left to `read_samples`: Pillow would fail at it, or be wrong in silence.

    It also would not give the channels beyond the colours, where they are asked for.
    """
    plain_kinds = (tags.WHITE_IS_ZERO, tags.BLACK_IS_ZERO, tags.RGB)
    if reading.channels and tiff.number(tags.CHANNELS, 1) > 1:
        return tiff.photometric in plain_kinds or not tiff.is_plain
    stack = read_stack(tiff)
    if stack is not None and (stack.slices > 1 or stack.times > 1 or _planes(tiff, stack) > 1):
        return True
    return not tiff.is_plain


def is_faster(tiff: Tiff) -> bool:
    """Whether `read_samples` takes half the time of Pillow, whose library for Deflate is the slower one."""
    return tiff.number(tags.COMPRESSION, 1) in (_DEFLATE, _DEFLATE_OLD) and _has_codecs()


@cache
def _has_codecs() -> bool:
    return all(importlib.util.find_spec(name) for name in ("tifffile", "imagecodecs"))


def _planes(tiff: Tiff, stack: Stack) -> int:
    """How many planes lie beside each other as channels; the colours of one plane do not count."""
    return 1 if tiff.number(tags.CHANNELS, 1) >= stack.channels else stack.channels


def read_samples(data: bytes, tiff: Tiff, reading: Reading, place: object) -> Samples:
    """Read the first page, or the chosen channels; raises `UndecodableImage` for what cannot be read right.

    Whatever tifffile raises on a damaged file comes out as it is.
    """
    stack = read_stack(tiff)
    if stack is not None and (stack.slices > 1 or stack.times > 1):
        raise UndecodableImage(
            "several-planes",
            f"an {stack.writer} stack of {stack.slices} slices and {stack.times} times",
            place=place,
            remedy="Export the plane that is meant, or a projection, as one picture.",
        )
    names = stack.names if stack is not None else ()
    if stack is not None and (count := _planes(tiff, stack)) > 1 and not reading.channels:
        raise refuse_choice(count, names, place)
    if importlib.util.find_spec("tifffile") is None:
        raise UndecodableImage(
            "unsupported-format",
            f"a TIFF of {describe(tiff)}, which needs the package tifffile",
            place=place,
            remedy=INSTALL_SCIENCE,
        )
    refuse_colours(tiff, place)
    import tifffile

    # What it thinks of a broken tag is no news for a terminal: the file is refused, or read without it.
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        try:
            if stack is not None and (count := _planes(tiff, stack)) > 1:
                planes = _read_planes(file, data, count, reading, place)
            else:
                planes = _read_page(file.pages[0], data, reading, place)
        except Exception as error:
            raise _explain_codec(error, tiff, place) from error
    return _to_samples(planes, tiff, names, reading, place)


def _explain_codec(error: Exception, tiff: Tiff, place: object) -> Exception:
    """A codec that is not there is no damage: say which file it is and who converts it."""
    words = str(error)
    missing = "requires the 'imagecodecs' package" in words or "could not import name" in words
    if isinstance(error, UndecodableImage) or not (missing or "not supported" in words):
        return error
    remedy = INSTALL_SCIENCE if missing else _CONVERT
    return UndecodableImage(
        "unsupported-format",
        f"a TIFF of {describe(tiff)} ({to_plain(words)})",
        place=place,
        remedy=remedy,
    )


def _read_page(page: Any, data: bytes, reading: Reading, place: object) -> npt.NDArray[Any]:
    """The samples of one page, (H, W, C)."""
    ends = [o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=False)]
    if ends and max(ends) > len(data):
        raise EOFError("truncated")
    if page.size > 64 * reading.max_pixels or page.imagedepth > 1:
        raise UndecodableImage(
            "several-planes",
            f"one page of {' x '.join(map(str, page.shape))} samples",
            place=place,
            remedy="Export the plane that is meant as one picture.",
        )
    values = _decode_page(page, data)
    if page.axes == "SYX":
        values = values.transpose(1, 2, 0)
    return values.reshape(*values.shape[:2], -1) if values.ndim >= 2 else values.reshape(1, -1, 1)


def _decode_page(page: Any, data: bytes) -> npt.NDArray[Any]:
    """The samples of a page as tifffile shapes them, unpacked by libtiff where it can.

    libtiff is as fast or faster, and refuses a damaged file of which the other decoder of LZW reads on beyond
    the end of its memory.
    """
    known = page.compression in _BY_LIBTIFF and page.bitspersample in (8, 16, 32, 64)
    if not (known and all(page.databytecounts) and _has_codecs()):  # tiles of no bytes are left to tifffile
        return np.asarray(page.asarray(maxworkers=1))
    if page.nbytes > _MOST_TO_ONE * len(data):
        raise EOFError("truncated")  # before anything makes room for it
    import imagecodecs

    if page.photometric > tags.PALETTE:
        data = _as_channels(data, page)
    values = np.asarray(imagecodecs.tiff_decode(data, index=page.index))
    if values.shape != page.shape or values.dtype != page.dtype:
        raise ValueError(f"samples of {values.shape} for {page.shape}")
    return values


def _as_channels(data: bytes, page: Any) -> bytes:
    """The file with its colours called grey: libtiff would convert them, or refuse those of 16 bits."""
    tag = page.tags["PhotometricInterpretation"]
    number = tags.BLACK_IS_ZERO.to_bytes(2, "little" if data[:1] == b"I" else "big")
    return data[: tag.valueoffset] + number + data[tag.valueoffset + 2 :]


def _read_planes(file: Any, data: bytes, count: int, reading: Reading, place: object) -> npt.NDArray[Any]:
    """The channels of a stack, (H, W, C): a page each, or in a row behind the one page of ImageJ."""
    if count * file.pages[0].size > 64 * reading.max_pixels:
        raise refuse_choice(count, (), place)
    if len(file.pages) >= count:
        return np.dstack([_read_page(file.pages[i], data, reading, place)[..., 0] for i in range(count)])
    page = file.pages[0]
    if page.compression != 1 or len(page.dataoffsets) == 0:
        raise ValueError(f"{count} channels are declared, and {len(file.pages)} are there")
    size, start = page.size, page.dataoffsets[0]
    kind = page.dtype.newbyteorder(file.byteorder)
    if start + count * size * kind.itemsize > len(data):
        raise EOFError("truncated")
    flat = np.frombuffer(data, kind, count * size, start)
    return flat.reshape(count, *page.shape[:2]).transpose(1, 2, 0).astype(page.dtype)


def _to_samples(
    planes: npt.NDArray[Any], tiff: Tiff, names: tuple[str, ...], reading: Reading, place: object
) -> Samples:
    """Colours, opacity and further channels told apart, (H, W, C) of any type."""
    if planes.dtype == np.bool_:
        planes = planes.astype(np.uint8)
    if planes.dtype.kind not in "uif":
        raise UndecodableImage(
            "unsupported-format",
            f"a TIFF of samples of type {planes.dtype}",
            place=place,
            remedy=_CONVERT,
        )
    channels, colours = planes.shape[2], COUNTS.get(tiff.photometric, 1)
    if reading.channels and channels > 1 and tiff.photometric not in SPACES:
        taken = pick_channels(planes, names, reading, place)
        return replace(describe_samples(taken[..., None], tiff), channels=channels)
    opacity = _opacity(planes, tiff, colours)
    beyond = channels - colours - (opacity is not None)
    if beyond < 0:
        raise ValueError(f"{channels} channels for {colours} colours")
    if beyond and colours == 1:
        raise refuse_choice(channels, names, place)
    samples = describe_samples(planes[..., :colours], tiff)
    if beyond:
        words = f"{beyond} more beside the colours, left out"
        samples = replace(samples, remarks=(("extra-channel", words), *samples.remarks))
    if opacity is None:
        return samples
    premultiplied = tiff.first.get(tags.EXTRA, (2,))[tiff.opacity or 0] == 1
    opacity = opacity if samples.opacity is None else opacity * samples.opacity
    return replace(samples, opacity=opacity, premultiplied=premultiplied)


def describe_samples(values: npt.NDArray[Any], tiff: Tiff) -> Samples:
    """The samples (H, W, 1) or (H, W, C) of the first page, with what its tags say of them."""
    values = values.squeeze(-1) if values.shape[-1] == 1 else values
    mode = name_mode(values, 1 if values.ndim == 2 else values.shape[2])
    photometric, space = tiff.photometric, SPACES.get(tiff.photometric, "")
    missing = find_missing(values, tiff)
    if missing is not None:
        values = fill_missing(values, missing)
    if photometric == tags.PALETTE:
        values = apply_palette(values, tiff)
    if space:
        mode, values = f"{space};{8 * values.itemsize}".removesuffix(";8"), to_space(values, photometric)
    if values.dtype == np.float16:
        values = values.astype(np.float32)
    orientation, remarks = _orientation(tiff)
    if len(tiff.pages) > 1 and read_stack(tiff) is None:
        frames = ("several-frames", "more than one frame or page, of which the first was taken")
        remarks = (frames, *remarks)
    opacity = None
    if missing is not None:
        remarks, opacity = (note_missing(missing), *remarks), np.where(missing, 0, 1).astype(np.float32)
    profile = tiff.first.get(tags.PROFILE, (None,))[0]
    return Samples(
        values,
        "TIFF",
        mode,
        declared=_declared(tiff, values),
        space=space,
        inverted=photometric == tags.WHITE_IS_ZERO,
        opacity=None if space or are_bands(values) else opacity,
        profile=profile if isinstance(profile, bytes) else None,
        orientation=orientation,
        remarks=remarks,
    )


def _opacity(planes: npt.NDArray[Any], tiff: Tiff, colours: int) -> Floats32 | None:
    if tiff.opacity is None or tiff.photometric in SPACES or planes.shape[2] <= colours + tiff.opacity:
        return None
    layer = planes[..., colours + tiff.opacity].astype(np.float32)
    top = type_range(planes.dtype)[1] if planes.dtype.kind != "f" else 1.0
    return np.asarray((layer / np.float32(top)).clip(0, 1))


def _orientation(tiff: Tiff) -> tuple[int, tuple[Note, ...]]:
    value = tiff.number(tags.ORIENTATION, 1)
    if 1 <= value <= 8:
        return value, ()
    sentence = f"the EXIF orientation is {value} instead of 1 to 8 and was ignored"
    return 1, (("exif-orientation-invalid", sentence),)


def _declared(tiff: Tiff, values: npt.NDArray[Any]) -> Range | None:
    """Black and white as the file declares them: by its bits where they fill no type, or by MaxSampleValue.

    MaxSampleValue is by the standard a statistic of the picture, and some microscopes write it so; only a
    whole number of bits says how deep the camera was. OME says it by its SignificantBits.
    """
    if tiff.photometric == tags.PALETTE:
        return type_range(values.dtype)
    if tiff.photometric in SPACES:
        return None  # of 8 bits by now
    bits, kind = tiff.number(tags.BITS, 1), tiff.number(tags.FORMAT, 1)
    if kind != 1 or values.dtype.kind != "u":
        return None
    if bits <= 8 or bits not in (16, 32, 64):
        return (0, 2**bits - 1)
    stack = read_stack(tiff)
    top = 2**stack.bits - 1 if stack is not None and stack.bits else tiff.number(tags.MAX_VALUE, 0)
    is_depth = 255 <= top < 2**bits - 1 and (top + 1) & top == 0
    return (0, top) if is_depth and int(values.max()) <= top else None
