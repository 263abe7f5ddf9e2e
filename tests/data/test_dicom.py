"""DICOM files come out as pydicom and the standard have them shown."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial

import imagecodecs
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

import pixels_case as case
from groupwise.data.decode import UndecodableImage, decode

GREY = case.picture()[..., 0]


@pytest.mark.parametrize(
    ("syntax", "pack"),
    [
        (ImplicitVRLittleEndian, None),
        (RLELossless, None),
        (JPEG2000Lossless, None),
        (JPEGLSLossless, imagecodecs.jpegls_encode),
        (JPEGLosslessSV1, partial(imagecodecs.ljpeg_encode, bitspersample=12)),
    ],
    ids=["implicit", "RLE", "JPEG 2000", "JPEG-LS", "lossless JPEG"],
)
def test_packed_pixels_are_those_that_were_packed(syntax: str, pack: Callable[..., bytes] | None) -> None:
    values = case.deepen(GREY, 12)
    plain = decode(case.write_dicom(values, BitsStored=12, HighBit=11))
    frame = pack(values) if pack else None
    packed = decode(case.write_dicom(values, BitsStored=12, HighBit=11, syntax=syntax, frame=frame))
    np.testing.assert_array_equal(packed.rgb, plain.rgb)
    assert np.abs(plain.rgb[..., 0].astype(int) - GREY).max() <= 1


def test_a_jpeg_in_it_is_that_jpeg() -> None:
    frame = case.write_pillow(GREY, "JPEG", quality=95)
    packed = decode(case.write_dicom(GREY, syntax=JPEGBaseline8Bit, frame=frame))
    assert np.abs(packed.rgb.astype(int) - decode(frame).rgb).max() <= 1


def test_a_frame_of_another_size_is_damage() -> None:
    frame = imagecodecs.jpeg2k_encode(np.zeros((64, 64), np.uint8), level=0)
    with pytest.raises(UndecodableImage, match="packed frame is of 64 x 64 pixels") as caught:
        decode(case.write_dicom(GREY, syntax=JPEG2000Lossless, frame=frame))
    assert caught.value.code == "corrupt"


def test_values_below_and_above_the_window_are_black_and_white() -> None:
    values = np.array([[0, 100, 150, 200, 4000]], np.uint16).repeat(8, axis=0)
    shown = decode(case.write_dicom(values, BitsStored=12, WindowCenter=150.5, WindowWidth=101)).rgb[0, :, 0]
    assert shown.tolist() == [0, 0, 128, 255, 255]


def group(**tags: object) -> Dataset:
    item = Dataset()
    for name, value in tags.items():
        setattr(item, name, value)
    return item


def test_levels_in_the_functional_groups_of_an_enhanced_object_count_as_those_at_the_top() -> None:
    values = np.array([[0, 100, 150, 200, 4000]], np.uint16).repeat(8, axis=0)
    levels = {"RescaleSlope": 1, "RescaleIntercept": -1024, "RescaleType": "HU"}
    window = {"WindowCenter": 150.5 - 1024, "WindowWidth": 101}
    plain = case.write_dicom(values, BitsStored=12, **levels, **window)
    shared = group(PixelValueTransformationSequence=[group(**levels)], FrameVOILUTSequence=[group(**window)])
    enhanced = case.write_dicom(values, BitsStored=12, SharedFunctionalGroupsSequence=[shared])
    mixed = case.write_dicom(
        values,
        BitsStored=12,
        SharedFunctionalGroupsSequence=[group(PixelValueTransformationSequence=[group(**levels)])],
        PerFrameFunctionalGroupsSequence=[group(FrameVOILUTSequence=[group(**window)])],
    )
    found = [decode(data).rgb[0, :, 0].tolist() for data in (plain, enhanced, mixed)]
    assert found == [[0, 0, 128, 255, 255]] * 3


def test_levels_that_are_there_and_empty_are_none() -> None:
    empty = dict.fromkeys(("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept"))
    assert (decode(case.write_dicom(GREY, **empty)).rgb == decode(case.write_dicom(GREY)).rgb).all()


def test_a_voi_table_is_applied() -> None:
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [256, 0, 16], list(range(65535, -1, -257))
    table["LUTDescriptor"].VR, table["LUTData"].VR = "US", "US"
    found = decode(case.write_dicom(GREY, VOILUTSequence=[table])).rgb[..., 0]
    assert np.abs(found.astype(int) - (255 - GREY)).max() <= 1


def test_a_palette_is_applied() -> None:
    ramp = (np.arange(256) * 257).astype("<u2")
    tags = {"PhotometricInterpretation": "PALETTE COLOR"}
    for colour, values in (("Red", ramp), ("Green", ramp[::-1]), ("Blue", ramp)):
        tags[f"{colour}PaletteColorLookupTableDescriptor"] = [256, 0, 16]  # type: ignore[assignment]
        tags[f"{colour}PaletteColorLookupTableData"] = values.tobytes()  # type: ignore[assignment]
    found = decode(case.write_dicom(GREY, **tags)).rgb
    np.testing.assert_array_equal(found, np.dstack([GREY, 255 - GREY, GREY]))


class TestPatient:
    def test_is_a_group_that_does_not_tell_the_name(self) -> None:
        one, other = (decode(case.write_dicom(GREY, PatientID=name)).group for name in ("4711", "4712"))
        assert one.startswith("patient-")
        assert one != other
        assert "4711" not in one
        assert decode(case.write_dicom(GREY, PatientID="4711 ")).group == one

    def test_is_none_where_the_file_names_none(self) -> None:
        assert decode(case.write_dicom(GREY)).group == ""


@pytest.mark.parametrize(
    ("tags", "codes"),
    [
        ({"BurnedInAnnotation": "YES"}, ["burned-in-text"]),
        ({"BurnedInAnnotation": "NO"}, []),
        ({"WindowCenter": [128, 40], "WindowWidth": [256, 80]}, ["several-windows"]),
    ],
)
def test_what_a_person_must_know_is_said(tags: dict[str, object], codes: list[str]) -> None:
    found = [code for code, _ in decode(case.write_dicom(GREY, **tags)).warnings]
    assert [code for code in found if code != "deep-integer"] == codes


class TestRefusal:
    def test_of_a_file_without_a_picture(self) -> None:
        error = case.refuse(bytes(128) + b"DICM" + bytes(40))
        assert (error.code, "without a picture" in error.fact) == ("unsupported-format", True)

    def test_of_a_cut_file(self) -> None:
        data = case.write_dicom(case.deepen(GREY, 12), BitsStored=12)
        assert case.refuse(data[:-600]).code in ("corrupt", "truncated")

    def test_of_more_pixels_than_are_decoded(self) -> None:
        assert case.refuse(case.write_dicom(GREY, Rows=60000, Columns=60000)).code == "decompression-bomb"

    def test_names_the_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        data = case.write_dicom(GREY)
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        assert "pip install 'groupwise[science]'" in case.refuse(data).remedy

    def test_of_one_without_its_preamble(self) -> None:
        error = case.refuse(case.write_dicom(GREY)[132:].replace(b"\2\0\0\0UL", b"\x08\0\x05\0CS", 1))
        assert error.code == "unsupported-format"
