"""Decoding agrees with references, mode by mode, and nothing but UndecodableImage comes out of bad bytes."""

from __future__ import annotations

import io
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from groupwise.data import decode as decode_module
from groupwise.data import header
from groupwise.data.decode import Preprocessing, UndecodableImage, decode
from groupwise.errors import UsageError

Encode = Callable[..., bytes]
LOSSLESS = ["PNG", "TIFF", "WEBP"]
FORMATS = ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "PPM", "JPEG2000"]


def codes(data: bytes, **options: Any) -> list[str]:
    return [code for code, _ in decode(data, **options).warnings]


def refuse(data: bytes) -> str:
    with pytest.raises(UndecodableImage) as caught:
        decode(data, place="x.jpg")
    assert str(caught.value).startswith("x.jpg: ")
    return caught.value.code


class TestOrientation:
    @pytest.mark.parametrize("name", ["JPEG", *LOSSLESS])
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_equals_pillow_s_own(
        self, photo: Image.Image, encode: Encode, exif: Callable[[int], bytes], name: str, orientation: int
    ) -> None:
        options = {"lossless": True} if name == "WEBP" else {}
        data = encode(photo, name, exif=exif(orientation), **options)
        with Image.open(io.BytesIO(data)) as image:
            expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        decoded = decode(data)
        np.testing.assert_array_equal(decoded.rgb, expected)
        assert (decoded.height, decoded.width) == expected.shape[:2]
        assert decoded.warnings == ()

    @pytest.mark.parametrize("orientation", [0, 9, 65535])
    def test_outside_1_to_8_is_ignored_and_said(
        self, photo: Image.Image, encode: Encode, exif: Callable[[int], bytes], orientation: int
    ) -> None:
        data = encode(photo, "PNG", exif=exif(orientation))
        np.testing.assert_array_equal(decode(data).rgb, np.asarray(photo))
        assert codes(data) == ["exif-orientation-invalid"]

    def test_holds_for_a_draft(
        self, encode: Encode, photo: Image.Image, exif: Callable[[int], bytes]
    ) -> None:
        large = photo.resize((480, 320))
        decoded = decode(encode(large, "JPEG", exif=exif(6)), draft_px=40)
        assert decoded.rgb.shape == (60, 40, 3)
        assert (decoded.width, decoded.height) == (320, 480)


