"""One picture in every container and depth that the field writes, by the field's own writers.

`containers()` maps a name to the bytes of a file and to the pixels that it must give; whatever is not said in
the file itself, such as 12 bits in 16, is in `UNDECLARED`, and needs the rule of a data set.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pydicom
import tifffile
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, SecondaryCaptureImageStorage

from groupwise.data.decode import UndecodableImage, decode

Pixels = np.ndarray


def picture(height: int = 32, width: int = 48) -> Pixels:
    """Red, green and blue that differ, and grow in different directions; (H, W, 3) uint8 from 0 to 255."""
    y, x = np.mgrid[0:height, 0:width]
    channels = [x * 255 / (width - 1), y * 255 / (height - 1), (x + y) * 127 // 39 % 256]
    return np.dstack(channels).round().astype(np.uint8)


def refuse(data: bytes) -> UndecodableImage:
    """The error by which these bytes are refused."""
    try:
        decode(data, place="x")
    except UndecodableImage as error:
        return error
    raise AssertionError("it was decoded")


def deepen(levels: Pixels, bits: int, dtype: Any = np.uint16) -> Pixels:
    """The same picture on a scale of so many bits."""
    return np.rint(levels.astype(np.float64) / 255 * (2**bits - 1)).astype(dtype)


def write_tiff(values: Pixels, **options: Any) -> bytes:
    """A TIFF as tifffile writes it, without a description unless asked for."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.ascontiguousarray(values), **{"metadata": None, **options})
    return buffer.getvalue()


