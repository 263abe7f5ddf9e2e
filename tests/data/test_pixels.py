"""Every container gives the pixels of the picture that is in it, or the true reason why not."""

from __future__ import annotations

import importlib.util
import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

import pixels_case as case
from groupwise.data.decode import Preprocessing, UndecodableImage, decode
from groupwise.data.level_notes import note_rule
from groupwise.data.levels import settle
from groupwise.data.pixel_reading import Reading

CONTAINERS = case.containers()
MODEL_OF_8_BITS = Preprocessing().reading


def colours(expected: np.ndarray) -> np.ndarray:
    return expected if expected.ndim == 3 else np.repeat(expected[..., None], 3, axis=2)


def refuse(data: bytes, reading: Reading = MODEL_OF_8_BITS) -> UndecodableImage:
    with pytest.raises(UndecodableImage) as caught:
        decode(data, place="x", reading=reading)
    return caught.value


@pytest.mark.parametrize("name", CONTAINERS)
@pytest.mark.parametrize("reading", [Reading(), MODEL_OF_8_BITS], ids=["scan", "model of 8 bits"])
def test_what_declares_its_depth_gives_the_same_picture(name: str, reading: Reading) -> None:
    data, expected = CONTAINERS[name]
    decoded = decode(data, reading=reading)
    assert np.abs(decoded.rgb.astype(int) - colours(expected)).max() <= 1
    assert (decoded.height, decoded.width) == expected.shape[:2]


@pytest.mark.parametrize("name", case.UNDECLARED)
def test_12_bits_in_16_are_read_by_the_rule_of_their_set(name: str) -> None:
    data = case.UNDECLARED[name]()
    depth = decode(data).depth
    assert depth is not None
    rule = settle([depth], Reading())
    assert rule.integer_range == (0, 4095)
    assert np.abs(decode(data, reading=rule).rgb.astype(int) - colours(expected_of(name))).max() <= 1


@pytest.mark.parametrize("name", case.UNDECLARED)
def test_12_bits_in_16_are_refused_by_a_model_of_8(name: str) -> None:
    error = refuse(case.UNDECLARED[name]())
    assert error.code == "unknown-depth"
    assert "nothing says which of them is white" in error.fact


def expected_of(name: str) -> np.ndarray:
    rgb = case.picture()
    return rgb if name.endswith(("rgb", "planar")) else rgb[..., 0]


