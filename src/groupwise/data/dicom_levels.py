"""Levels of a DICOM picture: modality and VOI transforms, windows and tables (PS3.3 C.11)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from groupwise.data.pixel_reading import Range

Values = npt.NDArray[Any]
# Where the functional groups of an enhanced object hold what others have at the top.
_LEVELS = {
    "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept"),
    "FrameVOILUTSequence": ("WindowCenter", "WindowWidth", "VOILUTFunction"),
}


def settle_levels(dataset: Any) -> None:
    """Bring the levels of an enhanced object's first frame to where plain ones have them (PS3.3 C.7.6.16).

    Elements that are there and empty, as after a removal of what tells who somebody is, say nothing. A slope
    of 0 and a window without a width are no levels, as viewers have it.
    """
    for name in (name for names in _LEVELS.values() for name in names):
        if name in dataset and dataset[name].is_empty:
            del dataset[name]
    for groups in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        for frame in (dataset.get(groups) or [])[:1]:
            for sequence, names in _LEVELS.items():
                for item in (frame.get(sequence) or [])[:1]:
                    for name in names:
                        if name not in dataset and name in item and not item[name].is_empty:
                            setattr(dataset, name, item[name].value)
    for name in ("RescaleSlope", "WindowWidth"):
        if name in dataset and _first(dataset[name].value) == 0:
            del dataset[name]


def to_shown(values: Values, dataset: Any) -> tuple[Values, Range | None]:
    """Values after the modality transform, and those that the window makes black and white.

    None for the latter where the file holds floats and no window.
    """
    changed, ends = _apply_modality(values, dataset)
    if tables := dataset.get("VOILUTSequence"):
        return _apply_table(changed, tables[0], _byte_order(dataset))
    if "WindowCenter" not in dataset or "WindowWidth" not in dataset:
        return _simplify(changed), ends
    if dataset.get("VOILUTFunction") == "SIGMOID":
        return _bend(changed, _first(dataset.WindowCenter), _first(dataset.WindowWidth)), (0, 1)
    return _simplify(changed), _window(dataset)


def _apply_modality(values: Values, dataset: Any) -> tuple[Values, Range | None]:
    """Values in the units of the modality, and the least and greatest that there can be."""
    if tables := dataset.get("ModalityLUTSequence"):
        return _apply_table(values, tables[0], _byte_order(dataset))
    slope, intercept = _first(dataset.get("RescaleSlope", 1)), _first(dataset.get("RescaleIntercept", 0))
    if (slope, intercept) != (1, 0):
        values = values.astype(np.float64) * slope + intercept
    if values.dtype.kind == "f" and "BitsStored" not in dataset:
        return values, None
    bits = int(dataset.BitsStored)
    stored = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if dataset.PixelRepresentation else (0, 2**bits - 1)
    low, high = sorted(end * slope + intercept for end in stored)
    return values, (low, high)


def _bend(values: Values, centre: float, width: float) -> Values:
    """The share of white by the curve of C.11.2.1.3.1."""
    exponents = -4 * (values.astype(np.float64) - centre) / width
    curve: Values = 1 / (1 + np.exp(exponents.clip(-500, 500)))
    return curve.astype(np.float32)


def _byte_order(dataset: Any) -> Literal["<", ">"]:
    return "<" if dataset.file_meta.TransferSyntaxUID.is_little_endian else ">"


def _apply_table(values: Values, item: Any, order: Literal["<", ">"]) -> tuple[Values, Range]:
    """What a table of a modality or VOI LUT sequence makes of values, and its black and white.

    Of a table of 8 bits the entries lie in bytes, or each in 16 bits (PS3.3 C.11.1.1.1); of others some
    writers declare fewer bits than their entries have.
    """
    length, first, bits = (int(value) for value in item.LUTDescriptor)
    table = _read_table(item, length or 2**16, bits, order)
    if first > 32767 and values.min(initial=0) < 0:
        first -= 65536  # a negative number, written as one without a sign
    places = np.rint(values).astype(np.int64) if values.dtype.kind == "f" else values.astype(np.int64)
    white = 2 ** max(bits, int(table.max()).bit_length()) - 1
    return table[(places - first).clip(0, len(table) - 1)], (0, white)


def _read_table(item: Any, length: int, bits: int, order: Literal["<", ">"]) -> Values:
    data = item.LUTData
    if not isinstance(data, bytes):  # pydicom has made numbers of it, of two bytes each
        numbers = np.array([data] if isinstance(data, int) else data, np.int64)
        data, order = (numbers & 0xFFFF).astype("<u2").tobytes(), "<"
    is_packed = bits <= 8 and len(data) < 2 * length
    table = np.frombuffer(data, np.uint8 if is_packed else f"{order}u2")[:length]
    if len(table) < length:
        raise ValueError(f"a table of {length} entries that holds {len(table)}")
    return table.astype(np.uint16)


def _simplify(values: Values) -> Values:
    """Whole numbers where all are: the Hounsfield units of a CT are, though they come as floats."""
    if values.dtype.kind != "f":
        return values
    whole = values.astype(np.int32) if np.abs(values).max(initial=0) < 2**31 else values
    return whole if (whole == values).all() else values.astype(np.float32)


def _window(dataset: Any) -> Range:
    """Black and white of the first linear window (PS3.3 C.11.2.1.2, C.11.2.1.3.2)."""
    centre, width = _first(dataset.WindowCenter), _first(dataset.WindowWidth)
    if dataset.get("VOILUTFunction") == "LINEAR_EXACT":
        return (centre - width / 2, centre + width / 2)
    half = (max(width, 1) - 1) / 2
    # A window of 1 is a step; the least width keeps it one.
    return (centre - 0.5 - max(half, 1e-3), centre - 0.5 + max(half, 1e-3))


def _first(value: Any) -> float:
    return float(value[0] if hasattr(value, "__len__") and not isinstance(value, str) else value)
