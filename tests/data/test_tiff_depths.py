"""Samples of every number of bits, packed as TIFF 6.0 has it, come out whole in both byte orders."""

from __future__ import annotations

import struct
from typing import Literal

import numpy as np
import pytest

import pixels_case as case
from groupwise.data.decode import decode


def pack(values: np.ndarray, bits: int) -> bytes:
    """Samples one behind the other, the upper bit first; each row begins with a new byte."""
    rows = values.reshape(len(values), -1, 1) >> np.arange(bits - 1, -1, -1) & 1
    return np.packbits(rows.astype(np.uint8).reshape(len(values), -1), axis=1).tobytes()


def write_packed(values: np.ndarray, bits: int, order: Literal["<", ">"]) -> bytes:
    """A TIFF of one strip, by hand: tifffile packs samples of big-endian files and of colours wrong."""
    height, width = values.shape[:2]
    channels, strip = values[0, 0].size, pack(values, bits)
    behind = 8 + 2 + 12 * 9 + 4
    samples = struct.pack(f"{order}{channels}H", *[bits] * channels)
    entries = [
        (256, "H", width),
        (257, "H", height),
        (258, "H", bits) if channels == 1 else (258, "offset", behind),
        (259, "H", 1),
        (262, "H", 1 if channels == 1 else 2),
        (273, "I", behind + len(samples)),
        (277, "H", channels),
        (278, "H", height),
        (279, "I", len(strip)),
    ]
    table = b""
    for tag, kind, value in entries:
        head = struct.pack(order + "HHI", tag, 4 if kind == "I" else 3, channels if kind == "offset" else 1)
        table += head + struct.pack(order + ("H" if kind == "H" else "I"), value).ljust(4, b"\0")
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(order + "IH", 8, len(entries)) + table + bytes(4) + samples + strip


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14])
def test_samples_of_any_number_of_bits_are_read(bits: int, order: Literal["<", ">"]) -> None:
    for levels in (case.picture(), case.picture()[..., 0]):
        values = case.deepen(levels, bits)
        shown = decode(write_packed(values, bits, order)).rgb
        expected = np.rint(values / (2**bits - 1) * 255)
        assert np.abs(shown - (expected if levels.ndim == 3 else expected[..., None])).max() <= 1
