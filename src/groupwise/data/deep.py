"""Samples of more than 8 bits in PNG, PNM, JPEG 2000 and JPEG files, where Pillow keeps only eight."""

from __future__ import annotations

import importlib
import importlib.util
import re
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from groupwise.data.file_notes import Note
from groupwise.data.header import INSTALL_SCIENCE, UndecodableImage, read_orientation
from groupwise.data.jpeg_parts import read_parts
from groupwise.data.pixel_reading import Range
from groupwise.data.samples import Samples, name_mode

Values = npt.NDArray[Any]
# The gamma of sRGB, in the hundred-thousandths of the gAMA chunk, as far as anybody sees a difference.
_SRGB_GAMMA = range(44000, 47001)
# A picture of one colour takes a JPEG-LS a byte for some tens of thousands of samples.
_MOST_SAMPLES_A_BYTE = 50_000
_SRGB_CICP = bytes([1, 13, 0, 1])


def list_png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of the chunks before the pixels."""
    at = 8
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if name == b"IDAT" or length > len(data) - at:
            return
        yield name, data[at + 8 : at + 8 + length]
        at += 12 + length


def _has_whole_chunks(data: bytes) -> bool:
    """Whether every chunk of a PNG up to its end lies within the file."""
    at = 8
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        at += 12 + length
        if name == b"IEND":
            return bool(at <= len(data))
    return False


def note_png(data: bytes) -> tuple[Note, ...]:
    """What browsers would apply and is not applied here: the curve of gAMA, the colours of cICP."""
    chunks = dict(list_png_chunks(data))
    gamma, cicp = chunks.get(b"gAMA", b""), chunks.get(b"cICP", b"")
    remarks: list[Note] = []
    if cicp and cicp != _SRGB_CICP:
        kind = "/".join(map(str, cicp[:4]))
        remarks.append(("colours-not-applied", f"a cICP chunk names colours ({kind}) that browsers convert"))
    elif len(gamma) == 4 and not {b"sRGB", b"iCCP", b"cICP"} & chunks.keys():
        value = int.from_bytes(gamma, "big")
        if value and value not in _SRGB_GAMMA:
            words = f"a gAMA chunk names a curve ({value / 1e5:g}) that browsers apply, and it is not applied"
            remarks.append(("gamma-not-applied", words))
    return tuple(remarks)


def read_deep_png(data: bytes, image: Image.Image) -> Samples:
    """The samples of a PNG of 16 bits that Pillow has opened."""
    image.load()  # Pillow finds damage; OpenCV may give half a picture
    orientation, remarks = read_orientation(image)
    chunks = dict(list_png_chunks(data))
    kind, key = data[25], chunks.get(b"tRNS", b"")
    if kind == 0:
        values, opacity = np.asarray(image).astype(np.uint16), None
        colours = 1
    else:
        if not _has_whole_chunks(data):
            raise EOFError("truncated")  # OpenCV makes room for what a chunk declares, before it reads it
        import cv2  # here, because a recipe's options need none of it

        # Its own turn by EXIF would come before ours
        unturned = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
        found = cv2.imdecode(np.frombuffer(data, np.uint8), unturned)
        if found is None or found.dtype != np.uint16 or found.ndim != 3:
            raise ValueError("its 16-bit samples cannot be read")
        colours = 1 if kind == 4 else 3
        values = found[..., 0] if colours == 1 else found[..., 2::-1]
        opacity = (found[..., 3] / np.float32(65535)).astype(np.float32) if kind in (4, 6) else None
    if opacity is None and len(key) == 2 * colours:
        clear = np.frombuffer(key, ">u2").astype(np.uint16)
        here = values == clear[0] if colours == 1 else (values == clear).all(axis=2)
        opacity = np.where(here, 0, 1).astype(np.float32)
    return Samples(
        values,
        "PNG",
        name_mode(values, colours) if opacity is None else "RGBA;16" if colours == 3 else "LA;16",
        declared=_significant(values, chunks.get(b"sBIT", b"")[:colours]),
        opacity=opacity,
        profile=image.info.get("icc_profile"),
        orientation=orientation,
        remarks=(*note_png(data), *remarks),
    )


def _significant(values: Values, bits: bytes) -> Range | None:
    """Black and white by an sBIT chunk.

    By the standard its samples were scaled up to the 16 bits; many a writer leaves them as they were. The
    samples tell: scaled ones repeat their upper bits in the lower, or have none there.
    """
    if not bits or max(bits) != min(bits) or not 8 <= bits[0] <= 16:
        return None
    n, top = bits[0], 2 ** bits[0] - 1
    if n == 16:
        return None  # what every writer says of a file of 16 bits, whatever is in it
    upper = values >> (16 - n)
    repeated = upper.astype(np.uint32) * 65535 // top
    is_scaled = ((values == upper << (16 - n)) | (np.abs(values.astype(np.int64) - repeated) <= 1)).all()
    if is_scaled:
        return (0, 65535)
    return (0, top) if int(values.max()) <= top else None


class PnmHead(NamedTuple):
    """The head of a PGM or PPM of more than 8 bits: where its samples begin, and its own white."""

    kind: int
    width: int
    height: int
    white: int
    start: int

    @property
    def colours(self) -> int:
        return 3 if self.kind in (3, 6) else 1


def read_pnm_head(data: bytes) -> PnmHead | None:
    """The head of a deep one; None for any other."""
    between = rb"(?:\s|#[^\n]{0,999}\n){1,99}"
    head = re.match(rb"P([2356])" + 2 * (between + rb"(\d{1,9})") + between + rb"(\d{1,9})\s", data[:9999])
    if head is None or not 255 < int(head[4]) < 65536:
        return None
    kind, width, height, white = map(int, head.groups())
    return PnmHead(kind, width, height, white, head.end())


def read_deep_pnm(data: bytes, head: PnmHead) -> Samples:
    """The samples of a PGM or PPM of more than 8 bits; its head declares the white."""
    count = head.width * head.height * head.colours
    if head.kind in (2, 3):  # plain text
        words = re.sub(rb"#[^\n]*", b"", data[head.start :]).split()[:count]
        flat = np.array(words, np.uint32).astype(np.uint16)
    else:
        flat = np.frombuffer(data, ">u2", min(count, (len(data) - head.start) // 2), head.start)
    if flat.size < count:
        raise EOFError("truncated")
    shape = (head.height, head.width) if head.colours == 1 else (head.height, head.width, 3)
    values = flat.astype(np.uint16).reshape(shape)
    # 65535 is what writers put in front of any array of 16 bits.
    declared = (0, head.white) if head.white < 65535 else None
    return Samples(values, "PPM", name_mode(values, head.colours), declared=declared)


class Jpeg2000Size(NamedTuple):
    """The SIZ marker of a JPEG 2000 codestream (ITU T.800, A.5.1)."""

    width: int
    height: int
    components: int
    bits: int
    signed: bool


def read_jpeg2000_size(data: bytes) -> Jpeg2000Size | None:
    """What the first codestream says of itself; None where there is none."""
    at = data.find(b"\xff\x4f\xff\x51") + 2
    if at < 2 or at + 41 > len(data):
        return None
    right, bottom, left, top = struct.unpack_from(">4I", data, at + 6)
    components, depth = struct.unpack_from(">HB", data, at + 38)
    return Jpeg2000Size(
        max(0, right - left), max(0, bottom - top), components, (depth & 0x7F) + 1, depth > 127
    )


def read_deep_jpeg2000(data: bytes, size: Jpeg2000Size, place: object) -> Samples:
    """The samples of a JPEG 2000 of more than 8 bits, of fewer, or with a sign."""
    if size.components > 4:
        raise UndecodableImage(
            "several-channels",
            f"a JPEG 2000 of {size.components} channels",
            place=place,
            remedy="Convert it to a TIFF, of which channels can be chosen.",
        )
    values = _decode("jpeg2k", data, f"a JPEG 2000 of {size.bits} bits", place)
    channels, top = 1 if values.ndim == 2 else values.shape[2], 2**size.bits - 1
    if size.bits < 8 and not size.signed:
        values, top = np.rint(values * np.float32(255 / top)).astype(np.uint8), 255
    opacity = None
    if channels in (2, 4):
        opacity = (values[..., -1] / np.float32(top)).astype(np.float32)
        values = values[..., 0] if channels == 2 else values[..., :3]
    declared = None if size.signed or size.bits == 16 else (0, top)
    return Samples(values, "JPEG2000", name_mode(values, channels), declared=declared, opacity=opacity)


class Frame(NamedTuple):
    """The first frame header of a JPEG (ITU T.81, B.2.2): `kind` is the marker's second byte."""

    kind: int
    bits: int
    height: int
    width: int

    @property
    def is_ordinary(self) -> bool:
        """Whether Pillow reads it: 8 bits, and not lossless."""
        return self.bits == 8 and self.kind not in (0xC3, 0xC7, 0xCB, 0xCF, 0xF7)