def png_chunk(name: bytes, content: bytes) -> bytes:
    """A part of a PNG, between its length and its checksum."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def write_png(values: Pixels, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of 16 bits, with chunks that no library here writes, such as sBIT."""

    height, width = values.shape[:2]
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[1 if values.ndim == 2 else values.shape[2]]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)), *chunks]
    body = b"".join(png_chunk(*part) for part in [*parts, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")])
    return b"\x89PNG\r\n\x1a\n" + body


def exif(orientation: int) -> bytes:
    """EXIF data that say which way up a picture is, and nothing else."""
    found = Image.Exif()
    found[0x0112] = orientation
    return found.tobytes()


def write_cv2(values: Pixels, suffix: str) -> bytes:
    """A file as OpenCV writes it, which has blue first."""
    return cv2.imencode(suffix, values[..., ::-1] if values.ndim == 3 else values)[1].tobytes()


def write_pillow(values: Pixels, name: str, **options: Any) -> bytes:
    """A file as Pillow writes it."""
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, name, **options)
    return buffer.getvalue()


def write_dicom(
    values: Pixels, *, syntax: str = ExplicitVRLittleEndian, frame: bytes | None = None, **tags: Any
) -> bytes:
    """A DICOM file of one frame as pydicom writes it; `tags` come last and may be wrong on purpose.

    `frame` are the pixels as another writer packed them for `syntax`.
    """
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = (
        SecondaryCaptureImageStorage,
        ExplicitVRLittleEndian,
    )
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    dataset = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    dataset.SOPClassUID, dataset.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3.4"
    dataset.Rows, dataset.Columns = values.shape[:2]
    dataset.SamplesPerPixel = 1 if values.ndim == 2 else 3
    dataset.PhotometricInterpretation = "MONOCHROME2" if values.ndim == 2 else "RGB"
    if values.ndim == 3:
        dataset.PlanarConfiguration = 0
    bits = values.dtype.itemsize * 8
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, int(values.dtype.kind == "i")
    for name, value in tags.items():
        setattr(dataset, name, value)
    dataset.PixelData = np.ascontiguousarray(values).tobytes()
    dataset["PixelData"].VR = "OW" if bits > 8 else "OB"
    if frame is not None:
        dataset.PixelData = encapsulate([frame])
        dataset["PixelData"].VR = "OB"
    if frame is not None or syntax == ImplicitVRLittleEndian:
        meta.TransferSyntaxUID = syntax
    elif syntax != ExplicitVRLittleEndian:
        dataset.compress(syntax, generate_instance_uid=False)
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def containers() -> dict[str, tuple[bytes, Pixels]]:
    """Files that say themselves how they are to be read, or use all of their bits, and their pixels."""
    rgb = picture()
    grey = rgb[..., 0]
    deep, deep_grey = deepen(rgb, 16), deepen(grey, 16)
    planes = deep.transpose(2, 0, 1)
    files: dict[str, tuple[Callable[[], bytes], Pixels]] = {
        "png-16-grey": (lambda: write_cv2(deep_grey, ".png"), grey),
        "png-16-rgb": (lambda: write_cv2(deep, ".png"), rgb),
        "png-12-in-16-sbit": (lambda: write_png(deepen(grey, 12), (b"sBIT", b"\x0c")), grey),
        "png-12-scaled-sbit": (lambda: write_png(scaled(grey, 12), (b"sBIT", b"\x0c")), grey),
        "png-12-in-16-sbit-rgb": (lambda: write_png(deepen(rgb, 12), (b"sBIT", b"\x0c\x0c\x0c")), rgb),
        "pgm-4095": (lambda: b"P5\n48 32\n4095\n" + deepen(grey, 12).astype(">u2").tobytes(), grey),
        "ppm-1023": (lambda: b"P6 48 32 1023 " + deepen(rgb, 10).astype(">u2").tobytes(), rgb),
        "ppm-text-4095": (lambda: pnm_text(deepen(rgb, 12), 4095), rgb),
        "tiff-8-planar": (lambda: write_tiff(rgb.transpose(2, 0, 1), photometric="rgb"), rgb),
        "tiff-8-white-is-zero": (lambda: write_tiff(255 - grey, photometric="miniswhite"), grey),
        "tiff-1-white-is-zero": (
            lambda: write_tiff(grey < 128, photometric="miniswhite"),
            np.where(grey < 128, 0, 255).astype(np.uint8),
        ),
        "tiff-16-grey": (lambda: write_tiff(deep_grey, photometric="minisblack"), grey),
        "tiff-16-white-is-zero": (lambda: write_tiff(65535 - deep_grey, photometric="miniswhite"), grey),
        "tiff-16-rgb": (lambda: write_tiff(deep, photometric="rgb"), rgb),
        "tiff-16-planar": (lambda: write_tiff(planes, photometric="rgb"), rgb),
        "tiff-16-planar-zstd": (lambda: write_tiff(planes, photometric="rgb", compression="zstd"), rgb),
        "tiff-16-lzw-predictor": (
            lambda: write_tiff(deep, photometric="rgb", compression="lzw", predictor=True), rgb),
        "tiff-16-deflate-tiles": (
            lambda: write_tiff(deep, photometric="rgb", compression="deflate", tile=(16, 16)), rgb),
        "tiff-16-big": (lambda: write_tiff(deep, photometric="rgb", bigtiff=True), rgb),
        "tiff-16-big-endian": (lambda: write_tiff(planes, photometric="rgb", byteorder=">"), rgb),
        "tiff-16-jpeg2000": (
            lambda: write_tiff(deep_grey, photometric="minisblack", compression="jpeg2000"), grey),
        "tiff-12-max-sample-value": (
            lambda: write_tiff(
                deepen(grey, 12), photometric="minisblack", extratags=[(281, "H", 1, 4095, True)]), grey),
        "tiff-12-white-max-sample-value": (
            lambda: write_tiff(
                4095 - deepen(grey, 12), photometric="miniswhite", extratags=[(281, "H", 1, 4095, True)]),
            grey,
        ),
        "tiff-12-packed": (
            lambda: write_tiff(deepen(grey, 12), photometric="minisblack", bitspersample=12,
                               compression=None), grey),
        "tiff-float-0-to-1": (
            lambda: write_tiff((grey / 255).astype(np.float32), photometric="minisblack"), grey),
        "tiff-double-0-to-1": (lambda: write_tiff(grey / 255, photometric="minisblack"), grey),
        "tiff-half-0-to-1": (
            lambda: write_tiff((grey / 255).astype(np.float16), photometric="minisblack"), grey),
        "tiff-float-rgb": (lambda: write_tiff((rgb / 255).astype(np.float32), photometric="rgb"), rgb),
        "tiff-16-ome-rgb": (
            lambda: write_tiff(deep, photometric="rgb", ome=True, metadata={"axes": "YXS"}), rgb),
        "tiff-16-imagej": (lambda: write_tiff(deep_grey, imagej=True, metadata={"axes": "YX"}), grey),
        "jp2-12-grey": (lambda: imagecodecs.jpeg2k_encode(deepen(grey, 12), level=0, bitspersample=12), grey),
        "jp2-12-rgb": (lambda: imagecodecs.jpeg2k_encode(deepen(rgb, 12), level=0, bitspersample=12), rgb),
        "jpeg-lossless-12": (lambda: imagecodecs.ljpeg_encode(deepen(grey, 12), bitspersample=12), grey),
        "dicom-8": (lambda: write_dicom(grey), grey),
        "dicom-rgb": (lambda: write_dicom(rgb), rgb),
        "dicom-12": (lambda: write_dicom(deepen(grey, 12), BitsStored=12, HighBit=11), grey),
        "dicom-12-monochrome1": (
            lambda: write_dicom(4095 - deepen(grey, 12), BitsStored=12, HighBit=11,
                                PhotometricInterpretation="MONOCHROME1"), grey),
        "dicom-window": (
            # 4 x grey - 100 is shown from -100 to 920: centre 410.5, width 1021
            lambda: write_dicom(grey.astype(np.int16) * 4, RescaleSlope=1, RescaleIntercept=-100,
                                WindowCenter=410.5, WindowWidth=1021), grey),
    }  # fmt: skip
    return {name: (write(), expected) for name, (write, expected) in files.items()}


# Nothing in these says which value is white.
UNDECLARED: dict[str, Callable[[], bytes]] = {
    "png-12-in-16": lambda: write_cv2(deepen(picture()[..., 0], 12), ".png"),
    "png-12-in-16-rgb": lambda: write_cv2(deepen(picture(), 12), ".png"),
    "tiff-12-in-16": lambda: write_tiff(deepen(picture()[..., 0], 12), photometric="minisblack"),
    "tiff-12-in-16-planar": lambda: write_tiff(deepen(picture(), 12).transpose(2, 0, 1), photometric="rgb"),
    "tiff-12-in-16-white-is-zero": lambda: write_tiff(
        4095 - deepen(picture()[..., 0], 12), photometric="miniswhite"
    ),
    "pgm-12-in-65535": lambda: b"P5\n48 32\n65535\n" + deepen(picture()[..., 0], 12).astype(">u2").tobytes(),
    "jpeg-ls-12-in-16": lambda: imagecodecs.jpegls_encode(deepen(picture()[..., 0], 12)),
    "jp2-12-in-16": lambda: imagecodecs.jpeg2k_encode(deepen(picture()[..., 0], 12), level=0),
}


def scaled(levels: Pixels, bits: int) -> Pixels:
    """So many bits, scaled up to 16 as the PNG standard has it."""
    return np.rint(deepen(levels, bits) * (65535 / (2**bits - 1))).astype(np.uint16)


def pnm_text(values: Pixels, white: int) -> bytes:
    """A PPM in plain text, with a comment where one may stand."""
    height, width = values.shape[:2]
    return (
        f"P3 # by hand\n{width} {height}\n{white}\n{' '.join(map(str, values.ravel().tolist()))}\n".encode()
    )