class TestTiff:
    def test_colours_beside_red_green_and_blue_are_left_out_and_said(self) -> None:
        values = np.dstack([case.deepen(case.picture(), 16), np.zeros((32, 48), np.uint16)])
        decoded = decode(case.write_tiff(values, photometric="rgb", extrasamples=[0]))
        np.testing.assert_array_equal(decoded.rgb, case.picture())
        assert "extra-channel" in dict(decoded.warnings)

    def test_opacity_is_composited_on_white(self) -> None:
        alpha = np.full((32, 48), 65535, np.uint16)
        alpha[:4] = 0
        values = np.dstack([case.deepen(case.picture(), 16), alpha])
        rgb = decode(case.write_tiff(values, photometric="rgb", extrasamples=["unassalpha"])).rgb
        assert (rgb[:4] == 255).all()
        np.testing.assert_array_equal(rgb[4:], case.picture()[4:])

    def test_opacity_that_is_multiplied_in_is_taken_out(self) -> None:
        rgb = np.full((8, 8, 3), 20000, np.uint16)
        values = np.dstack([rgb // 2, np.full((8, 8), 32768, np.uint16)])
        shown = decode(case.write_tiff(values, photometric="rgb", extrasamples=["assocalpha"])).rgb
        assert abs(int(shown[0, 0, 0]) - round((20000 / 257 + 255) / 2)) <= 1

    def test_a_sign_needs_the_range_of_the_set(self) -> None:
        values = np.linspace(-500, 1500, 32 * 48).reshape(32, 48).round().astype(np.int16)
        data = case.write_tiff(values, photometric="minisblack")
        assert refuse(data).code == "unknown-depth"
        rule = settle([decode(data).depth], Reading())  # type: ignore[list-item]
        assert rule.integer_range == (-500, 1500)
        assert decode(data, reading=rule).rgb[0, 0, 0] == 0
        assert decode(data, reading=rule).rgb[-1, -1, 0] == 255

    @pytest.mark.parametrize("writer", ["imagej", "ome"])
    def test_channels_of_a_stack_are_chosen_or_refused(self, writer: str) -> None:
        planes = case.deepen(case.picture(), 16).transpose(2, 0, 1)
        metadata: dict[str, Any] = {"axes": "CYX"}
        if writer == "ome":
            metadata["Channel"] = {"Name": ["DAPI", "GFP", "RFP"]}
        options = {writer: True, "metadata": metadata, "photometric": "minisblack"}
        data = case.write_tiff(planes, **options)
        error = refuse(data)
        assert (error.code, "3 channels" in error.fact) == ("several-channels", True)
        assert "--data.channels" in error.remedy
        taken = decode(data, reading=replace(MODEL_OF_8_BITS, channels=(3, 2, 1))).rgb
        np.testing.assert_array_equal(taken, case.picture()[..., ::-1])
        wanted: int | str = "gfp" if writer == "ome" else 2
        one = decode(data, reading=replace(MODEL_OF_8_BITS, channels=(wanted,))).rgb
        np.testing.assert_array_equal(one, colours(case.picture()[..., 1]))
        assert refuse(data, replace(MODEL_OF_8_BITS, channels=(4,))).code == "several-channels"

    def test_slices_are_refused(self) -> None:
        data = case.write_tiff(np.zeros((4, 8, 8), np.uint8), imagej=True, metadata={"axes": "ZYX"})
        assert refuse(data).code == "several-planes"

    def test_bands_are_chosen_or_refused(self) -> None:
        bands = np.random.default_rng(0).integers(0, 256, (16, 16, 13)).astype(np.uint8)
        data = case.write_tiff(bands, photometric="minisblack", planarconfig="contig")
        assert refuse(data).code == "several-channels"
        taken = decode(data, reading=replace(MODEL_OF_8_BITS, channels=(4, 3, 2))).rgb
        np.testing.assert_array_equal(taken, bands[..., [3, 2, 1]])

    def test_a_statistic_in_max_sample_value_is_no_depth(self) -> None:
        values = case.deepen(case.picture()[..., 0], 12)
        data = case.write_tiff(values, photometric="minisblack", extratags=[(281, "H", 1, 3871, True)])
        assert decode(data).depth.declared is None  # type: ignore[union-attr]

    def test_turned_ones_are_set_upright(self) -> None:
        data = case.write_tiff(
            case.deepen(case.picture(), 16), photometric="rgb", extratags=[(274, "H", 1, 6, True)]
        )
        np.testing.assert_array_equal(decode(data).rgb, np.rot90(case.picture(), -1))

    @pytest.mark.parametrize("options", [{}, {"compression": "zstd"}, {"tile": (16, 16)}])
    def test_cut_ones_are_damaged(self, options: dict[str, Any]) -> None:
        data = case.write_tiff(
            case.deepen(case.picture(), 16).transpose(2, 0, 1), photometric="rgb", **options
        )
        assert refuse(data[: len(data) * 2 // 3]).code in ("truncated", "corrupt")

    def test_without_the_package_the_reason_names_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        error = refuse(CONTAINERS["tiff-16-planar"][0])
        assert error.code == "unsupported-format"
        assert "3 channels of 16 bits, plane by plane" in error.fact
        assert "pip install 'groupwise[science]'" in error.remedy
        decode(CONTAINERS["tiff-16-grey"][0])  # which Pillow reads right

    @pytest.mark.parametrize("tags", [{50706: "B"}, {262: "cfa"}])
    def test_raw_files_are_told_by_their_tags(self, tags: dict[int, str]) -> None:
        options: dict[str, Any] = (
            {"photometric": "cfa"}
            if 262 in tags
            else {"photometric": "rgb", "extratags": [(50706, "B", 4, (1, 4, 0, 0), True)]}
        )
        data = case.write_tiff(case.picture()[..., 0] if 262 in tags else case.picture(), **options)
        error = refuse(data)
        assert (error.code, "camera's raw file" in error.fact) == ("unsupported-format", True)

    def test_pages_below_the_first_tell_a_raw_file_too(self) -> None:
        buffer = io.BytesIO()
        with tifffile.TiffWriter(buffer) as writer:
            writer.write(case.picture(), photometric="rgb", subifds=1, metadata=None)
            writer.write(case.deepen(case.picture()[..., 0], 14), photometric="cfa", metadata=None)
        assert refuse(buffer.getvalue()).code == "unsupported-format"


class TestRule:
    def test_one_bright_pixel_changes_no_scale(self) -> None:
        values = case.deepen(case.picture()[..., 0], 12)
        rule = settle([decode(case.write_cv2(values, ".png")).depth], Reading())  # type: ignore[list-item]
        hot = values.copy()
        hot[0, 0] = 65535
        seen = decode(case.write_cv2(hot, ".png"), reading=rule).rgb
        np.testing.assert_array_equal(seen[1:], decode(case.write_cv2(values, ".png"), reading=rule).rgb[1:])
        assert refuse(case.write_cv2(hot, ".png")).code == "unknown-depth"

    def test_another_depth_than_that_of_the_set_is_refused(self) -> None:
        reading = replace(MODEL_OF_8_BITS, integer_range=(0, 4095))
        error = refuse(CONTAINERS["tiff-16-grey"][0], reading)
        assert (error.code, "whose white is 4095" in error.fact) == ("unknown-depth", True)

    @pytest.mark.parametrize(
        ("low", "high", "expected"),
        [(0, 1, (0, 1)), (-0.01, 1.02, (0, 1)), (0, 240.5, (0, 255)), (0, 40, (0, 40)), (-7, 300, (-7, 300))],
    )
    def test_floats_get_the_range_that_all_lie_in(
        self, low: float, high: float, expected: tuple[float, float]
    ) -> None:
        values = np.linspace(low, high, 600).reshape(20, 30).astype(np.float32)
        depth = decode(case.write_tiff(values, photometric="minisblack")).depth
        found = settle([depth], Reading()).float_range  # type: ignore[list-item]
        np.testing.assert_allclose(found, expected, rtol=1e-6)

    def test_tails_are_left_out_where_asked(self) -> None:
        values = np.linspace(100, 200, 10000).reshape(100, 100).round().astype(np.uint16)
        values[0, 0] = 65535
        asked = Reading(tails_percent=1)
        depth = decode(case.write_cv2(values, ".png"), reading=asked).depth
        low, high = settle([depth], asked).integer_range  # type: ignore[list-item,misc]
        assert (abs(low - 101) <= 1, abs(high - 199) <= 1) == (True, True)

    def test_a_declaration_can_be_set_aside(self) -> None:
        data, _ = CONTAINERS["dicom-12"]
        reading = Reading(trust_declared=False, integer_range=(0, 8190))
        assert decode(data, reading=reading).rgb.max() == 128

    def test_is_said_and_what_comes_out_nearly_black_is_named(self) -> None:
        bits = {"a/10.png": 10, "a/12.png": 12, "a/16.png": 16}
        grey = case.picture()[..., 0]
        deep = {path: decode(case.write_cv2(case.deepen(grey, n), ".png")).depth for path, n in bits.items()}
        rule = settle(list(deep.values()), Reading())  # type: ignore[arg-type]
        said, dark = note_rule(deep, rule)  # type: ignore[arg-type]
        assert "3 pictures of more than 8 bits: in all of them alike 0 becomes black and 65535 white" in said
        assert dark.startswith("2 pictures come out nearly black, such as a/10.png")
        del deep["a/16.png"], deep["a/10.png"]
        assert len(note_rule(deep, settle(list(deep.values()), Reading()))) == 1  # type: ignore[arg-type]

    def test_sets_within_a_small_part_of_the_scale_are_named_and_single_pictures_are_not(self) -> None:
        grey = case.picture()[..., 0].astype(np.uint16)
        narrow = decode(case.write_cv2(20000 + grey, ".png")).depth
        whole = decode(case.write_cv2(case.deepen(case.picture()[..., 0], 16), ".png")).depth
        rule = Reading(integer_range=(0, 65535))
        *_, said = note_rule({"a.png": narrow, "b.png": narrow, "c.png": whole}, rule)  # type: ignore[dict-item]
        assert said.startswith(
            "2 pictures of 3 come out in shades of one grey, such as a.png: its values are 20000"
        )
        assert len(note_rule({"a.png": narrow, "b.png": whole, "c.png": whole}, rule)) == 1  # type: ignore[dict-item]


class TestPng:
    def test_a_transparent_grey_of_16_bits_is_white(self) -> None:
        values = case.deepen(case.picture()[..., 0], 16)
        rgb = decode(case.write_png(values, (b"tRNS", b"\0\0"))).rgb
        assert (rgb[values == 0] == 255).all()
        assert (rgb[values == 65535] == 255).all()
        assert rgb.min() > 0

    @pytest.mark.parametrize(
        ("chunk", "code"),
        [
            ((b"gAMA", (100000).to_bytes(4, "big")), "gamma-not-applied"),
            ((b"gAMA", (45455).to_bytes(4, "big")), None),
            ((b"cICP", bytes([9, 16, 0, 1])), "colours-not-applied"),
            ((b"cICP", bytes([1, 13, 0, 1])), None),
        ],
    )
    def test_colours_that_browsers_apply_are_said(self, chunk: tuple[bytes, bytes], code: str | None) -> None:
        buffer = io.BytesIO()
        Image.fromarray(case.picture()).save(buffer, "PNG")
        plain = buffer.getvalue()
        made = case.write_png(case.deepen(case.picture(), 16), chunk)
        at = made.index(chunk[0]) - 4
        data = plain[:33] + made[at : at + 12 + len(chunk[1])] + plain[33:]
        decoded = decode(data)
        np.testing.assert_array_equal(decoded.rgb, case.picture())
        assert [found for found, _ in decoded.warnings] == ([code] if code else [])


class TestLimit:
    def test_is_an_option(self) -> None:
        data, expected = CONTAINERS["tiff-16-planar"]
        assert refuse(data, Reading(max_pixels=48 * 32 - 1)).code == "decompression-bomb"
        assert decode(data, reading=Reading(max_pixels=48 * 32)).rgb.shape == expected.shape

    def test_lets_a_large_jpeg_in_at_an_eighth(self) -> None:
        buffer = io.BytesIO()
        Image.fromarray(case.picture(320, 480)).save(buffer, "JPEG", quality=95)
        decoded = decode(buffer.getvalue(), reading=Reading(max_pixels=40 * 60))
        assert (decoded.rgb.shape, decoded.width, decoded.height) == ((40, 60, 3), 480, 320)
        assert refuse(buffer.getvalue(), Reading(max_pixels=40 * 60 - 1)).code == "decompression-bomb"


UNREAD = {
    "exr": (b"\x76\x2f\x31\x01" + bytes(60), "OpenEXR"),
    "hdr": (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n", "Radiance"),
    "czi": (b"ZISRAWFILE" + bytes(60), "CZI"),
    "nifti": (b"\x5c\x01\0\0" + bytes(340) + b"n+1\0", "NIfTI"),
    "raf": (b"FUJIFILMCCD-RAW 0201" + bytes(60), "camera's raw file"),
    "cr2": (b"II*\0\x10\0\0\0CR\2\0" + bytes(60), "camera's raw file"),
    "cr3": (b"\0\0\0\x18ftypcrx " + bytes(60), "camera's raw file"),
    "jxl": (b"\xff\x0a" + bytes(60), "JPEG XL"),
}


@pytest.mark.parametrize("name", UNREAD)
def test_a_sound_file_of_an_unread_kind_is_no_damage(name: str) -> None:
    data, word = UNREAD[name]
    error = refuse(data)
    assert error.code == "unsupported-format"
    assert word in error.fact
    assert error.remedy != "Put an image in its place or remove it."
