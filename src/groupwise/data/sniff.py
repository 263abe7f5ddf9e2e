"""Names what a file holds by its first bytes, whatever its name says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

HEAD_BYTES = 4096

# What `decode` reads: the format's name is Pillow's, the suffixes are the honest ones for it.
SUFFIXES: dict[str, tuple[str, ...]] = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png", ".apng"),
    "GIF": (".gif",),
    "BMP": (".bmp", ".dib"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
    "AVIF": (".avif", ".avifs"),
    "HEIF": (".heic", ".heif", ".hif"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
    "JPEG2000": (".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc"),
}
FORMAT_OF_SUFFIX = {suffix: name for name, suffixes in SUFFIXES.items() for suffix in suffixes}
# A raw file is a TIFF by its first bytes, but what Pillow finds in it is a thumbnail.
RAW_SUFFIXES = (".dng", ".nef", ".cr2", ".cr3", ".arw", ".orf", ".rw2", ".raf", ".pef")

_MAGIC = {
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "GIF": rb"GIF8[79]a",
    # "BM" alone begins many a text; the size of the second header makes it sure.
    "BMP": rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    "WEBP": rb"RIFF....WEBP",
    "AVIF": rb"....ftypavi[fs]",
    "HEIF": rb"....ftyp(?:hei[cmsx]|hev[cmsx]|mif1|msf1)",
    "PPM": rb"P[1-6Ffy]\s",
    "JPEG2000": rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
}
_UNSUPPORTED = {
    "a Photoshop document": rb"8BPS",
    "a JPEG XL image": rb"\xff\x0a|\0\0\0\x0cJXL ",
    "a DICOM file": rb".{128}DICM",
    "an icon": rb"\x00\x00\x01\x00",
    "a PostScript file": rb"%!PS|\xc5\xd0\xd3\xc6",
    "a FITS image": rb"SIMPLE  =",
    "a QOI image": rb"qoif",
    "an SVG drawing": rb"(?:\xef\xbb\xbf)?\s*<(?:[^>]{0,2000}>\s*<){0,5}svg[\s>]",
}
_OTHER = {
    "a Git LFS pointer": rb"version https://git-lfs",
    "an HTML page": rb"(?i)(?:\xef\xbb\xbf)?\s*(?:<!--.{0,2000}?-->\s*)?<(?:!doctype html|html|head|body)\b",
    "an XML file": rb"(?:\xef\xbb\xbf)?\s*<\?xml",
    "a PDF": rb"%PDF-",
    "a ZIP archive": rb"PK\x03\x04",
    "a gzip archive": rb"\x1f\x8b",
}
_TABLES: dict[Literal["image", "unsupported", "other"], dict[str, re.Pattern[bytes]]] = {
    "image": {name: re.compile(magic, re.DOTALL) for name, magic in _MAGIC.items()},
    "unsupported": {name: re.compile(magic, re.DOTALL) for name, magic in _UNSUPPORTED.items()},
    "other": {name: re.compile(magic, re.DOTALL) for name, magic in _OTHER.items()},
}


@dataclass(frozen=True, slots=True)
class Content:
    """`kind` says whether `decode` reads it; `name` is a key of `SUFFIXES` or a noun with its article."""

    kind: Literal["image", "unsupported", "other"]
    name: str


def sniff(data: bytes) -> Content:
    """Name the content that begins with `data`, of which the first `HEAD_BYTES` are looked at."""
    head = data[:HEAD_BYTES]
    for kind, table in _TABLES.items():
        for name, magic in table.items():
            if magic.match(head):
                return Content(kind, _choose_brand(name, head))
    return Content("other", "text" if _is_text(head) else "data of no known image format")


def _choose_brand(name: str, head: bytes) -> str:
    # A HEIF container may begin with a general brand and name the codec only among the compatible ones.
    compatible = head[16 : int.from_bytes(head[:4], "big")]
    general = name == "HEIF" and head[8:12] in (b"mif1", b"msf1")
    return "AVIF" if general and b"avif" in compatible else name


def _is_text(head: bytes) -> bool:
    if re.search(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]", head):
        return False
    try:
        head[:-3].decode()  # the head may end within a character
    except UnicodeDecodeError:
        return False
    return True