class TestDepth:
    def test_16_bit_grey_is_scaled_to_the_nearest_level(self, encode: Encode) -> None:
        values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
        expected = np.rint(values * (255 / 65535)).astype(np.uint8)
        for name in ("PNG", "TIFF"):
            decoded = decode(encode(Image.fromarray(values), name))
            np.testing.assert_array_equal(decoded.rgb, np.repeat(expected[..., None], 3, axis=-1))
            assert [code for code, _ in decoded.warnings] == ["deep-integer"]
            assert decoded.mode.startswith("I;16")

    @pytest.mark.parametrize("suffix", [".png", ".tiff"])
    def test_16_bit_colour_is_within_one_level(self, suffix: str) -> None:
        values = np.random.default_rng(0).integers(0, 65536, (64, 64, 3), dtype=np.uint16)
        data = cv2.imencode(suffix, values[..., ::-1])[1].tobytes()
        decoded = decode(data)
        assert np.abs(decoded.rgb - np.rint(values / 257)).max() <= 1
        assert decoded.mode == "RGB;16"
        assert codes(data) == ["deep-integer"]

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ([0, 0.5, 1], [0, 128, 255]),
            ([0, 0.5, 200.4], [0, 0, 200]),
            ([-1, 0, 3], [0, 64, 255]),
            ([0, 500, 1000], [0, 128, 255]),
            ([np.nan, 0, 1], [0, 0, 255]),
            ([np.inf, -np.inf, 1], [255, 255, 255]),
            ([-np.inf, np.inf, -5], [0, 0, 0]),
            ([np.nan, np.nan, np.nan], [0, 0, 0]),
            ([-3e38, 0, 3e38], [0, 128, 255]),
        ],
    )
    def test_floats_follow_the_declared_rule(
        self, encode: Encode, values: list[float], expected: list[int]
    ) -> None:
        data = encode(Image.fromarray(np.array([values], dtype=np.float32)), "TIFF")
        assert decode(data).rgb[0, :, 1].tolist() == expected
        assert codes(data) == ["float"]

    def test_integers_beyond_16_bits_are_stretched(self, encode: Encode) -> None:
        values = np.array([[-1000, 0, 1000]], dtype=np.int32)
        assert decode(encode(Image.fromarray(values), "TIFF")).rgb[0, :, 0].tolist() == [0, 128, 255]

    def test_one_bit_becomes_black_and_white(self, photo: Image.Image, encode: Encode) -> None:
        mask = photo.convert("1")
        decoded = decode(encode(mask, "PNG"))
        np.testing.assert_array_equal(decoded.rgb, np.asarray(mask.convert("RGB")))
        assert (decoded.mode, codes(encode(mask, "PNG"))) == ("1", ["one-bit"])

    def test_grey_has_equal_channels(self, photo: Image.Image, encode: Encode) -> None:
        grey = photo.convert("L")
        decoded = decode(encode(grey, "PNG"))
        np.testing.assert_array_equal(decoded.rgb, np.repeat(np.asarray(grey)[..., None], 3, axis=-1))
        assert (decoded.mode, decoded.warnings) == ("L", ())


class TestTransparency:
    def test_is_composited_on_white(self, encode: Encode) -> None:
        rgba = np.array([[[200, 0, 0, 0], [200, 0, 0, 255], [200, 0, 100, 51]]], dtype=np.uint8)
        decoded = decode(encode(Image.fromarray(rgba), "PNG"))
        # 51 is a fifth of 255
        assert decoded.rgb[0].tolist() == [[255, 255, 255], [200, 0, 0], [244, 204, 224]]
        assert [code for code, _ in decoded.warnings] == ["transparency"]

    def test_that_is_nowhere_goes_unsaid(self, photo: Image.Image, encode: Encode) -> None:
        opaque = photo.copy()
        opaque.putalpha(255)
        decoded = decode(encode(opaque, "PNG"))
        np.testing.assert_array_equal(decoded.rgb, np.asarray(photo))
        assert (decoded.mode, decoded.warnings) == ("RGBA", ())

    def test_of_a_palette_and_of_a_single_colour(self, encode: Encode) -> None:
        palette = Image.fromarray(np.array([[0, 1]], dtype=np.uint8), "P")
        palette.putpalette([10, 20, 30, 40, 50, 60])
        assert decode(encode(palette, "PNG", transparency=0)).rgb[0].tolist() == [[255] * 3, [40, 50, 60]]
        grey = Image.fromarray(np.array([[7, 8]], dtype=np.uint8))
        assert decode(encode(grey, "PNG", transparency=7)).rgb[0].tolist() == [[255] * 3, [8] * 3]

    def test_of_grey(self, encode: Encode) -> None:
        pair = Image.merge("LA", [Image.new("L", (1, 1), 100), Image.new("L", (1, 1), 51)])
        assert decode(encode(pair, "PNG")).rgb[0, 0].tolist() == [224] * 3


