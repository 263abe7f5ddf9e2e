"""The tags of a TIFF file, read without a decoder (TIFF 6.0; BigTIFF): what it holds, and who can read it."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

# tag numbers
SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
DESCRIPTION, ORIENTATION, CHANNELS, MAX_VALUE, PLANAR = 270, 274, 277, 281, 284
STRIPS, STRIP_BYTES, COLOUR_MAP, SUBFILES, EXTRA, FORMAT, PROFILE, DEPTH, DNG = (
    273,
    279,
    320,
    330,
    338,
    339,
    34675,
    32997,
    50706,
)
_WANTED = {
    *(SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, DESCRIPTION, ORIENTATION, CHANNELS, MAX_VALUE),
    *(PLANAR, STRIPS, STRIP_BYTES, COLOUR_MAP, SUBFILES, EXTRA, FORMAT, PROFILE, DEPTH, DNG),
}
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE = 0, 1, 2, 3
# A camera's sensor behind its filters, and what a converter made of it without a curve (TIFF/EP, DNG).
_SENSOR = (32803, 34892)
# Compressions that only raw files have: of Sony, Nikon, Pentax, Samsung and Kodak.
_RAW_COMPRESSIONS = (32767, 34713, 65535, 32770, 65000)
# What Pillow's libtiff unpacks.
_PACKED = {1, 2, 3, 4, 5, 6, 7, 8, 32771, 32773, 32809, 32946, 34676, 34677, 34925, 50000, 50001}
# How many channels Pillow takes of each other photometric kind: RGB, palette, CMYK, YCbCr, LAB.
_CHANNELS = {2: (3, 4), 3: (1,), 5: (4,), 6: (3,), 8: (3,)}
_CODES = {1: "B", 2: "c", 3: "H", 4: "I", 5: "Q", 6: "b", 7: "c", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I",
          16: "Q", 17: "q", 18: "Q"}  # fmt: skip
# A page count beyond it is not told apart; directories may form a circle.
MAX_DIRECTORIES = 1024
_MAX_BYTES = 1 << 20

Tags = Mapping[int, tuple[Any, ...]]


class Stack(NamedTuple):
    """What ImageJ or OME says of the planes of a file: how many channels, slices and times, and names."""

    writer: str
    channels: int
    slices: int
    times: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Tiff:
    """The tags of each directory of the main chain, and of the directories below the first."""

    pages: tuple[Tags, ...]
    below: tuple[Tags, ...]

    @property
    def first(self) -> Tags:
        return self.pages[0]

    def number(self, tag: int, usual: int) -> int:
        """The first value of a tag of the first page."""
        values = self.first.get(tag)
        return int(values[0]) if values and isinstance(values[0], int) else usual

    @property
    def is_raw(self) -> bool:
        """Whether it is a camera's raw file, whose first page is often a small preview."""
        return any(
            page.get(PHOTOMETRIC, (0,))[0] in _SENSOR
            or page.get(COMPRESSION, (1,))[0] in _RAW_COMPRESSIONS
            or DNG in page
            for page in (*self.pages[:8], *self.below)
        )

    @property
    def is_plain(self) -> bool:
        """Whether Pillow reads it right: 8 bits or less without a sign, or one deep channel that it knows."""
        if self.number(COMPRESSION, 1) not in _PACKED:
            return False
        bits = set(self.first.get(BITS, (1,)))
        kinds = set(self.first.get(FORMAT, (1,)))
        photometric, channels = self.number(PHOTOMETRIC, BLACK_IS_ZERO), self.number(CHANNELS, 1)
        grey = photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO)
        if kinds == {1} and bits <= {1, 2, 4, 8} and len(bits) == 1:
            if grey:
                return channels == 1 or (channels == 2 and self.opacity is not None)
            return channels in _CHANNELS.get(photometric, ())
        single = channels == 1 and photometric == BLACK_IS_ZERO and len(bits) == len(kinds) == 1
        return single and (*bits, *kinds) in ((16, 1), (32, 3))

    def span(self, size: int) -> int | None:
        """Where the samples begin, if they lie in one piece of `size` bytes and are not packed."""
        starts, sizes = self.first.get(STRIPS, ()), self.first.get(STRIP_BYTES, ())
        if self.number(COMPRESSION, 1) != 1 or not starts or len(starts) != len(sizes):
            return None
        ends = [start + length for start, length in zip(starts, sizes, strict=True)]
        whole = all(end == start for end, start in zip(ends, starts[1:], strict=False))
        return int(starts[0]) if whole and sum(sizes) >= size else None

    @property
    def opacity(self) -> int | None:
        """The position of the channel that holds opacity, among those beyond the colours."""
        extra = [*self.first.get(EXTRA, ())]
        return next((i for i, kind in enumerate(extra) if kind in (1, 2)), None)


