"""Headers of image files, orientation, and the refusal of what gives no pixels or too many."""

from __future__ import annotations

import importlib.util
import io
from functools import cache
from typing import Literal

from PIL import Image, PngImagePlugin

from groupwise.data.file_notes import Note, to_plain
from groupwise.data.formats import GENERAL_BRANDS, detect_format
from groupwise.data.pixel_reading import MAX_PIXELS
from groupwise.errors import GroupwiseError

# What reads a kind that Pillow does not
INSTALL_SCIENCE = "Run `pip install 'groupwise[science]'`, or convert it to PNG."
# Each scan of a progressive JPEG passes over the whole image; an honest one has about ten.
MAX_JPEG_SCANS = 200
# libjpeg decodes a baseline JPEG at 1/8 for little time and memory.
MAX_SHRINK = 8
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
# Editors write a megabyte and more of text or profile into a PNG, which Pillow's own limit calls an error.
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = 32 * 2**20


class UndecodableImage(GroupwiseError):  # noqa: N818  # names the file, as the messages do
    """A file that gives no pixels; `code` names why in one word."""

    def __init__(self, code: str, fact: str, *, place: object, remedy: str) -> None:
        self.code = code
        super().__init__(fact, place=place, remedy=remedy)


def count_scans(data: bytes) -> int:
    """The scans of a JPEG up to its end; behind it a phone may have put a film of any bytes."""
    at, scans = 2, 0
    while 0 <= at < len(data) - 3:
        kind = data[at + 1]
        if data[at] != 0xFF:  # packed pixels
            at = data.find(b"\xff", at)
        elif kind in (0, 0xFF) or 0xD0 <= kind <= 0xD7:
            at += 1 if kind == 0xFF else 2
        elif kind == 0xD9:
            break
        else:
            scans += kind == 0xDA
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return scans