def find_frame(data: bytes) -> Frame | None:
    """The frame header of a JPEG; None where there is none before the pixels."""
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        kind = data[at + 1]
        if kind == 0xFF:  # fill
            at += 1
            continue
        if (0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC)) or kind == 0xF7:
            return Frame(kind, *struct.unpack_from(">BHH", data, at + 4))
        if kind == 0xDA:
            return None
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def read_deep_jpeg(data: bytes, frame: Frame, place: object) -> Samples:
    """The samples of a JPEG of 12 bits, of a lossless JPEG, or of JPEG-LS."""
    name = {0xC3: "a lossless JPEG", 0xF7: "a JPEG-LS image"}.get(frame.kind, f"a JPEG of {frame.bits} bits")
    # `jpeg` would go on to `ljpeg` by itself, which writes beyond its memory on a damaged file.
    codec = {0xC3: "jpegsof3", 0xF7: "jpegls", 0xC0: "jpeg8", 0xC1: "jpeg8", 0xC2: "jpeg8"}.get(frame.kind)
    if codec is None:
        raise UndecodableImage(
            "unsupported-format", f"the file holds {name}", place=place, remedy="Save it as an ordinary JPEG."
        )
    has_end = data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda")
    if not has_end or frame.width * frame.height > _MOST_SAMPLES_A_BYTE * len(data):
        raise EOFError("truncated")  # what the decoder of JPEG-LS would find after seconds
    values = _decode(codec, data, name, place)
    channels = 1 if values.ndim == 2 else values.shape[2]
    if channels not in (1, 3):
        fact = f"the file holds {name} of {channels} channels"
        raise UndecodableImage(
            "unsupported-format", fact, place=place, remedy="Save it as an ordinary JPEG in RGB."
        )
    declared = (0, 2**frame.bits - 1) if frame.bits < 16 else None
    orientation, profile, remarks = read_parts(data)
    return Samples(
        values,
        "JPEG",
        name_mode(values, channels),
        declared=declared,
        profile=profile,
        orientation=orientation,
        remarks=remarks,
    )


def _decode(codec: str, data: bytes, name: str, place: object) -> Values:
    if importlib.util.find_spec("imagecodecs") is None:
        raise UndecodableImage(
            "unsupported-format",
            f"the file holds {name}, which needs the package imagecodecs",
            place=place,
            remedy=INSTALL_SCIENCE,
        )
    decode = getattr(importlib.import_module("imagecodecs"), f"{codec}_decode")
    values: Values = decode(data)
    return values
