"""DICOM files as a viewer of the field shows them: modality and VOI transform, MONOCHROME1, stored bits."""

from __future__ import annotations

import hashlib
import importlib.util
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from groupwise.data.deep import find_frame, read_jpeg2000_size
from groupwise.data.file_notes import Note, to_plain
from groupwise.data.group_names import is_placeholder, spelling_key
from groupwise.data.header import INSTALL_SCIENCE, UndecodableImage
from groupwise.data.pixel_reading import Range
from groupwise.data.samples import Samples

# Unpacks to any size before anything of it can be looked at.
_DEFLATED = "1.2.840.10008.1.2.1.99"
_GREY, _COLOURS = ("MONOCHROME1", "MONOCHROME2"), ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
# Where the functional groups of an enhanced object hold what others have at the top.
_LEVELS = {
    "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept"),
    "FrameVOILUTSequence": ("WindowCenter", "WindowWidth", "VOILUTFunction"),
}
PATIENT = "patient-"
_CONVERT = "Convert it with dcmdjpeg, gdcmconv --raw or dcm2pnm."


@dataclass(frozen=True)
class Header:
    """A DICOM data set whose pixels are not decoded yet."""

    dataset: Any
    width: int
    height: int


def open_dicom(data: bytes, place: object) -> Header:
    """Read all but the pixels; raises `UndecodableImage` for what holds none, or none that is read."""
    if importlib.util.find_spec("pydicom") is None:
        raise _refuse("a DICOM file, which needs the package pydicom", place, _install())
    import pydicom

    try:
        dataset = pydicom.dcmread(io.BytesIO(data))
        syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
        if "PixelData" not in dataset:
            raise _refuse("a DICOM file without a picture", place, "Remove it.")
        width, height = int(dataset.Columns), int(dataset.Rows)
        kind = str(dataset.PhotometricInterpretation)
    except UndecodableImage:
        raise
    except Exception as error:  # pydicom raises nearly everything on a hostile file
        raise UndecodableImage(
            "corrupt",
            f"the DICOM data cannot be read ({to_plain(error)})",
            place=place,
            remedy="Restore it or leave it out.",
        ) from None
    _settle_levels(dataset)
    if syntax == _DEFLATED:
        raise _refuse("a deflated DICOM file", place, "Convert it with `dcmconv +te`.")
    if kind not in (*_GREY, *_COLOURS, "PALETTE COLOR"):
        raise _refuse(f"a DICOM picture in the colours {to_plain(kind)}", place, _CONVERT)
    return Header(dataset, width, height)


def _settle_levels(dataset: Any) -> None:
    """Bring the levels of an enhanced object's first frame to where plain ones have them (PS3.3 C.7.6.16).

    Elements that are there and empty, as after a removal of what tells who somebody is, say nothing.
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


def _refuse(fact: str, place: object, remedy: str) -> UndecodableImage:
    return UndecodableImage("unsupported-format", f"the file holds {fact}", place=place, remedy=remedy)


def _install() -> str:
    return INSTALL_SCIENCE


def read_samples(header: Header, place: object) -> Samples:
    """The first frame, with the values that the window of the file calls black and white."""
    dataset = header.dataset
    values = _decode(dataset, place)
    kind = str(dataset.PhotometricInterpretation)
    declared: Range | None = (0, 2 ** int(dataset.BitsStored) - 1)
    if kind in _GREY:
        values, declared = _to_shown(values, dataset)
    elif kind == "PALETTE COLOR":
        from pydicom.pixels import apply_color_lut

        values = apply_color_lut(values, dataset)
        declared = type_limits(values)
    return Samples(
        values,
        "DICOM",
        f"I;{int(dataset.BitsStored)}" if kind in _GREY else "RGB",
        declared=declared,
        inverted=kind == "MONOCHROME1",
        remarks=_note(dataset),
        group=patient_group(dataset),
    )


def type_limits(values: npt.NDArray[Any]) -> Range:
    """0 and the greatest value of the type of a palette's colours."""
    return (0, int(np.iinfo(values.dtype).max))


def _refuse_other_size(dataset: Any) -> None:
    """A packed frame says its size too; one that says another is damaged, or meant to fill the memory."""
    if not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return
    from pydicom.encaps import get_frame

    frame = get_frame(dataset.PixelData, 0, number_of_frames=int(dataset.get("NumberOfFrames") or 1))
    packed = read_jpeg2000_size(frame) or (find_frame(frame) if frame[:2] == b"\xff\xd8" else None)
    if packed is not None and (packed.width, packed.height) != (dataset.Columns, dataset.Rows):
        raise ValueError(f"its packed frame is of {packed.width} x {packed.height} pixels")