class TestColour:
    def test_a_wide_profile_is_converted(self, photo: Image.Image, encode: Encode, adobe_rgb: bytes) -> None:
        decoded = decode(encode(photo, "PNG", icc_profile=adobe_rgb))
        # Adobe RGB (1998) to sRGB, both with a D65 white, in linear light; gamut clipped
        matrix = np.array([[1.3983, -0.3983, 0.0], [0.0, 1.0, 0.0], [0.0, -0.0429, 1.0429]])
        light = np.clip((np.asarray(photo) / 255) ** 2.2 @ matrix.T, 0, 1)
        levels = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
        assert np.abs(decoded.rgb - levels).max() < 3
        assert np.abs(decoded.rgb - np.asarray(photo).astype(float)).max() > 20
        [(code, sentence)] = decoded.warnings
        assert code == "icc-converted"
        assert "'Wide and <script>'" in sentence

    def test_srgb_under_another_name_changes_nothing(
        self, photo: Image.Image, encode: Encode, nearly_srgb: bytes
    ) -> None:
        decoded = decode(encode(photo, "PNG", icc_profile=nearly_srgb))
        np.testing.assert_array_equal(decoded.rgb, np.asarray(photo))
        assert decoded.warnings == ()

    def test_an_rgb_profile_on_grey_changes_nothing(
        self, photo: Image.Image, encode: Encode, nearly_srgb: bytes
    ) -> None:
        grey = photo.convert("L")
        decoded = decode(encode(grey, "JPEG", icc_profile=nearly_srgb, quality=100))
        assert decoded.warnings == ()
        assert np.abs(decoded.rgb[..., 0].astype(int) - np.asarray(grey)).max() <= 2

    def test_a_broken_profile_is_ignored_and_said(self, photo: Image.Image, encode: Encode) -> None:
        data = encode(photo, "PNG", icc_profile=b"rubbish" * 30)
        np.testing.assert_array_equal(decode(data).rgb, np.asarray(photo))
        assert codes(data) == ["icc-broken"]

    def test_cmyk_and_ycck_are_converted(self, photo: Image.Image, encode: Encode) -> None:
        data = encode(photo.convert("CMYK"), "JPEG", quality=95)
        assert np.abs(decode(data).rgb - np.asarray(photo).astype(int)).mean() < 6
        assert (decode(data).mode, codes(data)) == ("CMYK", ["cmyk"])
        # the last byte of the marker says how the colours are stored: 0 CMYK, 2 YCCK
        marker = data.index(b"Adobe") + 11
        ycck = data[:marker] + b"\2" + data[marker + 1 :]
        assert codes(ycck) == ["cmyk"]
        assert not np.array_equal(decode(ycck).rgb, decode(data).rgb)

    def test_lab_is_converted(self, encode: Encode) -> None:
        middle = Image.merge("LAB", [Image.new("L", (2, 2), level) for level in (255, 128, 128)])
        data = encode(middle, "TIFF")
        assert decode(data).rgb.min() >= 250
        assert codes(data) == ["colour-space"]


class TestFrames:
    @pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
    def test_the_first_of_several_is_taken_and_said(self, encode: Encode, name: str) -> None:
        red, blue = Image.new("RGB", (16, 16), (255, 0, 0)), Image.new("RGB", (16, 16), (0, 0, 255))
        data = encode(red, name, save_all=True, append_images=[blue])
        assert np.abs(decode(data).rgb[8, 8].astype(int) - (255, 0, 0)).max() < 12
        assert codes(data) == ["several-frames"]
        assert codes(encode(red, name)) == []

    def test_a_phone_s_second_picture_is_no_frame(self, photo: Image.Image, encode: Encode) -> None:
        data = encode(photo, "MPO", save_all=True, append_images=[photo.resize((9, 9))])
        decoded = decode(data)
        assert (decoded.format, decoded.rgb.shape, decoded.warnings) == ("MPO", (32, 48, 3), ())


