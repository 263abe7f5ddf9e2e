"""Makes small images of every kind, and a folder of every file that could hurt."""

from __future__ import annotations

import io
import os
import socket
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

import pixels_case as case

Encode = Callable[..., bytes]

ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))


def encode_image(image: Image.Image, name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.copy().save(buffer, name, **options)  # a copy, because saving leaves settings on the image
    return buffer.getvalue()


def make_photo(width: int = 48, height: int = 32, seed: int = 0) -> Image.Image:
    """A smooth picture whose eight orientations all differ."""
    rows, columns = np.mgrid[0:height, 0:width]
    rng = np.random.default_rng(seed)
    a, b, c = rng.uniform(3, 9, 3)
    channels = [
        np.sin(columns / a) + rows / height,
        np.cos(rows / b) + columns / width,
        rows * columns / (c * 99),
    ]
    pixels = np.stack([255 * (x - x.min()) / max(np.ptp(x), 1) for x in channels], axis=-1)
    return Image.fromarray(pixels.astype(np.uint8))


def dng_tags() -> ImageFileDirectory_v2:
    """What every DNG says, and some raw files of cameras."""
    tags = ImageFileDirectory_v2()
    tags.tagtype[50706] = 1  # bytes
    tags[50706] = b"\1\4\0\0"
    return tags


def two_frames() -> dict[str, object]:
    return {"save_all": True, "append_images": [make_photo(seed=1)]}


def srgb_curve(x: np.ndarray) -> np.ndarray:
    """Light from level, both from 0 to 1 (IEC 61966-2-1)."""
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def make_profile(
    colorants: tuple[tuple[float, float, float], ...], gamma: float | None, name: str = "Test"
) -> bytes:
    """A matrix profile of ICC version 2.1 (ICC.1:2001-04): three colorants, adapted to D50, and one curve.

    Without a gamma the curve is sRGB's, as a table.
    """

    def xyz(values: tuple[float, float, float]) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    text = name.encode() + b"\0"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)
    levels = np.rint(65535 * srgb_curve(np.linspace(0, 1, 1024))).astype(int).tolist()
    table = [round(gamma * 256)] if gamma else levels
    curve = b"curv\0\0\0\0" + struct.pack(f">I{len(table)}H", len(table), *table)
    tags = {b"desc": description, b"wtpt": xyz((0.9642, 1.0, 0.8249)), b"cprt": b"text\0\0\0\0none\0"}
    tags |= {key: xyz(value) for key, value in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants, strict=True)}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    index, body, offset = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for key, value in tags.items():
        padded = value + bytes(-len(value) % 4)
        index += key + struct.pack(">II", offset + len(body), len(value))
        body += padded
    header = struct.pack(">I4xI", 128 + len(index) + len(body), 0x02100000) + b"mntrRGB XYZ "
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">iii", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + index + body


def make_png(width: int, height: int) -> bytes:
    """A PNG header that declares a size, with no pixels behind it."""

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + case.png_chunk(b"IHDR", header)
        + case.png_chunk(b"IDAT", zlib.compress(b""))
        + case.png_chunk(b"IEND", b"")
    )


@pytest.fixture(scope="session")
def encode() -> Encode:
    return encode_image


@pytest.fixture(scope="session")
def photo() -> Image.Image:
    return make_photo()


@pytest.fixture(scope="session")
def exif() -> Callable[[int], bytes]:
    return case.exif


@pytest.fixture(scope="session")
def empty_png() -> Callable[[int, int], bytes]:
    return make_png


@pytest.fixture(scope="session")
def adobe_rgb() -> bytes:
    return make_profile(ADOBE_RGB, 2.2, name="Wide; and <script>")


@pytest.fixture(scope="session")
def nearly_srgb() -> bytes:
    """sRGB under another name."""
    return make_profile(SRGB, None, name="Camera")


