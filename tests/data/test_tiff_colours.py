"""TIFFs whose colours or missing pixels some readers get wrong come out as viewers show them."""

from __future__ import annotations

import io
import struct
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms

import pixels_case as case
from groupwise.data.decode import UndecodableImage, decode
from groupwise.data.pixel_reading import Reading

RGB = case.picture()
GREY = RGB[..., 0]
DEEP = case.deepen(GREY, 16)
INDICES = np.tile(np.arange(48, dtype=np.uint8), (32, 1))
COLOURS = np.stack([np.arange(256), 255 - np.arange(256), np.full(256, 7)]).astype(np.uint16)


def error_of(data: bytes, expected: np.ndarray) -> int:
    found = decode(data).rgb.astype(int)
    expected = expected if expected.ndim == 3 else np.repeat(expected[..., None], 3, axis=2)
    assert found.shape == expected.shape
    return int(np.abs(found - expected).max())


def without(data: bytes, tag: int) -> bytes:
    """A little-endian TIFF without one of the tags of its first directory."""
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    entries = [data[start + 2 + 12 * i : start + 14 + 12 * i] for i in range(count)]
    kept = b"".join(entry for entry in entries if int.from_bytes(entry[:2], "little") != tag)
    end = start + 2 + 12 * count
    head = struct.pack("<H", len(kept) // 12) + kept + data[end : end + 4]
    return data[:start] + head.ljust(end + 4 - start, b"\0") + data[end + 4 :]


@pytest.mark.parametrize("scale", [1, 257], ids=["of 8 bits", "of 16 bits"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_colour_map_is_read_on_its_own_scale(scale: int, kind: type) -> None:
    table = np.zeros((3, 2 ** (8 * np.dtype(kind).itemsize)), np.uint16)
    table[:, :256] = COLOURS * scale
    data = case.write_tiff(INDICES.astype(kind), photometric="palette", colormap=table)
    assert error_of(data, COLOURS[:, INDICES].transpose(1, 2, 0)) <= 1


PIXELS_WITHOUT_KIND: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
    "grey": (GREY, {"photometric": "minisblack"}),
    "grey, LZW": (GREY, {"photometric": "minisblack", "compression": "lzw"}),
    "grey of 16 bits": (DEEP, {"photometric": "minisblack"}),
    "one bit": (GREY > 99, {"photometric": "minisblack"}),
    "colours": (RGB, {"photometric": "rgb"}),
    "colours of 16 bits": (case.deepen(RGB, 16), {"photometric": "rgb"}),
}


@pytest.mark.parametrize("name", PIXELS_WITHOUT_KIND)
def test_without_a_photometric_kind_zero_is_black_and_three_are_colours(name: str) -> None:
    values, options = PIXELS_WITHOUT_KIND[name]
    whole = case.write_tiff(values, **options)
    np.testing.assert_array_equal(decode(without(whole, 262)).rgb, decode(whole).rgb)


def test_without_a_photometric_kind_a_fax_is_black_on_white() -> None:
    buffer = io.BytesIO()
    Image.fromarray(GREY > 99).save(buffer, "TIFF", compression="group4")
    (kind,) = struct.unpack_from("<H", buffer.getvalue(), buffer.getvalue().index(b"\x06\x01\x03\0") + 8)
    shown = decode(without(buffer.getvalue(), 262)).rgb
    expected = decode(buffer.getvalue()).rgb
    np.testing.assert_array_equal(shown, expected if kind == 0 else 255 - expected)


def no_data(value: object) -> list[tuple[Any, ...]]:
    return [(42113, "s", 0, str(value), True)]


MISSING: dict[str, tuple[np.ndarray, float, object]] = {
    "float": ((GREY / 255).astype(np.float32), -9999, -9999),
    "nan": ((GREY / 255).astype(np.float32), np.nan, "nan"),
    "least of floats": ((GREY / 255).astype(np.float32), np.finfo(np.float32).min, "-3.40282346638529e+38"),
    "a sign": (GREY.astype(np.int16), -32768, -32768),
    "8 bits": (np.maximum(GREY, 1), 0, 0),
    "colours": (np.maximum(RGB, 1), 0, "0"),
    "colours of 16 bits": (np.maximum(case.deepen(RGB, 16), 1), 0, 0),
}


@pytest.mark.parametrize("name", MISSING)
def test_pixels_without_data_are_transparent_and_change_no_scale(name: str) -> None:
    values, value, text = MISSING[name]
    holed = values.copy()
    holed[:4] = value
    photometric = "rgb" if values.ndim == 3 else "minisblack"
    shown = decode(case.write_tiff(holed, photometric=photometric, extratags=no_data(text)))
    rest = decode(case.write_tiff(values[4:], photometric=photometric))
    assert (shown.rgb[:4] == 255).all()
    np.testing.assert_array_equal(shown.rgb[4:], rest.rgb)
    assert dict(shown.warnings)["no-data"] == "12.5 % of the pixels hold no data, as the file says"


@pytest.mark.parametrize("text", [300, -1, 0.5, "nan", "none", ""])
def test_a_value_that_no_pixel_can_have_is_nowhere(text: object) -> None:
    shown = decode(case.write_tiff(GREY, photometric="minisblack", extratags=no_data(text)))
    np.testing.assert_array_equal(shown.rgb[..., 0], GREY)
    assert shown.warnings == ()


def test_one_channel_that_has_the_value_is_still_a_colour() -> None:
    shown = decode(case.write_tiff(RGB, photometric="rgb", extratags=no_data(RGB[-1, -1, 2])))
    np.testing.assert_array_equal(shown.rgb[0], RGB[0])


OPAQUE = np.full_like(GREY, 255)
CLEAR = np.where(np.arange(32)[:, None] < 4, np.uint8(0), OPAQUE)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("kind", ["unassalpha", "assocalpha"])
@pytest.mark.parametrize("order", ["contig", "separate"])
@pytest.mark.parametrize("photometric", ["miniswhite", "minisblack", "rgb"])
def test_opacity_is_read_in_every_order(photometric: str, order: str, kind: str, depth: int) -> None:
    shown = RGB if photometric == "rgb" else GREY[..., None]
    stored = np.where(CLEAR[..., None] > 0, 255 - shown if photometric == "miniswhite" else shown, 0)
    values = case.deepen(np.dstack([stored, CLEAR]), depth, np.uint8 if depth == 8 else np.uint16)
    if order == "separate":
        values = values.transpose(2, 0, 1)
    data = case.write_tiff(values, photometric=photometric, planarconfig=order, extrasamples=[kind])
    expected = np.where(CLEAR[..., None] > 0, shown, 255)
    assert error_of(data, expected if photometric == "rgb" else expected[..., 0]) <= 1


@pytest.mark.parametrize("depth", [8, 16])
def test_a_fourth_channel_of_which_nothing_is_said_is_opacity(depth: int) -> None:
    values = case.deepen(np.dstack([RGB, CLEAR]), depth, np.uint8 if depth == 8 else np.uint16)
    data = cv2.imencode(".tiff", values[..., [2, 1, 0, 3]])[1].tobytes()
    assert error_of(data, np.where(CLEAR[..., None] > 0, RGB, 255)) == 0


def to_lab(rgb: np.ndarray) -> Image.Image:
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    lab = ImageCms.applyTransform(Image.fromarray(rgb), ImageCms.buildTransform(*profiles, "RGB", "LAB"))
    assert lab is not None
    return lab


def _spaces() -> dict[str, tuple[str | int, np.ndarray, Image.Image]]:
    """The photometric kind, what is stored of it in 8 bits, and the picture as Pillow has it."""
    inks, parts, lab = (
        Image.fromarray(RGB).convert("CMYK"),
        Image.fromarray(RGB).convert("YCbCr"),
        to_lab(RGB),
    )
    signed = np.asarray(lab)
    return {
        "CMYK": ("separated", np.asarray(inks), inks),
        "YCbCr": ("ycbcr", np.asarray(parts), parts),
        "CIELAB": (8, signed, lab),
        "ICCLAB": (9, signed ^ np.array([0, 128, 128], np.uint8), lab),
    }


SPACES = _spaces()


@pytest.mark.parametrize("compression", [None, "lzw"])
@pytest.mark.parametrize("order", ["contig", "separate"])
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("name", SPACES)
def test_other_colours_are_converted_as_pillow_converts_them(
    name: str, depth: int, order: str, compression: str | None
) -> None:
    photometric, stored, image = SPACES[name]
    if depth == 16:
        scale = np.full(stored.shape[2], 257)
        scale[1:] = 256 if "LAB" in name else 257
        stored = (stored * scale).astype(np.uint16)
    values = stored if order == "contig" else np.ascontiguousarray(stored.transpose(2, 0, 1))
    options: dict[str, Any] = {"planarconfig": order, "compression": compression}
    if name == "YCbCr":
        options["extratags"] = [(530, "H", 2, (1, 1), True)]
    data = case.write_tiff(values, photometric=photometric, **options)
    lab_to_rgb = ImageCms.buildTransform(
        ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
    )
    rgb = ImageCms.applyTransform(image, lab_to_rgb) if "LAB" in name else image.convert("RGB")
    # Pillow and libtiff round YCbCr in different ways
    assert error_of(data, np.asarray(rgb)) <= (3 if name == "YCbCr" else 1)


@pytest.mark.parametrize("options", [{"photometric": 32845}, {"photometric": 10}])
def test_colours_that_are_not_read_name_what_converts_them(options: dict[str, Any]) -> None:
    with pytest.raises(UndecodableImage, match=r"magick IN\.tif -colorspace sRGB") as caught:
        decode(case.write_tiff(case.deepen(RGB, 16), **options))
    assert caught.value.code == "unsupported-format"


def test_webp_in_a_tiff_is_no_damage() -> None:
    data = case.write_tiff(RGB, photometric="rgb", compression="webp", compressionargs={"lossless": True})
    np.testing.assert_array_equal(decode(data).rgb, RGB)


def write_ome(first: int, count: int, owners: int = 2) -> bytes:
    """`count` of the three channels of an OME data set, whose others lie in other files."""
    own = "urn:uuid:aaaaaaaa-0000-0000-0000-000000000000"
    blocks = "".join(
        f'<TiffData FirstC="{c}" FirstZ="0" FirstT="0" IFD="0" PlaneCount="1"><UUID FileName="{c}.ome.tif">'
        f"{own if first <= c < first + count or owners == 1 else f'urn:uuid:{c}'}</UUID></TiffData>"
        for c in range(3)
    )
    names = "".join(f'<Channel ID="C:{i}" Name="{name}"/>' for i, name in enumerate(("DAPI", "GFP", "RFP")))
    description = (
        f'<?xml version="1.0"?><OME UUID="{own}"><Image ID="I:0"><Pixels ID="P:0" SizeX="48" SizeY="32"'
        f' SizeC="3" SizeZ="1" SizeT="1">{names}{blocks}</Pixels></Image></OME>'
    )
    planes = RGB.transpose(2, 0, 1)[first : first + count]
    return case.write_tiff(planes, photometric="minisblack", description=description)


def test_a_file_of_one_channel_of_an_ome_data_set_is_one_picture() -> None:
    assert error_of(write_ome(1, 1), RGB[..., 1]) == 0


def test_of_a_file_of_two_channels_the_names_are_its_own() -> None:
    with pytest.raises(UndecodableImage, match=r"2 channels \(GFP, RFP\)"):
        decode(write_ome(1, 2))
    taken = decode(write_ome(1, 2), reading=Reading(channels=("RFP",))).rgb
    np.testing.assert_array_equal(taken[..., 0], RGB[..., 2])


def test_a_file_that_lacks_planes_of_its_own_is_damaged() -> None:
    with pytest.raises(UndecodableImage) as caught:
        decode(write_ome(0, 1, owners=1), reading=Reading(channels=(1,)))
    assert caught.value.code in ("corrupt", "truncated")


def test_jpeg_2000_in_a_tiff_is_what_its_codec_says() -> None:
    data = case.write_tiff(DEEP, photometric="minisblack", compression="jpeg2000")
    start = data.index(b"\xff\x4f\xff\x51")
    np.testing.assert_array_equal(imagecodecs.jpeg2k_decode(data[start:]), DEEP)
    assert error_of(data, GREY) == 0
