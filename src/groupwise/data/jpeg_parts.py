"""Parts of a JPEG beside its pixels: EXIF data, colour profile, and an end that is not there."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image

from groupwise.data.file_notes import Note
from groupwise.data.header import count_scans, read_orientation

END = b"\xff\xd9"
NO_END: Note = ("no-end-marker", "the file lacks the marker of its end, and no pixel is missing")
_EXIF, _PROFILE = b"Exif\0\0", b"ICC_PROFILE\0"
# Bytes in place of the end: what any bit of them changes had not been whole. Random behind the first, so that
# whatever they are taken for shows in pixels.
_PADS = tuple(
    bytes([first]) + np.random.default_rng(first).integers(0, 255, 96).astype(np.uint8).tobytes()
    for first in (0, 0x55, 0xAA, 0xFE)
)


def _list_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The second byte of each marker before the pixels, and its content."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        kind, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if kind == 0xFF:  # fill
            at += 1
            continue
        yield kind, data[at + 4 : at + 2 + length]
        if kind == 0xDA:
            return
        at += 2 + length


def read_parts(data: bytes) -> tuple[int, bytes | None, tuple[Note, ...]]:
    """Orientation, colour profile and remarks of a JPEG that Pillow does not open."""
    empty, pieces = Image.new("L", (1, 1)), dict[int, bytes]()
    for kind, content in _list_segments(data):
        if kind == 0xE1 and content.startswith(_EXIF):
            empty.info.setdefault("exif", content)
        if kind == 0xE2 and content.startswith(_PROFILE) and len(content) > len(_PROFILE) + 2:
            pieces[content[len(_PROFILE)]] = content[len(_PROFILE) + 2 :]
    orientation, remarks = read_orientation(empty)
    profile = b"".join(pieces[number] for number in sorted(pieces))
    return orientation, profile or None, remarks


def lacks_only_its_end(data: bytes) -> bool:
    """Whether every pixel of a JPEG is there, and the marker of its end alone is not; viewers show it whole.

    Only of one scan that is not progressive, because of others a whole scan may be missing.
    """
    segments = dict(_list_segments(data))
    frame, scan = segments.get(0xC0) or segments.get(0xC1), segments.get(0xDA)
    if not frame or not scan or len(frame) < 6 or frame[5] != scan[0] or count_scans(data) != 1:
        return False
    start = data.rindex(scan)
    if data.find(END, start) >= 0:
        return False
    whole = data.removesuffix(b"\xff")
    shown = None
    for pad in _PADS:
        with Image.open(io.BytesIO(whole + pad + END), formats=["JPEG"]) as image:
            pixels = np.asarray(image)
        if shown is not None and not np.array_equal(pixels, shown):
            return False
        shown = pixels
    return True
