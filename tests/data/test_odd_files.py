"""Sound files of careless or unusual writers are read, or named as what they are with what converts them."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms

import pixels_case as case
from groupwise.data.decode import decode
from groupwise.data.file_notes import join_notes, list_codes
from groupwise.data.formats import detect_format

RGB = case.picture()
GREY = RGB[..., 0]
TWELVE = case.deepen(GREY, 12)


def with_segment(jpeg: bytes, kind: int, content: bytes) -> bytes:
    return jpeg[:2] + bytes([0xFF, kind]) + struct.pack(">H", len(content) + 2) + content + jpeg[2:]


DEEP_JPEGS: dict[str, Callable[[], bytes]] = {
    "12 bits": lambda: imagecodecs.jpeg8_encode(TWELVE, bitspersample=12, level=100),
    "lossless": lambda: imagecodecs.ljpeg_encode(TWELVE, bitspersample=12),
    "JPEG-LS": lambda: imagecodecs.jpegls_encode(TWELVE),
}


@pytest.mark.parametrize("name", DEEP_JPEGS)
def test_a_deep_jpeg_is_turned_as_its_exif_data_say(name: str) -> None:
    data = DEEP_JPEGS[name]()
    plain = decode(data).rgb
    for orientation, expected in ((1, plain), (6, np.rot90(plain, -1)), (3, np.rot90(plain, 2))):
        shown = decode(with_segment(data, 0xE1, case.exif(orientation)))
        np.testing.assert_array_equal(shown.rgb, expected)
        assert (shown.height, shown.width) == expected.shape[:2]
    assert "exif-orientation-invalid" in dict(decode(with_segment(data, 0xE1, case.exif(9))).warnings)


def test_a_profile_of_a_deep_jpeg_is_applied_from_its_pieces() -> None:
    data = imagecodecs.jpeg8_encode(case.deepen(RGB, 12), bitspersample=12, level=100)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    half = len(profile) // 2
    for number, piece in ((2, profile[half:]), (1, profile[:half])):  # they need not be in order
        data = with_segment(data, 0xE2, b"ICC_PROFILE\0" + bytes([number, 2]) + piece)
    assert {"icc-converted", "icc-broken"} & {code for code, _ in decode(data).warnings}


def test_a_deep_jpeg_of_four_inks_is_no_damage() -> None:
    inks = case.deepen(np.dstack([RGB, GREY]), 12)
    error = case.refuse(imagecodecs.jpeg8_encode(inks, bitspersample=12))
    assert (error.code, "4 channels" in error.fact) == ("unsupported-format", True)


@pytest.mark.parametrize("bits", [1, 2, 4, 7, 8])
@pytest.mark.parametrize("levels", [GREY, RGB], ids=["grey", "colour"])
def test_a_jpeg_2000_of_few_bits_goes_to_white(levels: np.ndarray, bits: int) -> None:
    values = levels >> (8 - bits)
    shown = decode(imagecodecs.jpeg2k_encode(values, level=0, bitspersample=bits))
    expected = np.rint(values / (2**bits - 1) * 255).astype(np.uint8)
    np.testing.assert_array_equal(
        shown.rgb, expected if levels.ndim == 3 else expected[..., None].repeat(3, 2)
    )
    assert shown.warnings == ()


def write_gif(screen: tuple[int, int], at: tuple[int, int], **options: int) -> bytes:
    """A red frame of 24 x 16 pixels on a screen of another size, whose colour 0 is blue."""
    image = Image.fromarray(np.ones((16, 24), np.uint8), "P")
    image.putpalette([0, 0, 255, 255, 0, 0])
    buffer = io.BytesIO()
    image.save(buffer, "GIF", **options)
    data = bytearray(buffer.getvalue())
    data[6:10] = struct.pack("<HH", *screen)
    frame = data.index(b",", 13 + 3 * 2 ** ((data[10] & 7) + 1))
    data[frame + 1 : frame + 5] = struct.pack("<HH", *at)
    return bytes(data)


@pytest.mark.parametrize("options", [{}, {"transparency": 0}])
def test_around_the_first_frame_of_a_gif_nothing_is_drawn(options: dict[str, int]) -> None:
    shown = decode(write_gif((48, 32), (12, 8), **options))
    expected = np.full((32, 48, 3), 255, np.uint8)
    expected[8:24, 12:36] = (255, 0, 0)
    np.testing.assert_array_equal(shown.rgb, expected)
    assert "transparency" in dict(shown.warnings)
    assert decode(write_gif((24, 16), (0, 0))).warnings == ()


def test_a_jpeg_that_lacks_only_its_end_is_whole_and_says_so() -> None:
    data = case.write_pillow(RGB, "JPEG", quality=90)
    for cut in (1, 2):
        shown = decode(data[:-cut])
        np.testing.assert_array_equal(shown.rgb, decode(data).rgb)
        assert list_codes(join_notes(shown.warnings)) == ("no-end-marker",)
    for cut in (40, len(data) // 3):
        assert case.refuse(data[:-cut]).code == "truncated"
    progressive = case.write_pillow(RGB, "JPEG", progressive=True)
    assert case.refuse(progressive[:-2]).code == "truncated"  # a whole scan might be missing


@pytest.mark.parametrize("brand", [b"miaf", b"mif2", b"mif1"])
def test_an_avif_under_a_general_brand_is_read(brand: bytes) -> None:
    data = case.write_pillow(RGB, "AVIF", quality=90)
    shown = decode(data[:8] + brand + data[12:])
    np.testing.assert_array_equal(shown.rgb, decode(data).rgb)


@pytest.mark.parametrize(
    ("brands", "code"),
    [
        (b"avci\0\0\0\0mif1avci", "unsupported-format"),
        (b"mif1\0\0\0\0mif1avci", "unsupported-format"),
        (b"miaf\0\0\0\0miafjpeg", "unsupported-format"),
        (b"mif1\0\0\0\0avcimif1heic", "heic-unsupported"),
        (b"miaf\0\0\0\0miafheic", "heic-unsupported"),
    ],
)
def test_heif_of_other_codecs_is_told_from_that_of_hevc(
    brands: bytes, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("groupwise.data.header._register_heif", lambda: False)
    head = (8 + len(brands)).to_bytes(4, "big") + b"ftyp" + brands
    assert case.refuse(head.ljust(200, b"\0")).code == code


def write_targa(mode: str, **options: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(RGB).convert(mode).save(buffer, "TGA", **options)
    return buffer.getvalue()


UNREAD = {
    "Targa, RGB": (write_targa("RGB"), "a Targa image"),
    "Targa, grey": (write_targa("L"), "a Targa image"),
    "Targa, palette": (write_targa("P"), "a Targa image"),
    "Targa, packed": (write_targa("RGB", compression="tga_rle"), "a Targa image"),
    "PCX": (case.write_pillow(RGB, "PCX"), "a PCX image"),
    "SGI": (case.write_pillow(RGB, "SGI"), "an SGI image"),
    "DDS": (case.write_pillow(RGB, "DDS"), "a DirectDraw texture"),
    "CRW": (b"II\x1a\0\0\0HEAPCCDR" + bytes(40), "a camera's raw file"),
    "CgBI": (
        b"\x89PNG\r\n\x1a\n\0\0\0\4CgBI\x50\0\x20\2" + bytes(40),
        "a PNG that Xcode has changed (CgBI)",
    ),
}


@pytest.mark.parametrize("name", UNREAD)
def test_a_picture_of_an_old_kind_is_named_with_what_converts_it(name: str) -> None:
    data, said = UNREAD[name]
    error = case.refuse(data)
    assert (error.code, said in error.fact) == ("unsupported-format", True)
    assert "Put an image" not in error.remedy


@pytest.mark.parametrize(
    "data",
    [
        b"\0\1\0\0\0\x12\1\0\0\4\0\x20DSIG" + bytes(40),  # a TrueType font
        b"\0\0\2\0\1\0\x20\x20\0\0\0\0\0\0\xa8\x08\0\0" + bytes(20),  # a cursor
        b"\0\0\x08\3\0\0\xea\x60\0\0\0\x1c\0\0\0\x1c" + bytes(20),  # MNIST
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(20),
        bytes(64),
    ],
)
def test_other_files_are_not_taken_for_targa(data: bytes) -> None:
    assert detect_format(data).kind == "other"
