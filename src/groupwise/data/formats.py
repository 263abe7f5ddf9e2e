"""File formats by their first bytes, whatever the name says."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

HEAD_BYTES = 4096

# What `decode` reads: the format's name is Pillow's, the suffixes are the honest ones for it.
SUFFIXES: dict[str, tuple[str, ...]] = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".jls"),
    "PNG": (".png", ".apng"),
    "GIF": (".gif",),
    "BMP": (".bmp", ".dib"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
    "AVIF": (".avif", ".avifs"),
    "HEIF": (".heic", ".heif", ".hif"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
    "JPEG2000": (".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc"),
    "DICOM": (".dcm", ".dicom", ".ima"),
}
FORMAT_OF_SUFFIX = {suffix: name for name, suffixes in SUFFIXES.items() for suffix in suffixes}


def lacks_ending(name: str) -> bool:
    """Whether the name of a file tells nothing of its kind: `IM0001`, or a DICOM identifier, `1.2.840.5`."""
    suffix = os.path.splitext(name)[1]  # noqa: PTH122  # a Path a file is slow for millions
    return not suffix or suffix[1:].isdigit()


_MAGIC = {
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "GIF": rb"GIF8[79]a",
    # "BM" alone begins many a text; the size of the second header makes it sure.
    "BMP": rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    "WEBP": rb"RIFF....WEBP",
    "AVIF": rb"....ftypavi[fs]",
    "HEIF": rb"....ftyp(?:hei[cmsx]|hev[cmsx]|mif[12]|msf1|miaf)",
    "PPM": rb"P[1-6Ffy]\s",
    "JPEG2000": rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
    "DICOM": rb".{128}DICM",
}
# Brands of HEIF containers that name no codec; that stands among the compatible ones.
GENERAL_BRANDS = (b"mif1", b"msf1", b"miaf", b"mif2")
# Sound files that nothing here reads, each with what converts it. Other raw files are told by their tags.
_CAMERA = "Develop it to TIFF or JPEG, as darktable, RawTherapee or the camera's own program do."
_FIJI = "Export the plane that is meant as TIFF, as Fiji with Bio-Formats does."
_PLAIN = "Convert it to PNG, as GIMP, IrfanView or ImageMagick do."
_UNSUPPORTED: dict[str, tuple[bytes, str]] = {
    "a camera's raw file": (
        rb"II\x2a\0.{4}CR|II.{4}HEAPCCDR|"
        rb"II(?:RO|RS|U\0)|MMOR|FUJIFILMCCD-RAW|....ftypcrx |FOVb|\0MRM|II\x2a\0IIII",
        _CAMERA,
    ),
    "a PNG that Xcode has changed (CgBI)": (
        rb"\x89PNG\r\n\x1a\n....CgBI",
        "On a Mac convert it back: `xcrun -sdk iphoneos pngcrush -revert-iphone-optimizations IN OUT`.",
    ),
    "a HEIF image of another codec than HEVC and AV1": (
        rb"....ftyp(?:avc[is]|(?:mif[12]|msf1|miaf)(?!.{0,80}(?:he[iv][cmsx]|avi[fs]))"
        rb"(?=.{0,60}(?:avc[is]|jpeg|jpgs|j2ki|j2is|vvi[cs])))",
        "Export it as JPEG from the program or device that it comes from.",
    ),
    "a Photoshop document": (rb"8BPS", "Export it as TIFF or PNG."),
    "a JPEG XL image": (rb"\xff\x0a|\0\0\0\x0cJXL ", "Convert it with `djxl`."),
    "a JPEG XR image": (rb"II\xbc[\0\1]", "Convert it with `JxrDecApp` to TIFF."),
    "an OpenEXR image": (rb"\x76\x2f\x31\x01", "Convert it to a float TIFF, as `oiiotool` does."),
    "a Radiance image": (rb"#\?(?:RADIANCE|RGBE)", "Convert it to a float TIFF, as `oiiotool` does."),
    "a colour PFM image": (rb"PF\s", "Convert it to a float TIFF, as `oiiotool` does."),
    "a PAM image": (rb"P7\s", "Convert it with `pamtopng`."),
    "a DICOM file without its preamble": (
        rb"\x02\0\0\0UL\x04\0|\x08\0[\0\x01\x05\x08\x16\x18]\0(?:[A-Z]{2}|.{2}\0\0)",
        "Write it anew with DCMTK's `dcmconv IN OUT`.",
    ),
    "an icon": (rb"\x00\x00\x01\x00", "Export it as PNG."),
    "a PostScript file": (rb"%!PS|\xc5\xd0\xd3\xc6", "Convert it with Ghostscript to PNG."),
    "a FITS image": (rb"SIMPLE  =", "Convert it to a TIFF, as astropy or Fiji do."),
    "a NIfTI volume": (
        rb"(?:\x5c\x01\0\0|\0\0\x01\x5c).{340}n[+i]1\0",
        "Export the slices that are meant as TIFF.",
    ),
    "an NRRD volume": (rb"NRRD000", "Export the slices that are meant as TIFF."),
    "a Zeiss CZI stack": (rb"ZISRAWFILE", _FIJI),
    "a Nikon ND2 stack": (rb"\xda\xce\xbe\x0a", _FIJI),
    "a Leica LIF stack": (rb"\x70\0\0\0.{4}\x2a", _FIJI),
    "a Targa image": (
        rb".(?:\0[\x02\x03\x0a\x0b]\0{5}|\x01[\x01\x09].{4}[\x0f\x10\x18\x20])"
        rb".{8}[\x08\x0f\x10\x18\x20][\0-\x3f]",
        _PLAIN,
    ),
    "a PCX image": (rb"\x0a[\0\x02-\x05]\x01[\x01\x02\x04\x08]", _PLAIN),
    "an SGI image": (rb"\x01\xda[\0\x01][\x01\x02]\0[\x01-\x03]", _PLAIN),
    "a Sun raster image": (rb"\x59\xa6\x6a\x95", _PLAIN),
    "a DirectDraw texture": (rb"DDS \x7c\0\0\0", _PLAIN),
    "a QOI image": (rb"qoif", "Convert it to PNG."),
    "an SVG drawing": (
        rb"(?:\xef\xbb\xbf)?\s*<(?:[^>]{0,2000}>\s*<){0,5}svg[\s>]",
        "Export it as PNG.",
    ),
}
_OTHER = {
    "a Git LFS pointer": rb"version https://git-lfs",
    "an HTML page": rb"(?i)(?:\xef\xbb\xbf)?\s*(?:<!--.{0,2000}?-->\s*)?<(?:!doctype html|html|head|body)\b",
    "an XML file": rb"(?:\xef\xbb\xbf)?\s*<\?xml",
    "a PDF": rb"%PDF-",
    "a ZIP archive": rb"PK\x03\x04",
    "a gzip archive": rb"\x1f\x8b",
}
# Unsupported ones first: many a raw file begins as a TIFF does.
_TABLES: dict[Literal["image", "unsupported", "other"], dict[str, re.Pattern[bytes]]] = {
    "unsupported": {name: re.compile(magic, re.DOTALL) for name, (magic, _) in _UNSUPPORTED.items()},
    "image": {name: re.compile(magic, re.DOTALL) for name, magic in _MAGIC.items()},
    "other": {name: re.compile(magic, re.DOTALL) for name, magic in _OTHER.items()},
}


@dataclass(frozen=True, slots=True)
class Content:
    """`kind` says whether `decode` reads it; `name` is a key of `SUFFIXES` or a noun with its article.

    `remedy` says what makes a picture of it that is read.
    """

    kind: Literal["image", "unsupported", "other"]
    name: str
    remedy: str = "Put an image in its place or remove it."


def detect_format(data: bytes) -> Content:
    """Name the content that begins with `data`, of which the first `HEAD_BYTES` are looked at."""
    return _detect(data[:HEAD_BYTES])


# A scan asks three times a file: before it reads it whole, which reader is right, and what Pillow may open.
@lru_cache(maxsize=16)
def _detect(head: bytes) -> Content:
    for kind, table in _TABLES.items():
        for name, magic in table.items():
            if magic.match(head):
                if kind == "unsupported":
                    return Content(kind, name, _UNSUPPORTED[name][1])
                return Content(kind, _choose_brand(name, head))
    return Content("other", "text" if _is_text(head) else "data of no known image format")


def _choose_brand(name: str, head: bytes) -> str:
    # A HEIF container may begin with a general brand and name the codec only among the compatible ones.
    compatible = head[16 : int.from_bytes(head[:4], "big")]
    general = name == "HEIF" and head[8:12] in GENERAL_BRANDS
    return "AVIF" if general and b"avif" in compatible else name


def _is_text(head: bytes) -> bool:
    if re.search(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]", head):
        return False
    try:
        head[:-3].decode()  # the head may end within a character
    except UnicodeDecodeError:
        return False
    return True
