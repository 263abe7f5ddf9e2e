"""The tags of a TIFF file, read without a decoder (TIFF 6.0; BigTIFF): what it holds, and who can read it."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# tag numbers
SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
DESCRIPTION, ORIENTATION, CHANNELS, MAX_VALUE, PLANAR = 270, 274, 277, 281, 284
STRIPS, STRIP_BYTES, COLOUR_MAP, SUBFILES, INKS, EXTRA, FORMAT = 273, 279, 320, 330, 332, 338, 339
SUBSAMPLING, PROFILE, DEPTH, NO_DATA, DNG = 530, 34675, 32997, 42113, 50706
_WANTED = {
    *(SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, DESCRIPTION, ORIENTATION, CHANNELS, MAX_VALUE),
    *(PLANAR, STRIPS, STRIP_BYTES, COLOUR_MAP, SUBFILES, INKS, EXTRA, FORMAT, SUBSAMPLING, PROFILE),
    *(DEPTH, NO_DATA, DNG),
}
_REDUCED, _MASK = 1, 4  # of NewSubfileType
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, CIELAB, ICCLAB = 0, 1, 2, 3, 5, 6, 8, 9
# A camera's sensor behind its filters, and what a converter made of it without a curve (TIFF/EP, DNG).
_SENSOR = (32803, 34892)
# Compressions that only raw files have: of Sony, Nikon, Pentax, Samsung and Kodak.
_RAW_COMPRESSIONS = (32767, 34713, 65535, 32770, 65000)
# What Pillow's libtiff unpacks. Those of fax machines have black on white, where nothing says so.
_FAX = {2, 3, 4, 32771}
_PACKED = _FAX | {1, 5, 6, 7, 8, 32773, 32809, 32946, 34676, 34677, 34925, 50000}
# How many channels Pillow takes of each other photometric kind, and of which plane by plane.
_CHANNELS = {RGB: (3, 4), PALETTE: (1,), CMYK: (4,), YCBCR: (3,), CIELAB: (3,)}
_BY_PLANE = (RGB, CMYK)
_CODES = {1: "B", 2: "c", 3: "H", 4: "I", 5: "Q", 6: "b", 7: "c", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I",
          16: "Q", 17: "q", 18: "Q"}  # fmt: skip
# A page count beyond it is not told apart; directories may form a circle.
MAX_DIRECTORIES = 1024
_MAX_BYTES = 1 << 20

Tags = Mapping[int, tuple[Any, ...]]


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
    def page_behind(self) -> tuple[int, str] | None:
        """The number of the page that is the picture, where the first is a smaller copy or a mask of it."""
        kinds = [int(page.get(SUBFILE, (0,))[0]) & (_REDUCED | _MASK) for page in self.pages]
        if not kinds[0] or all(kinds):
            return None
        return kinds.index(0), "a mask" if kinds[0] & _MASK else "a smaller copy"

    @property
    def photometric(self) -> int:
        """What the channels are; where no tag says it, what libtiff takes them for."""
        if PHOTOMETRIC in self.first:
            return self.number(PHOTOMETRIC, BLACK_IS_ZERO)
        if self.number(CHANNELS, 1) - len(self.first.get(EXTRA, ())) == 3:
            return RGB
        return WHITE_IS_ZERO if self.number(COMPRESSION, 1) in _FAX else BLACK_IS_ZERO

    @property
    def has_small_map(self) -> bool:
        """Whether a palette's colours are of 8 bits, in a map of 16."""
        colours = self.first.get(COLOUR_MAP, ())
        return self.photometric == PALETTE and 0 < max(colours, default=0) < 256

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
        if self.number(COMPRESSION, 1) not in _PACKED or self.number(INKS, 1) != 1:
            return False
        bits = set(self.first.get(BITS, (1,)))
        kinds = set(self.first.get(FORMAT, (1,)))
        photometric, channels = self.photometric, self.number(CHANNELS, 1)
        if PHOTOMETRIC not in self.first and photometric != WHITE_IS_ZERO:
            return False  # which Pillow would take it for
        if kinds == {1} and (bits == {8} or (channels == 1 and bits in ({1}, {2}, {4}))):
            return self._has_plain_channels(photometric, channels)
        single = channels == 1 and photometric == BLACK_IS_ZERO and len(bits) == len(kinds) == 1
        return single and (*bits, *kinds) in ((16, 1), (32, 3))

    def _has_plain_channels(self, photometric: int, channels: int) -> bool:
        if channels > 1 and self.number(PLANAR, 1) == 2:
            is_opaque = channels == _CHANNELS.get(photometric, (0,))[0]
            return photometric in _BY_PLANE and (is_opaque or self.first.get(EXTRA) == (2,))
        if photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO):
            is_pair = channels == 2 and photometric == BLACK_IS_ZERO and self.opacity is not None
            return channels == 1 or is_pair
        return channels in _CHANNELS.get(photometric, ())

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
        """The position of the channel that holds opacity, among those beyond the colours.

        A fourth channel behind red, green and blue of which nothing is said is one, as writers mean it.
        """
        if EXTRA not in self.first and self.photometric == RGB and self.number(CHANNELS, 1) == 4:
            return 0
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
