"""Which page of a TIFF is the picture, and what OME says of its depth."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile

import pixels_case as case
from groupwise.data.decode import UndecodableImage, decode
from groupwise.data.formats import detect_format


def pages(*kinds: int, bits: int = 8) -> bytes:
    """Pages of the NewSubfileType `kinds`, reduced ones half as large.

    tifffile has no masks of more than one bit, so those are written as pages, and called masks by hand.
    """
    file, page, mask = io.BytesIO(), b"\xfe\0\4\0\1\0\0\0\2\0\0\0", b"\xfe\0\4\0\1\0\0\0\4\0\0\0"
    with tifffile.TiffWriter(file) as writer:
        for kind in kinds:
            values = case.deepen(case.picture()[..., 0], bits, np.uint16 if bits > 8 else np.uint8)
            writer.write(
                values[::2, ::2] if kind & 1 else values, subfiletype=2 if kind == 4 else kind, metadata=None
            )
    return file.getvalue().replace(page, mask) if 4 in kinds else file.getvalue()


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("kind", "what"), [(1, "a smaller copy"), (4, "a mask")])
def test_a_copy_or_a_mask_ahead_of_the_picture_is_not_taken_for_it(kind: int, what: str, bits: int) -> None:
    with pytest.raises(UndecodableImage, match=rf"{what} of its page 3.*tiffcp IN,2 OUT") as raised:
        decode(pages(kind, kind, 0, bits=bits))
    assert raised.value.code == "unsupported-format"


@pytest.mark.parametrize("kinds", [(0, 1), (0, 4), (1,), (1, 1), (2, 2)])
def test_a_picture_with_copies_behind_it_and_a_copy_alone_are_read(kinds: tuple[int, ...]) -> None:
    found = decode(pages(*kinds)).rgb
    assert found.shape[:2] == ((16, 24) if kinds[0] & 1 else (32, 48))


@pytest.mark.parametrize(
    ("said", "white"), [('SignificantBits="12"', 4095), ('SignificantBits="16"', None), ("", None)]
)
def test_ome_says_how_deep_the_camera_was(said: str, white: int | None) -> None:
    pixels = f'<Pixels SizeC="1" SizeT="1" SizeZ="1" {said}><Channel/></Pixels>'
    text = f'<?xml version="1.0"?><OME><Image>{pixels}</Image></OME>'
    values = case.deepen(case.picture()[..., 0], 12)
    file = io.BytesIO()
    tifffile.imwrite(file, values, description=text, metadata=None)
    depth = decode(file.getvalue()).depth
    assert depth is not None
    assert depth.declared == (None if white is None else (0, white))
    file = io.BytesIO()
    tifffile.imwrite(file, values + 60000, description=text, metadata=None)
    deeper = decode(file.getvalue()).depth
    assert deeper is not None
    assert deeper.declared is None  # which its values contradict


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"\x02\0\0\0UL\x04\0\xc0\0\0\0", True),
        (b"\x08\0\x05\0CS\x0a\0ISO_IR 100", True),
        (b"\x08\0\x16\0\x1a\0\0\x001.2.840", True),
        (b"\x08\0\x77\0CS\x0a\0", False),
        (b"\x02\0\x01\0OB\0\0", False),
    ],
)
def test_dicom_without_a_preamble_is_named(data: bytes, named: bool) -> None:
    content = detect_format(data.ljust(400, b"\0"))
    assert (content.kind == "unsupported") == named
    assert ("dcmconv" in content.remedy) == named