def open_image(data: bytes, place: object, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Identify the format and read the header, and refuse what is too large before decoding."""
    name = name_format(data, place)
    if name == "JPEG" and data.count(b"\xff\xda") > MAX_JPEG_SCANS and count_scans(data) > MAX_JPEG_SCANS:
        raise UndecodableImage(
            "decompression-bomb",
            f"a JPEG of more than {MAX_JPEG_SCANS} scans",
            place=place,
            remedy="Save it again as an ordinary JPEG, or leave it out.",
        )
    try:
        image = _open(data, name)
    except Exception as error:  # Pillow raises nearly everything on a hostile file
        raise explain(error, data, place) from None
    # A JPEG is read at 1/8 where it has to be, so only what is left of it then counts.
    shrink = MAX_SHRINK if name == "JPEG" and "progressive" not in image.info else 1
    refuse_size(-(-image.width // shrink), -(-image.height // shrink), max_pixels, place)
    return image


def _open(data: bytes, name: str) -> Image.Image:
    if name in ("AVIF", "HEIF") and data[8:12] in GENERAL_BRANDS:
        data = data[:8] + GENERAL_BRANDS[0] + data[12:]  # the one that every plugin knows
    try:
        return Image.open(io.BytesIO(data), formats=[name])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        # The limit is ours, and may be higher than Pillow's for the whole process.
        factory, _ = Image.OPEN[name]
        return factory(io.BytesIO(data), "")


def name_format(data: bytes, place: object) -> str:
    """Pillow's name of the format, or "DICOM"; raises `UndecodableImage` for what is not read."""
    if not data:
        raise UndecodableImage("zero-byte", "the file is empty", place=place, remedy="Copy it again.")
    content = detect_format(data)
    if content.kind != "image":
        code = "unsupported-format" if content.kind == "unsupported" else "wrong-content"
        raise UndecodableImage(
            code,
            f"the file holds {content.name}",
            place=place,
            remedy=content.remedy,
        )
    if content.name == "HEIF" and not _register_heif():
        raise UndecodableImage(
            "heic-unsupported",
            "a HEIC image, which needs the package pillow-heif",
            place=place,
            remedy="Run `pip install pillow-heif`, or export it as JPEG.",
        )
    return content.name


@cache
def _register_heif() -> bool:
    if importlib.util.find_spec("pillow_heif") is None:
        return False
    importlib.import_module("pillow_heif").register_heif_opener()
    return True


def refuse_size(width: int, height: int, max_pixels: int, place: object) -> None:
    """Raise `UndecodableImage` for more pixels than are decoded."""
    if width * height > max_pixels:
        raise UndecodableImage(
            "decompression-bomb",
            f"it declares {width} x {height} pixels, more than the {max_pixels} that are decoded",
            place=place,
            remedy="Make the image smaller, raise --data.max_pixels, or leave it out.",
        )


def draft(image: Image.Image, draft_px: int | None, max_pixels: int) -> None:
    """Let a JPEG be decoded smaller, as asked for, or until it has no more than `max_pixels`."""
    scale = 1
    while -(-image.width // scale) * -(-image.height // scale) > max_pixels and scale < MAX_SHRINK:
        scale *= 2
    if draft_px is None and scale == 1:
        return
    width, height = image.width // scale, image.height // scale
    small = max(image.size) if draft_px is None else draft_px
    image.draft(image.mode, (min(width, small), min(height, small)))  # a second call would do nothing


def explain(error: Exception, data: bytes, place: object) -> UndecodableImage:
    words = to_plain(error) or type(error).__name__
    if "cannot identify image file" in words:  # the rest is the address of a buffer
        words = "its header is damaged"
    if "truncat" in words.lower() or _is_cut(data):
        return UndecodableImage(
            "truncated", "the file ends before the image does", place=place, remedy="Copy it again."
        )
    return UndecodableImage(
        "corrupt", f"the image cannot be decoded ({words})", place=place, remedy="Restore it or leave it out."
    )


def _is_cut(data: bytes) -> bool:
    """Whether the container itself says that it is longer than the data; some codecs only say "broken"."""
    if data[:4] == b"RIFF":
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    if data[:4] in (b"II*\0", b"MM\0*"):
        order: Literal["little", "big"] = "little" if data[:1] == b"I" else "big"
        return int.from_bytes(data[4:8], order) >= len(data)
    if data[4:8] in (b"ftyp", b"jP  "):
        return _is_box_cut(data)
    return False


def _is_box_cut(data: bytes) -> bool:
    """Walk the boxes of AVIF, HEIF and JPEG 2000 (ISO/IEC 14496-12): a size, a name, the content."""
    start = 0
    while start + 8 <= len(data):
        size = int.from_bytes(data[start : start + 4], "big")
        if size == 1:  # too long for four bytes
            size = int.from_bytes(data[start + 8 : start + 16], "big")
        if size < 8:  # 0 is a box up to the end of the file
            return False
        start += size
    return start > len(data)


def turn_upright(image: Image.Image, orientation: int) -> Image.Image:
    """The image as a viewer shows it; an orientation beyond 2 to 8 turns nothing."""
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def read_orientation(image: Image.Image) -> tuple[int, tuple[Note, ...]]:
    """Return 1 to 8 from the EXIF data; to be called after loading, because some formats store it last."""
    try:
        # Pillow has already read the EXIF data of a JPEG once and kept a failure to itself.
        exif = Image.Exif()
        exif.load(image.info.get("exif", b""))
        if "exif" not in image.info:
            # Pillow falls back on XMP, which browsers do not, and which outlives a turn of the pixels.
            for name in ("xmp", "XML:com.adobe.xmp", "Raw profile type xmp"):
                image.info.pop(name, None)
            exif = image.getexif()
        value = exif.get(_ORIENTATION_TAG, 1)
    except Exception as error:  # EXIF data are a file within a file, and may be as broken
        return 1, (("exif-broken", f"the EXIF data cannot be read and were ignored ({to_plain(error)})"),)
    if isinstance(value, int) and 1 <= value <= 8:
        return value, ()
    sentence = f"the EXIF orientation is {to_plain(value)!r} instead of 1 to 8 and was ignored"
    return 1, (("exif-orientation-invalid", sentence),)