def read_tiff(data: bytes) -> Tiff | None:
    """Read the tags of `data`; None where not even the first directory is whole."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    try:
        start = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)[0]
        pages = tuple(_chain(data, order, big, start))
    except (struct.error, OverflowError):
        return None
    if not pages:
        return None
    below = []
    for offset in pages[0].get(SUBFILES, ())[:16]:
        if isinstance(offset, int):
            below += list(_chain(data, order, big, offset))[:1]
    return Tiff(pages, tuple(below))


def _chain(data: bytes, order: str, big: bool, start: int) -> Iterator[Tags]:
    seen: set[int] = set()
    while start and start not in seen and len(seen) < MAX_DIRECTORIES and start < len(data):
        seen.add(start)
        try:
            tags, start = _directory(data, order, big, start)
        except (struct.error, OverflowError):
            return
        yield tags


def _directory(data: bytes, order: str, big: bool, start: int) -> tuple[Tags, int]:
    """The wanted tags of one directory, and where the next one lies."""
    count_code, entry, offset_code = ("Q", 20, "Q") if big else ("H", 12, "I")
    (count,) = struct.unpack_from(order + count_code, data, start)
    start += struct.calcsize(count_code)
    if count > 4096 or start + count * entry > len(data):
        raise struct.error
    tags: dict[int, tuple[Any, ...]] = {}
    for i in range(count):
        at = start + i * entry
        tag, kind, length = struct.unpack_from(order + "HH" + offset_code, data, at)
        # Of two entries with one tag the first counts, as in libtiff.
        if tag in _WANTED and tag not in tags and kind in _CODES:
            value = _values(data, order, offset_code, at + 4 + struct.calcsize(offset_code), kind, length)
            if value:
                tags[tag] = value
    (following,) = struct.unpack_from(order + offset_code, data, start + count * entry)
    return tags, following


def _values(data: bytes, order: str, offset_code: str, at: int, kind: int, length: int) -> tuple[Any, ...]:
    code = _CODES[kind]
    size = struct.calcsize("=" + code) * length
    if size > _MAX_BYTES:
        return ()
    if size > struct.calcsize(offset_code):
        (at,) = struct.unpack_from(order + offset_code, data, at)
        if at + size > len(data):
            return ()
    if code == "c":
        return (data[at : at + size],)
    return struct.unpack_from(f"{order}{length}{code}", data, at)


def read_stack(tiff: Tiff) -> Stack | None:
    """What the description of the first page says of its planes, where ImageJ or an OME writer wrote it."""
    description = tiff.first.get(DESCRIPTION, (b"",))[0]
    text = description.decode("utf-8", "replace") if isinstance(description, bytes) else ""
    if text.startswith("ImageJ="):
        found = dict(re.findall(r"(?m)^(images|channels|slices|frames)=(\d{1,9})\s*$", text))
        slices, times = int(found.get("slices", 1)), int(found.get("frames", 1))
        images = int(found.get("images", 1))
        channels = int(found.get("channels", images if slices * times == 1 else 1))
        return Stack("ImageJ", channels, slices, times, ())
    # No XML parser: a description is foreign, and four numbers and the names are all that is wanted of it.
    pixels = re.search(r"<(?:\w+:)?Pixels\b([^>]{0,4000})>(.{0,200000})", text, re.DOTALL)
    if pixels is None or ("<OME" not in text[:4000] and ":OME" not in text[:4000]):
        return None
    sizes = dict(re.findall(r'\bSize([CZT])="(\d{1,9})"', pixels[1]))
    described = re.findall(r"<(?:\w+:)?Channel\b([^>]{0,4000})>", pixels[2])
    names = [name[1] if (name := re.search(r'\bName="([^"]{0,80})"', one)) else "" for one in described]
    count = int(sizes.get("C", 1))
    return Stack("OME", count, int(sizes.get("Z", 1)), int(sizes.get("T", 1)), tuple(names[:count]))
