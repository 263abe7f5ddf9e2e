"""What the audit needs of one image file, read and decoded once."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from groupwise.audit.copies.hashes import pixel_digest
from groupwise.audit.copies.verify import Photograph, reduce_photograph
from groupwise.audit.keep import sharpness
from groupwise.audit.sessions import Exif
from groupwise.data.archive import read_file
from groupwise.data.decode import UNSETTLED, decode
from groupwise.data.manifest import Manifest
from groupwise.data.pixel_reading import Reading
from groupwise.stats.arrays import Floats, Pixels

_EXIF_IFD, _TAKEN, _MAKE, _MODEL = 0x8769, 0x9003, 0x010F, 0x0110
_FIRST_YEAR = 1900  # what is dated earlier bears the date of a clock that was never set


@dataclass(frozen=True, eq=False)
class Measured:
    """One file: the digest of its pixels, its photograph, and the clues that a model should not need.

    `border_colour` and `mean_colour` are (3,), 0 to 255; `file_bytes` is the size on disk, `sharpness` as of
    `keep.sharpness`.
    """

    digest: str
    photograph: Photograph
    exif: Exif
    format: str
    size_px: tuple[int, int]
    file_bytes: int
    border_colour: Floats
    mean_colour: Floats
    sharpness: float

    @property
    def clues(self) -> dict[str, Any]:
        """All but the photograph, by name."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "photograph"}


def measure(file: Path, reading: Reading = UNSETTLED) -> Measured:
    """Read and decode one file; raises what `decode` raises."""
    data = read_file(file)
    decoded = decode(data, place=file, reading=reading)
    rgb = decoded.rgb
    photograph = reduce_photograph(rgb)
    return Measured(
        digest=pixel_digest(decoded.pixels),
        photograph=photograph,
        exif=_read_exif(data),
        format=decoded.format,
        size_px=(decoded.width, decoded.height),
        file_bytes=len(data),
        border_colour=np.array(cv2.mean(_border(rgb)[None])[:3]),
        mean_colour=np.array(cv2.mean(rgb)[:3]),  # a twentieth of the time of numpy's
        sharpness=sharpness(photograph.grey),
    )


def load_rgb(manifest: Manifest, i: int) -> Pixels:
    """The usable sample number `i` as (H, W, 3)."""
    file = manifest.file(manifest.usable[i])
    return decode(read_file(file), place=file, reading=manifest.reading).rgb


def _border(rgb: Pixels) -> Pixels:
    """The outermost twentieth on each side, (P, 3)."""
    depth = max(1, min(rgb.shape[:2]) // 20)
    sides = (rgb[:depth], rgb[-depth:], rgb[:, :depth], rgb[:, -depth:])
    return np.concatenate([side.reshape(-1, 3) for side in sides])


def _read_exif(data: bytes) -> Exif:
    """Camera and time; damaged EXIF is no EXIF, for the picture itself has been decoded."""
    try:
        # Pillow says aloud which TIFFs it does not know, and those are read by others.
        logging.getLogger("PIL.TiffImagePlugin").setLevel(logging.CRITICAL)
        with Image.open(io.BytesIO(data)) as image:
            exif = image.getexif()
        camera = " ".join(str(exif.get(tag, "")).strip("\0 ") for tag in (_MAKE, _MODEL)).strip()
        taken = str(exif.get_ifd(_EXIF_IFD).get(_TAKEN, "")).strip("\0 ")
        time = datetime.strptime(taken, "%Y:%m:%d %H:%M:%S") if taken else None
        return Exif(camera, time if time and time.year >= _FIRST_YEAR else None)
    except (OSError, ValueError, SyntaxError, KeyError, TypeError, AttributeError, OverflowError):
        return Exif()
