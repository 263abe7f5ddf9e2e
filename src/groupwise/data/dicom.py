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
from groupwise.data.dicom_levels import settle_levels, to_shown
from groupwise.data.file_notes import Note, to_plain
from groupwise.data.group_names import is_placeholder, spelling_key
from groupwise.data.header import INSTALL_SCIENCE, UndecodableImage
from groupwise.data.pixel_reading import Range
from groupwise.data.samples import Samples

# Unpacks to any size before anything of it can be looked at.
_DEFLATED = "1.2.840.10008.1.2.1.99"
_GREY, _COLOURS = ("MONOCHROME1", "MONOCHROME2"), ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
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
        if not any(name in dataset for name in _PIXELS):
            raise _refuse("a DICOM file without a picture", place, "Remove it.")
        _add_usual(dataset, place)
        syntax = str(dataset.file_meta.TransferSyntaxUID)
        width, height = int(dataset.Columns), int(dataset.Rows)
        kind = str(dataset.PhotometricInterpretation)
        settle_levels(dataset)
    except UndecodableImage:
        raise
    except Exception as error:  # pydicom raises nearly everything on a hostile file
        raise UndecodableImage(
            "corrupt",
            f"the DICOM data cannot be read ({to_plain(error)})",
            place=place,
            remedy="Restore it or leave it out.",
        ) from None
    if syntax == _DEFLATED:
        raise _refuse("a deflated DICOM file", place, "Convert it with `dcmconv +te`.")
    if kind not in (*_GREY, *_COLOURS, "PALETTE COLOR"):
        raise _refuse(f"a DICOM picture in the colours {to_plain(kind)}", place, _CONVERT)
    return Header(dataset, width, height)


def _add_usual(dataset: Any, place: object) -> None:
    """Add what a careless writer left out and the file shows: transfer syntax, bits, order of colours.

    Raises `UndecodableImage` where the pixels are packed and nothing says how.
    """
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    if not dataset.file_meta.get("TransferSyntaxUID"):
        if dataset.get("PixelData", b"")[:4] == b"\xfe\xff\x00\xe0":  # the item of an offset table
            fact = "a DICOM picture that is packed and does not name its transfer syntax"
            raise _refuse(fact, place, "Write it anew with the program that it comes from.")
        is_implicit, is_little = dataset.original_encoding
        plain = ExplicitVRLittleEndian if is_little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if is_implicit else plain
    dataset.PhotometricInterpretation = str(dataset.PhotometricInterpretation).strip().upper()
    if "PixelData" not in dataset:
        return
    for name, value in (("BitsStored", dataset.BitsAllocated), ("PixelRepresentation", 0)):
        if dataset.get(name) is None:
            setattr(dataset, name, value)
    if int(dataset.get("SamplesPerPixel") or 1) > 1 and dataset.get("PlanarConfiguration") is None:
        dataset.PlanarConfiguration = 0


def _refuse(fact: str, place: object, remedy: str) -> UndecodableImage:
    return UndecodableImage("unsupported-format", f"the file holds {fact}", place=place, remedy=remedy)


def _install() -> str:
    return INSTALL_SCIENCE


def read_samples(header: Header, place: object) -> Samples:
    """The first frame, with the values that the window of the file calls black and white."""
    dataset = header.dataset
    values = _decode(dataset, place)
    kind = str(dataset.PhotometricInterpretation)
    declared: Range | None = None
    if kind in _GREY:
        values, declared = to_shown(_fill_padding(values, dataset), dataset)
    elif kind == "PALETTE COLOR":
        from pydicom.pixels import apply_color_lut

        values = apply_color_lut(values, dataset)
        declared = type_limits(values)
    else:
        declared = (0, 2 ** int(dataset.BitsStored) - 1)
    bits = int(dataset.get("BitsStored") or dataset.BitsAllocated)
    return Samples(
        values,
        "DICOM",
        f"I;{bits}" if kind in _GREY else "RGB",
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
    shift = _count_bits_below(dataset)
    if shift:
        dataset.BitsStored += shift  # or it would leave out the upper ones
    try:
        values: npt.NDArray[Any] = pixel_array(dataset, index=0)
    except (RuntimeError, NotImplementedError) as error:
        words = str(error)
        if not any(part in words for part in ("missing dependencies", "plugin", "not supported")):
            raise
        name = to_plain(dataset.file_meta.TransferSyntaxUID.name)
        fact = f"a DICOM picture packed as {name}, of which no reader is here"
        raise _refuse(fact, place, _install()) from None
    if shift:
        dataset.BitsStored -= shift
        values = values >> shift
    return values


def _count_bits_below(dataset: Any) -> int:
    """How many bits lie unused below the stored ones, as of old they could.

    Many a writer gives the highest bit of the type and means none: the samples tell.
    """
    stored, top = int(dataset.get("BitsStored") or 0), int(dataset.get("HighBit") or 0) + 1
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated or dataset.BitsAllocated != 16 or not 0 < stored < top <= 16:
        return 0
    order = "<" if syntax.is_little_endian else ">"
    count = min(len(dataset.PixelData) // 2, dataset.Rows * dataset.Columns * dataset.SamplesPerPixel)
    samples = np.frombuffer(dataset.PixelData, f"{order}u2", count)
    is_below = not (samples & 2 ** (top - stored) - 1).any() and (samples >= 2**stored).any()
    return top - stored if is_below else 0


def _fill_padding(values: npt.NDArray[Any], dataset: Any) -> npt.NDArray[Any]:
    """The stored values, with the darkest of the picture where the file says that there is none."""
    padding = dataset.get("PixelPaddingValue")
    if not isinstance(padding, int):
        return values
    other = dataset.get("PixelPaddingRangeLimit")
    low, high = sorted((padding, other if isinstance(other, int) else padding))
    if values.dtype.kind == "i" and low > np.iinfo(values.dtype).max:  # written as without a sign
        low, high = low - 65536, high - 65536
    outside = (values >= low) & (values <= high)
    if outside.all() or not outside.any():
        return values
    inside = values[~outside]
    dark = inside.max() if dataset.PhotometricInterpretation == "MONOCHROME1" else inside.min()
    return np.where(outside, dark, values)


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
