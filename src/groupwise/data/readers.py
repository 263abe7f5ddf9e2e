"""The reader of each file: Pillow where it reads right, readers of deep pictures elsewhere."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image

from groupwise.data import deep, dicom, tiff_pixels
from groupwise.data.formats import HEAD_BYTES
from groupwise.data.header import UndecodableImage, open_image, refuse_size
from groupwise.data.pixel_reading import Reading
from groupwise.data.samples import Samples
from groupwise.data.tiff import BITS, CHANNELS, HEIGHT, NO_DATA, WHITE_IS_ZERO, WIDTH, Tiff, read_tiff

RAW = "a camera's raw file"
RAW_REMEDY = "Develop it to TIFF or JPEG, as darktable, RawTherapee or the camera's own program do."


@dataclass(frozen=True)
class Unread:
    """A picture that Pillow is not to read: how many pixels of memory it takes, and its samples once read."""

    pixels: int
    read: Callable[[], Samples]


def find_deep(name: str, data: bytes, place: object, reading: Reading) -> Unread | None:
    """Whether a file of format `name` is one whose samples Pillow would lose or get wrong; None if not.

    Raises `UndecodableImage` for what nobody here reads.
    """
    match name:
        case "TIFF":
            return _find_tiff(data, place, reading)
        case "DICOM":
            return dicom_unread(data, place, reading)
        case "PNG" if data[24:25] == b"\x10":
            image = open_image(data, place, reading.max_pixels)
            return Unread(4 * image.width * image.height, partial(deep.read_deep_png, data, image))
        case "PPM":
            return _find_pnm(data, place, reading)
        case "JPEG2000":
            return _find_jpeg2000(data, place, reading)
        case "JPEG":
            return _find_jpeg(data, place, reading)
    return None


def dicom_unread(data: bytes, place: object, reading: Reading) -> Unread:
    """A DICOM file, opened but for its pixels."""
    header = dicom.open_dicom(data, place)
    refuse_size(header.width, header.height, reading.max_pixels, place)
    return Unread(8 * header.width * header.height, partial(dicom.read_samples, header, place))


def _find_tiff(data: bytes, place: object, reading: Reading) -> Unread | None:
    tiff = read_tiff(data)
    if tiff is None:
        return None  # damaged, which Pillow says
    if tiff.is_raw:
        raise UndecodableImage("unsupported-format", f"the file holds {RAW}", place=place, remedy=RAW_REMEDY)
    if tiff.page_behind is not None:
        number, what = tiff.page_behind
        raise UndecodableImage(
            "unsupported-format",
            f"the first page of the TIFF is {what} of its page {number + 1}",
            place=place,
            remedy=f"Keep that page alone, as `tiffcp IN,{number} OUT` or ImageMagick's `IN[{number}]` do.",
        )
    width, height = tiff.number(WIDTH, 0), tiff.number(HEIGHT, 0)
    apart = tiff_pixels.needs_tifffile(tiff, reading)
    flat = tiff.number(BITS, 1) <= 8
    if not apart and flat and not (tiff.has_small_map or NO_DATA in tiff.first):
        return None
    refuse_size(width, height, reading.max_pixels, place)
    weight = max(1, tiff.number(CHANNELS, 1) * tiff.number(BITS, 8) // 8)
    if apart:
        return Unread(width * height * weight, partial(tiff_pixels.read_samples, data, tiff, reading, place))
    if flat:
        return Unread(4 * width * height, partial(_read_flat_tiff, data, tiff))
    return Unread(2 * width * height, partial(_read_plain_tiff, data, tiff, reading, place))


def _read_plain_tiff(data: bytes, tiff: Tiff, reading: Reading, place: object) -> Samples:
    """One deep channel: where it lies in one piece no byte is copied, else Pillow unpacks it."""
    width, height = tiff.number(WIDTH, 0), tiff.number(HEIGHT, 0)
    kind = np.dtype(np.uint16 if tiff.number(BITS, 16) == 16 else np.float32)
    start = tiff.span(width * height * kind.itemsize)
    if start is not None and start + width * height * kind.itemsize <= len(data):
        order = kind.newbyteorder("<" if data[:2] == b"II" else ">")
        flat = np.frombuffer(data, order, width * height, start)
        return tiff_pixels.describe_samples(flat.astype(kind, copy=False).reshape(height, width, 1), tiff)
    if tiff_pixels.is_faster(tiff):
        return tiff_pixels.read_samples(data, tiff, reading, place)
    with Image.open(io.BytesIO(data), formats=["TIFF"]) as image:
        image.load()
        return tiff_pixels.describe_samples(np.asarray(image)[..., None], tiff)


def _read_flat_tiff(data: bytes, tiff: Tiff) -> Samples:
    """A picture of 8 bits or less whose palette is of 8 bits too, or of which some pixels hold no data."""
    with Image.open(io.BytesIO(data), formats=["TIFF"]) as image:
        image.load()
        values = np.asarray(image if image.mode in ("L", "P", "RGB") else image.convert("RGB"))
    if tiff.photometric == WHITE_IS_ZERO and values.ndim == 2:
        values = 255 - values  # as they are stored
    values = values[..., None] if values.ndim == 2 else values
    return tiff_pixels.describe_samples(values, tiff)


def _find_pnm(data: bytes, place: object, reading: Reading) -> Unread | None:
    head = deep.read_pnm_head(data)
    if head is None:
        return None
    refuse_size(head.width, head.height, reading.max_pixels, place)
    return Unread(2 * head.width * head.height * head.colours, partial(deep.read_deep_pnm, data, head))


def _find_jpeg2000(data: bytes, place: object, reading: Reading) -> Unread | None:
    size = deep.read_jpeg2000_size(data)
    if size is None or (size.bits == 8 and not size.signed):
        return None
    if size.bits < 8 and b"pclr" in data[:HEAD_BYTES]:
        return None  # numbers of colours, which Pillow looks up
    refuse_size(size.width, size.height, reading.max_pixels, place)
    return Unread(
        2 * size.width * size.height * size.components, partial(deep.read_deep_jpeg2000, data, size, place)
    )


def _find_jpeg(data: bytes, place: object, reading: Reading) -> Unread | None:
    frame = deep.find_frame(data)
    if frame is None or frame.is_ordinary:
        return None
    refuse_size(frame.width, frame.height, reading.max_pixels, place)
    return Unread(6 * frame.width * frame.height, partial(deep.read_deep_jpeg, data, frame, place))
