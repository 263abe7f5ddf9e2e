"""Tables, missing elements and odd bits of DICOM writers give the picture that a viewer shows."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian, RLELossless

import pixels_case as case
from groupwise.data.decode import UndecodableImage, decode

GREY = case.picture()[..., 0]
TWELVE = case.deepen(GREY, 12)
TO_8 = np.rint(np.arange(4096) / 4095 * 255).astype("<u2")


def table(descriptor: list[int], data: Any, vr: str = "US", vr_of_first: str = "US") -> list[Dataset]:
    item = Dataset()
    item.LUTDescriptor, item.LUTData = descriptor, data
    item["LUTDescriptor"].VR, item["LUTData"].VR = vr_of_first, vr
    return [item]


def error_of(data: bytes, expected: np.ndarray) -> int:
    return int(np.abs(decode(data).rgb[..., 0].astype(int) - expected).max())


TABLES: dict[str, tuple[np.ndarray, list[Dataset], dict[str, Any]]] = {
    "8 bits in words": (TWELVE, table([4096, 0, 8], TO_8.tolist()), {}),
    "8 bits in words, as bytes": (TWELVE, table([4096, 0, 8], TO_8.tobytes(), "OW"), {}),
    "8 bits in bytes": (TWELVE, table([4096, 0, 8], TO_8.astype("u1").tobytes(), "OW"), {}),
    "8 bits in bytes, as numbers": (
        TWELVE,
        table([4096, 0, 8], TO_8.astype("u1").view("<u2").tolist()),
        {},
    ),
    "9 bits": (TWELVE, table([4096, 0, 9], (np.arange(4096) // 8).tolist()), {}),
    "more bits than declared": (TWELVE, table([4096, 0, 8], np.arange(4096).tolist()), {}),
    "of signed values": (
        TWELVE.astype(np.int16) - 2048,
        table([4096, -2048, 12], np.arange(4096).tolist(), vr_of_first="SS"),
        {"HighBit": 11},
    ),
    "of signed values, written without a sign": (
        TWELVE.astype(np.int16) - 2048,
        table([4096, 65536 - 2048, 12], np.arange(4096).tolist()),
        {"HighBit": 11},
    ),
    "behind a rescaling to fractions": (
        TWELVE,
        table([2048, 0, 8], TO_8[::2].tolist()),
        {"RescaleSlope": 0.5, "RescaleIntercept": 0},
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_give_their_entry_at_every_depth(name: str) -> None:
    values, sequence, tags = TABLES[name]
    assert error_of(case.write_dicom(values, BitsStored=12, VOILUTSequence=sequence, **tags), GREY) <= 1


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_a_modality_table_gives_its_entry(bits: int) -> None:
    entries = np.rint((4095 - np.arange(4096)) / 4095 * (2**bits - 1)).astype(int).tolist()
    data = case.write_dicom(TWELVE, BitsStored=12, ModalityLUTSequence=table([4096, 0, bits], entries))
    assert error_of(data, 255 - GREY) <= 1


def test_a_table_that_lacks_entries_is_damaged() -> None:
    data = case.write_dicom(TWELVE, BitsStored=12, VOILUTSequence=table([4096, 0, 16], list(range(4000))))
    with pytest.raises(UndecodableImage, match="a table of 4096 entries that holds 4000") as caught:
        decode(data)
    assert caught.value.code == "corrupt"


def without_syntax(data: bytes) -> bytes:
    """The file without the element (0002,0010)."""
    at = data.index(b"\x02\x00\x10\x00UI")
    size = 8 + int.from_bytes(data[at + 6 : at + 8], "little")
    group = data.index(b"\x02\x00\x00\x00UL") + 8
    length = int.from_bytes(data[group : group + 4], "little") - size
    return data[:group] + length.to_bytes(4, "little") + data[group + 4 : at] + data[at + size :]


@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian])
def test_plain_pixels_need_no_transfer_syntax(syntax: str | None) -> None:
    options = {} if syntax is None else {"syntax": syntax}
    assert error_of(without_syntax(case.write_dicom(TWELVE, BitsStored=12, HighBit=11, **options)), GREY) <= 1


def test_packed_pixels_without_a_transfer_syntax_are_no_damage() -> None:
    data = case.write_dicom(TWELVE, BitsStored=12, HighBit=11, syntax=RLELossless)
    with pytest.raises(UndecodableImage, match="does not name its transfer syntax") as caught:
        decode(without_syntax(data))
    assert caught.value.code == "unsupported-format"


@pytest.mark.parametrize("name", ["BitsStored", "HighBit", "PixelRepresentation"])
def test_what_a_careless_writer_leaves_out_is_the_usual(name: str) -> None:
    assert error_of(case.write_dicom(GREY, **{name: None}), GREY) == 0


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
def test_kinds_in_small_letters_are_kinds() -> None:
    assert error_of(case.write_dicom(GREY, PhotometricInterpretation="monochrome1"), 255 - GREY) == 0


def test_colours_without_their_order_are_by_pixel() -> None:
    data = case.write_dicom(case.picture(), PlanarConfiguration=None)
    np.testing.assert_array_equal(decode(data).rgb, case.picture())


@pytest.mark.parametrize("values", [TWELVE << 4, TWELVE], ids=["planted", "near miss"])
def test_stored_bits_are_the_upper_ones_where_the_samples_show_it(values: np.ndarray) -> None:
    assert error_of(case.write_dicom(values, BitsStored=12, HighBit=15), GREY) <= 1
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    assert error_of(case.write_dicom(values, BitsStored=12, HighBit=15, **window), GREY) <= 1


@pytest.mark.parametrize("levels", [{"RescaleSlope": 0, "RescaleIntercept": 5}, {"WindowWidth": 0}])
def test_levels_of_nothing_are_none(levels: dict[str, int]) -> None:
    assert error_of(case.write_dicom(TWELVE, BitsStored=12, WindowCenter=0, **levels), GREY) <= 1


@pytest.mark.parametrize(("keyword", "kind"), [("FloatPixelData", "f4"), ("DoubleFloatPixelData", "f8")])
def test_floating_point_pixels_are_read_by_the_rule_of_floats(keyword: str, kind: str) -> None:
    dataset = pydicom.dcmread(io.BytesIO(case.write_dicom(GREY)))
    for name in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        delattr(dataset, name)
    setattr(dataset, keyword, (GREY / 255).astype(kind).tobytes())
    dataset.BitsAllocated = 8 * np.dtype(kind).itemsize
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    decoded = decode(buffer.getvalue())
    np.testing.assert_array_equal(decoded.rgb[..., 0], GREY)
    assert decoded.depth is not None
    assert decoded.depth.kind == "float"


@pytest.mark.parametrize("tags", [{}, {"PhotometricInterpretation": "MONOCHROME1"}])
def test_padding_is_the_darkest_of_the_picture_and_not_its_least(tags: dict[str, str]) -> None:
    values = GREY.astype(np.int16) + 100
    padded = values.copy()
    padded[:4] = -2000
    sound = decode(case.write_dicom(values, PixelPaddingValue=-2000, **tags))
    shown = decode(case.write_dicom(padded, PixelPaddingValue=-2000, **tags))
    assert shown.depth is not None
    assert (shown.depth.low, shown.depth.high) == (100, 355)
    np.testing.assert_array_equal(shown.rgb[4:], sound.rgb[4:])
    assert (shown.rgb[:4] == sound.rgb.min()).all()


def test_a_sigmoid_window_follows_its_formula() -> None:
    tags = {"WindowCenter": 2000, "WindowWidth": 900, "VOILUTFunction": "SIGMOID"}
    expected = 255 / (1 + np.exp(-4 * (TWELVE.astype(float) - 2000) / 900))
    assert error_of(case.write_dicom(TWELVE, BitsStored=12, **tags), np.rint(expected)) <= 1