class TestRefusal:
    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"", "zero-byte"),
            (b"<html>", "wrong-content"),
            (b"%PDF-1.4", "wrong-content"),
            (b"8BPS", "unsupported-format"),
        ],
    )
    def test_of_what_is_no_image(self, data: bytes, code: str) -> None:
        assert refuse(data) == code

    @pytest.mark.parametrize("name", FORMATS)
    def test_of_a_file_cut_in_the_middle(self, photo: Image.Image, encode: Encode, name: str) -> None:
        data = encode(photo, name)
        assert refuse(data[: len(data) // 2]) == "truncated"

    @given(
        cut=st.integers(1, 4) | st.integers(1, 1500),
        progressive=st.booleans(),
        draft_px=st.sampled_from([None, 1, 20]),
    )
    @settings(max_examples=60, deadline=None)
    def test_of_a_jpeg_cut_anywhere_also_as_a_draft(
        self, photo: Image.Image, encode: Encode, cut: int, progressive: bool, draft_px: int | None
    ) -> None:
        data = encode(photo.resize((160, 120)), "JPEG", progressive=progressive)
        try:
            left = decode(data[:-cut], draft_px=draft_px)
        except UndecodableImage:
            assert progressive or cut > 2
        else:  # the marker of its end is no pixel
            np.testing.assert_array_equal(left.rgb, decode(data, draft_px=draft_px).rgb)

    @given(data=st.data(), name=st.sampled_from(FORMATS))
    @settings(max_examples=150, deadline=None)
    def test_of_damage_is_the_only_error(
        self, photo: Image.Image, encode: Encode, data: st.DataObject, name: str
    ) -> None:
        content = bytearray(encode(photo, name))
        for _ in range(data.draw(st.integers(1, 8))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        try:
            decoded = decode(bytes(content))
        except UndecodableImage:
            return
        assert decoded.rgb.dtype == np.uint8
        assert decoded.rgb.ndim == 3

    @given(st.binary(max_size=200))
    @settings(max_examples=60, deadline=None)
    def test_of_a_broken_profile_or_exif_is_never_one(self, noise: bytes) -> None:
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8), (10, 200, 30)).save(
            buffer, "PNG", icc_profile=noise, exif=b"Exif\0\0" + noise
        )
        np.testing.assert_array_equal(decode(buffer.getvalue()).rgb[0, 0], (10, 200, 30))

    @pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
    def test_of_a_bomb_allocates_nothing(self, empty_png: Callable[[int, int], bytes]) -> None:
        for size in ((50_000, 50_000), (1, header.MAX_PIXELS + 1), (9_460, 9_460)):
            began = time.perf_counter()
            assert refuse(empty_png(*size)) == "decompression-bomb"
            assert time.perf_counter() - began < 1
        assert refuse(empty_png(9_459, 9_459)) == "truncated"  # within the limit, and no pixels behind it

    def test_of_a_jpeg_of_countless_scans(self, photo: Image.Image, encode: Encode) -> None:
        data = encode(photo, "JPEG", progressive=True)
        start = data.index(b"\xff\xda")
        end = data.index(b"\xff", start + 2 + struct.unpack(">H", data[start + 2 : start + 4])[0])
        assert refuse(data[:end] + data[start:end] * 300 + data[end:]) == "decompression-bomb"

    def test_of_heic_names_its_plugin(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(header, "_register_heif", lambda: False)
        with pytest.raises(UndecodableImage, match=r"HEIC image.*pip install pillow-heif") as caught:
            decode(b"\0\0\0\x18ftypheic" + bytes(40))
        assert caught.value.code == "heic-unsupported"

    def test_of_heic_is_not_of_avif_under_a_general_brand(self, photo: Image.Image, encode: Encode) -> None:
        data = encode(photo, "AVIF")
        assert decode(data[:8] + b"mif1" + data[12:]).format == "AVIF"

    def test_of_heic_ends_with_its_plugin(self, photo: Image.Image, encode: Encode) -> None:
        pytest.importorskip("pillow_heif", reason="pillow-heif is not installed").register_heif_opener()
        assert (
            np.abs(decode(encode(photo, "HEIF", quality=100)).rgb - np.asarray(photo).astype(int)).mean() < 4
        )


class TestMemory:
    @pytest.mark.parametrize(("limit", "at_once"), [(48 * 32, 1), (48 * 32 * 2, 2), (1, 1)])
    def test_threads_share_a_limit(
        self, photo: Image.Image, encode: Encode, monkeypatch: pytest.MonkeyPatch, limit: int, at_once: int
    ) -> None:
        real, lock, running, most = decode_module.to_srgb, threading.Lock(), 0, 0

        def watch(*arguments: Any) -> Any:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.03)
            with lock:
                running -= 1
            return real(*arguments)

        monkeypatch.setattr(decode_module, "MAX_PIXELS_AT_ONCE", limit)
        monkeypatch.setattr(decode_module, "to_srgb", watch)
        data = encode(photo, "PNG")
        threads = [threading.Thread(target=decode, args=(data,), daemon=True) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=10)
            assert not thread.is_alive()
        assert most == at_once


class TestDraft:
    @pytest.mark.parametrize(
        ("draft_px", "height"), [(1, 60), (60, 60), (61, 120), (240, 240), (241, 480), (999, 480)]
    )
    def test_never_falls_below_the_short_side(
        self, photo: Image.Image, encode: Encode, draft_px: int, height: int
    ) -> None:
        decoded = decode(encode(photo.resize((640, 480)), "JPEG"), draft_px=draft_px)
        assert decoded.rgb.shape[0] == height
        assert (decoded.width, decoded.height) == (640, 480)

    def test_is_the_same_picture(self, photo: Image.Image, encode: Encode) -> None:
        data = encode(photo.resize((640, 480)), "JPEG", quality=95)
        small, full = decode(data, draft_px=120).rgb, Image.fromarray(decode(data).rgb)
        reference = np.asarray(full.resize((160, 120), Image.Resampling.BOX)).astype(int)
        assert np.abs(small - reference).mean() < 1

    def test_of_anything_but_a_jpeg_is_the_whole(self, photo: Image.Image, encode: Encode) -> None:
        assert decode(encode(photo, "PNG"), draft_px=1).rgb.shape == (32, 48, 3)


class TestPreprocessing:
    def test_squash_agrees_with_torch_s_antialiased_resize(self, photo: Image.Image) -> None:
        torch = pytest.importorskip("torch")
        rgb = np.array(photo.resize((300, 200)))
        for interpolation in ("bilinear", "bicubic"):
            ours = Preprocessing(image_size_px=64, interpolation=interpolation).resize_image(rgb)
            batch = torch.from_numpy(rgb).permute(2, 0, 1)[None].float()
            theirs = torch.nn.functional.interpolate(batch, size=(64, 64), mode=interpolation, antialias=True)
            assert np.abs(ours - theirs[0].permute(1, 2, 0).clamp(0, 255).numpy()).max() <= 1.5

    def test_crop_is_the_middle_of_the_scaled_image(self, photo: Image.Image) -> None:
        rgb = np.asarray(photo.resize((300, 200)))
        scaled = Image.fromarray(rgb).resize((96, 64), Image.Resampling.BILINEAR)
        reference = np.asarray(scaled)[:, 16:80].astype(int)
        ours = Preprocessing(image_size_px=64, resize="crop").resize_image(rgb)
        inner = np.abs(ours - reference)[:, 2:-2]  # at the cut the filter sees no further than the square
        assert inner.max() <= 1

    def test_pad_keeps_the_aspect_and_fills_with_the_mean(self) -> None:
        rgb = np.full((100, 200, 3), 9, dtype=np.uint8)
        ours = Preprocessing(image_size_px=64, resize="pad", mean=(0.2, 0.4, 0.6)).resize_image(rgb)
        assert (ours[16:48] == 9).all()
        assert (ours[:16] == (51, 102, 153)).all()
        assert (ours[48:] == (51, 102, 153)).all()

    @pytest.mark.parametrize("shape", [(150, 90), (90, 150), (301, 60), (40, 33)])
    def test_bicubic_scales_the_width_first_in_every_pillow(self, shape: tuple[int, int]) -> None:
        """Pillow 13 begins with the height of some tall ones, 20 levels off where strokes are sharp."""
        height, width = shape
        drawn = np.random.default_rng(0).integers(0, 2, (height, width, 3), dtype=np.uint8) * 255
        image, cubic = Image.fromarray(drawn), Image.Resampling.BICUBIC
        by_width = image.resize((64, height), cubic).resize((64, 64), cubic)
        by_height = image.resize((width, 64), cubic).resize((64, 64), cubic)
        assert np.abs(np.asarray(by_width, int) - np.asarray(by_height, int)).max() > 5
        ours = Preprocessing(image_size_px=64, interpolation="bicubic")
        assert (ours.resize_image(drawn) == np.asarray(by_width)).all()
        side = min(shape)
        left, top = (width - side) / 2, (height - side) / 2
        across = image.resize((64, height), cubic, box=(left, 0, left + side, height))
        middle = across.resize((64, 64), cubic, box=(0, top, 64, top + side))
        assert (replace(ours, resize="crop").resize_image(drawn) == np.asarray(middle)).all()
        bilinear = replace(ours, interpolation="bilinear", resize="crop").resize_image(drawn)
        at_once = image.resize((64, 64), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))
        assert (bilinear == np.asarray(at_once)).all()

    def test_a_strip_of_one_pixel_in_width_grows_to_no_more_than_may_be_read(self) -> None:
        """At 224 px that of a file of 50 million pixels would have been 11,200 million."""
        strip = np.random.default_rng(0).integers(0, 256, (2000, 1, 3), dtype=np.uint8)
        ours = Preprocessing(image_size_px=64, interpolation="bicubic", max_pixels=64 * 2000 - 1)
        at_once = Image.fromarray(strip).resize((64, 64), Image.Resampling.BICUBIC)
        assert (ours.resize_image(strip) == np.asarray(at_once)).all()

    @pytest.mark.parametrize("resize", ["squash", "crop", "pad"])
    @pytest.mark.parametrize("shape", [(1, 20000, 3), (20000, 1, 3), (1, 1, 3), (37, 53, 3)])
    def test_any_shape_becomes_the_same_square(self, resize: Any, shape: tuple[int, int, int]) -> None:
        began = time.perf_counter()
        square = Preprocessing(image_size_px=32, resize=resize).resize_image(np.zeros(shape, dtype=np.uint8))
        assert (square.shape, square.dtype) == ((32, 32, 3), np.uint8)
        assert time.perf_counter() - began < 1

    @pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
    def test_normalise_follows_its_formula(self, dtype: type) -> None:
        preprocessing = Preprocessing(image_size_px=4)
        batch = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype(dtype)
        expected = ((batch / 255 - preprocessing.mean) / preprocessing.std).transpose(0, 3, 1, 2)
        ours = preprocessing.normalise(batch)
        assert ours.dtype == np.float32
        assert ours.flags.c_contiguous
        np.testing.assert_allclose(ours, expected, atol=2e-6)
        np.testing.assert_allclose(
            batch * preprocessing.scale + preprocessing.shift, expected.transpose(0, 2, 3, 1), atol=2e-6
        )

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("image_size_px", 0),
            ("image_size_px", -1),
            ("resize", "stretch"),
            ("interpolation", "nearest"),
            ("mean", (123.7, 116.3, 103.5)),
            ("mean", (0.5, 0.5)),
            ("mean", (float("nan"), 0.5, 0.5)),
            ("std", (0.2, 0.0, 0.2)),
            ("std", (58.4, 57.1, 57.4)),
        ],
    )
    def test_impossible_values_are_refused_by_their_name(self, field: str, value: object) -> None:
        with pytest.raises(UsageError, match=rf"^data\.{field}: .* is out of range\. "):
            replace(Preprocessing(), **{field: value})