def _contents() -> dict[str, tuple[bytes, str, str]]:
    """File name -> content, status and the codes of its reason; all lie in the class folder `cat`."""
    photo = make_photo()
    jpeg = encode_image(photo, "JPEG")
    deep = np.linspace(0, 65535, 48 * 32).astype(np.uint16).reshape(32, 48)
    clear = photo.copy()
    clear.putalpha(128)
    opaque = photo.copy()
    opaque.putalpha(255)
    return {
        # near misses: nothing is wrong with these
        "plain.jpg": (jpeg, "ok", ""),
        "UPPER.JPEG": (jpeg, "ok", ""),
        "plain.png": (encode_image(photo, "PNG"), "ok", ""),
        "plain.avif": (encode_image(photo, "AVIF"), "ok", ""),
        "plain.webp": (encode_image(photo, "WEBP"), "ok", ""),
        "plain.tif": (encode_image(photo, "TIFF"), "ok", ""),
        "plain.bmp": (encode_image(photo, "BMP"), "ok", ""),
        "plain.gif": (encode_image(photo, "GIF"), "ok", ""),
        "plain.jp2": (encode_image(photo, "JPEG2000"), "ok", ""),
        "plain.ppm": (encode_image(photo, "PPM"), "ok", ""),
        "grey.jpg": (encode_image(photo.convert("L"), "JPEG"), "ok", ""),
        "opaque.png": (encode_image(opaque, "PNG"), "ok", ""),
        "turned.jpg": (encode_image(photo, "JPEG", exif=case.exif(6)), "ok", ""),
        "camera.jpg": (encode_image(photo, "JPEG", icc_profile=make_profile(SRGB, None)), "ok", ""),
        "several.mpo.jpg": (encode_image(photo, "MPO", **two_frames()), "ok", ""),
        "8x160.png": (encode_image(make_photo(8, 160), "PNG"), "ok", ""),
        # read, with a warning
        "really-a-png.jpg": (encode_image(photo, "PNG"), "warned", "wrong-extension"),
        "no-suffix": (jpeg, "warned", "wrong-extension"),
        "really-a-tiff.nef": (encode_image(photo, "TIFF"), "warned", "wrong-extension"),
        "cmyk.jpg": (encode_image(photo.convert("CMYK"), "JPEG"), "warned", "cmyk"),
        "orientation-9.jpg": (
            encode_image(photo, "JPEG", exif=case.exif(9)),
            "warned",
            "exif-orientation-invalid",
        ),
        "bad-exif.jpg": (encode_image(photo, "JPEG", exif=b"Exif\0\0rubbish"), "warned", "exif-broken"),
        "deep.png": (encode_image(Image.fromarray(deep), "PNG"), "warned", "deep-integer"),
        "float.tif": (encode_image(Image.fromarray(deep / np.float32(65535)), "TIFF"), "warned", "float"),
        "mask.png": (encode_image(photo.convert("1"), "PNG"), "warned", "one-bit"),
        "alpha.png": (encode_image(clear, "PNG"), "warned", "transparency"),
        "grey-alpha.png": (encode_image(clear.convert("LA"), "PNG"), "warned", "transparency"),
        "palette.png": (
            encode_image(photo.convert("P"), "PNG", transparency=bytes(256)),
            "warned",
            "transparency",
        ),
        "wide.jpg": (
            encode_image(photo, "JPEG", icc_profile=make_profile(ADOBE_RGB, 2.2)),
            "warned",
            "icc-converted",
        ),
        "bad-profile.jpg": (encode_image(photo, "JPEG", icc_profile=b"rubbish" * 30), "warned", "icc-broken"),
        "moving.gif": (encode_image(photo, "GIF", **two_frames()), "warned", "several-frames"),
        "moving.webp": (encode_image(photo, "WEBP", **two_frames()), "warned", "several-frames"),
        "moving.png": (encode_image(photo, "PNG", **two_frames()), "warned", "several-frames"),
        "pages.tiff": (encode_image(photo, "TIFF", **two_frames()), "warned", "several-frames"),
        "dot.png": (encode_image(make_photo(1, 1), "PNG"), "warned", "tiny"),
        "strip.png": (encode_image(make_photo(1, 20000), "PNG"), "warned", "tiny extreme-aspect"),
        # refused
        "zero.jpg": (b"", "quarantined", "zero-byte"),
        "cut.jpg": (jpeg[:-60], "quarantined", "truncated"),
        "cut.png": (encode_image(photo, "PNG")[:-200], "quarantined", "truncated"),
        "cut.webp": (encode_image(photo, "WEBP")[:-20], "quarantined", "truncated"),
        "cut.avif": (encode_image(photo, "AVIF")[:-20], "quarantined", "truncated"),
        "cut.tif": (encode_image(photo, "TIFF", compression="tiff_lzw")[:-400], "quarantined", "truncated"),
        "cut.jp2": (encode_image(photo, "JPEG2000")[:-90], "quarantined", "truncated"),
        "noise.jpg": (b"\xff\xd8\xff" + bytes(range(256)), "quarantined", "corrupt"),
        "page.jpg": (b"<!DOCTYPE html><html>not found</html>", "quarantined", "wrong-content"),
        "pointer.png": (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            "quarantined",
            "wrong-content",
        ),
        "paper.jpg": (b"%PDF-1.7\n", "quarantined", "wrong-content"),
        "words.png": (b"BM is how this text begins, as a bitmap does", "quarantined", "wrong-content"),
        "archive.jpg": (b"PK\x03\x04" + bytes(30), "quarantined", "wrong-content"),
        "bomb.png": (make_png(50_000, 50_000), "quarantined", "decompression-bomb"),
        "phone.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40), "quarantined", "heic-unsupported"),
        "drawing.psd": (b"8BPS\0\1" + bytes(40), "quarantined", "unsupported-format"),
        "slice.dcm": (bytes(128) + b"DICM" + bytes(40), "quarantined", "unsupported-format"),
        "raw.nef": (encode_image(photo, "TIFF", tiffinfo=dng_tags()), "quarantined", "unsupported-format"),
        # nobody meant these as images
        "notes.txt": (b"seen on Monday\n", "ignored", "not-an-image"),
        "empty.txt": (b"", "ignored", "not-an-image"),
        ".hidden.jpg": (jpeg, "ignored", "hidden"),
        "Thumbs.db": (b"\xd0\xcf\x11\xe0", "ignored", "system-file"),
        "desktop.ini": (b"[.ShellClassInfo]", "ignored", "system-file"),
        # names that have hurt other programs
        "new\nline.jpg": (jpeg, "ok", ""),
        'comma, "quote".jpg': (jpeg, "ok", ""),
        "<script>alert(1)</script>.jpg".replace("/", "_"): (jpeg, "ok", ""),
        "🐈 ünï.jpg": (jpeg, "ok", ""),
        "=1+1.jpg": (jpeg, "ok", ""),
    }


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, tuple[str, str]]]:
    """A folder of planted faults and near misses, and for each path the status and codes it must get."""
    base = tmp_path_factory.mktemp("hostile")
    root, jpeg = base / "data", encode_image(make_photo(), "JPEG")
    expected = {}
    for name, (content, status, codes) in _contents().items():
        _plant(root / "cat" / name, content)
        expected[f"cat/{name}"] = (status, codes)
    others = {
        "dog/deep/er/x.jpg": ("ok", ""),
        "in-the-root.jpg": ("quarantined", "no-label"),
        ".DS_Store": ("ignored", "hidden"),
        "__MACOSX/cat/._plain.jpg": ("ignored", "hidden"),
        "__MACOSX/cat/plain.jpg": ("ignored", "system-file"),
        "cat/.ipynb_checkpoints/plain.jpg": ("ignored", "hidden"),
    }
    for path, verdict in others.items():
        _plant(root / path, jpeg)
        expected[path] = verdict
    _plant(root / "README.txt", b"Ten cats.\n")
    expected["README.txt"] = ("ignored", "not-an-image")
    _plant(base / "outside.jpg", jpeg)
    _plant(base / "elsewhere/x.jpg", jpeg)
    links = {
        "cat/link.jpg": ("plain.jpg", "ok", ""),
        "cat/link-out.jpg": ("../../outside.jpg", "quarantined", "link-outside"),
        "cat/link-gone.jpg": ("nowhere.jpg", "quarantined", "link-broken"),
        "cat/link-self.jpg": ("link-self.jpg", "quarantined", "link-loop"),
        "cat/link-up": ("..", "quarantined", "link-loop"),
        "cat/link-folder": ("../dog", "quarantined", "folder"),
        "link-class": ("../elsewhere", "quarantined", "link-outside"),
    }
    for path, (target, status, codes) in links.items():
        (root / path).symlink_to(target)
        expected[path] = (status, codes)
    os.mkfifo(root / "cat/pipe.jpg")
    _bind_socket(root / "cat/socket.jpg")
    expected |= dict.fromkeys(("cat/pipe.jpg", "cat/socket.jpg"), ("quarantined", "special-file"))
    Path(os.fsdecode(os.fsencode(root) + b"/cat/caf\xe9.jpg")).write_bytes(jpeg)
    expected["cat/caf\\xe9.jpg"] = ("quarantined", "name-not-utf8")
    return root, expected


def _plant(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _bind_socket(path: Path) -> None:
    # The address of a socket holds only about a hundred characters, so it is bound from within its folder.
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
    finally:
        os.chdir(here)