def _decode(dataset: Any, place: object) -> npt.NDArray[Any]:
    """The stored values of the first frame, (H, W) or (H, W, 3), colours as RGB."""
    from pydicom.pixels import pixel_array

    _refuse_other_size(dataset)
    try:
        values: npt.NDArray[Any] = pixel_array(dataset, index=0)
    except (RuntimeError, NotImplementedError) as error:
        words = str(error)
        if not any(part in words for part in ("missing dependencies", "plugin", "not supported")):
            raise
        name = to_plain(dataset.file_meta.TransferSyntaxUID.name)
        fact = f"a DICOM picture packed as {name}, of which no reader is here"
        raise _refuse(fact, place, _install()) from None
    return values


def _to_shown(values: npt.NDArray[Any], dataset: Any) -> tuple[npt.NDArray[Any], Range | None]:
    """Values after the modality transform, and those that the window makes black and white (PS3.3 C.11)."""
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    has_window = "WindowCenter" in dataset and "WindowWidth" in dataset
    stored = _stored_range(dataset)
    if dataset.get("VOILUTSequence") or (has_window and dataset.get("VOILUTFunction") == "SIGMOID"):
        shown = apply_voi_lut(apply_modality_lut(values, dataset), dataset)
        return _simplify(shown), _output_range(dataset, stored)
    changed = apply_modality_lut(values, dataset)
    if has_window:
        return _simplify(changed), _window(dataset)
    if dataset.get("ModalityLUTSequence"):
        bits = int(dataset.ModalityLUTSequence[0].LUTDescriptor[2])
        return _simplify(changed), (0, 2**bits - 1)
    slope, intercept = float(dataset.get("RescaleSlope", 1)), float(dataset.get("RescaleIntercept", 0))
    ends = sorted(end * slope + intercept for end in stored)
    return _simplify(changed), (ends[0], ends[1])


def _simplify(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Whole numbers where all are: the Hounsfield units of a CT are, though they come as floats."""
    if values.dtype.kind != "f":
        return values
    whole = values.astype(np.int32) if np.abs(values).max(initial=0) < 2**31 else values
    return whole if (whole == values).all() else values.astype(np.float32)


def _stored_range(dataset: Any) -> Range:
    bits = int(dataset.BitsStored)
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if dataset.PixelRepresentation else (0, 2**bits - 1)


def _output_range(dataset: Any, stored: Range) -> Range:
    """What the VOI transform of pydicom gives values in."""
    tables = dataset.get("VOILUTSequence")
    if tables:
        return (0, 2 ** int(tables[0].LUTDescriptor[2]) - 1)
    slope, intercept = float(dataset.get("RescaleSlope", 1)), float(dataset.get("RescaleIntercept", 0))
    ends = sorted(end * slope + intercept for end in stored)
    return (ends[0], ends[1])


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


def _note(dataset: Any) -> tuple[Note, ...]:
    remarks: list[Note] = []
    if str(dataset.get("BurnedInAnnotation", "")).upper() == "YES":
        remarks.append(("burned-in-text", "the file says that text is burnt into the picture"))
    if int(dataset.get("NumberOfFrames") or 1) > 1:
        remarks.append(("several-frames", "more than one frame or page, of which the first was taken"))
    windows = dataset.get("WindowCenter")
    if hasattr(windows, "__len__") and not isinstance(windows, str) and len(windows) > 1:
        remarks.append(("several-windows", f"{len(windows)} windows, of which the first was taken"))
    return tuple(remarks)


def patient_group(dataset: Any) -> str:
    """A name for the patient that does not tell who it is; "" where the file names none.

    Spellings are joined as those of any group are, which has to be done before they are hashed.

    The identifier is hashed, so that no manifest or report repeats it. Who knows the identifiers of a clinic
    can hash them all: it is a pseudonym, not anonymity.
    """
    patient = str(dataset.get("PatientID") or "")
    if is_placeholder(patient):
        return ""
    patient, issuer = spelling_key(patient), spelling_key(str(dataset.get("IssuerOfPatientID") or ""))
    digest = hashlib.sha256(f"groupwise patient\0{issuer}\0{patient}".encode()).hexdigest()
    return f"{PATIENT}{digest[:16]}"
