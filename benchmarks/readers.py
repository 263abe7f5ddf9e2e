"""Prints how the readers of the field show one picture in each container: the table of docs/data.md.

    python benchmarks/readers.py            seconds; no run is needed

Every container of the tests' corpus is read by Pillow, OpenCV (`IMREAD_UNCHANGED`), tifffile and pydicom as
their manuals say, and by Groupwise. `right` is within two levels of 255 of the picture written, on the
scale of the array's own type; `inverted` is its negative, `dark` a scale that the type does not show, and
`wrong` anything else that was returned without an error. Who does not claim a format is not asked.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
import tifffile
from PIL import Image
from pydicom.pixels import pixel_array

from groupwise.data.decode import UndecodableImage, decode

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from pixels_case import UNDECLARED, containers, picture

Pixels = np.ndarray


def by_pillow(data: bytes) -> Pixels:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def by_opencv(data: bytes) -> Pixels:
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None:
        raise ValueError("nothing")
    return found[..., ::-1] if found.ndim == 3 else found


def by_tifffile(data: bytes) -> Pixels:
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        values = page.asarray()
        return values.transpose(1, 2, 0) if page.axes == "SYX" else values


def by_pydicom(data: bytes) -> Pixels:
    return pixel_array(pydicom.dcmread(io.BytesIO(data)))


def by_groupwise(data: bytes) -> Pixels:
    return decode(data).rgb


READERS: dict[str, tuple[str, Callable[[bytes], Pixels]]] = {
    "Pillow": ("pillow", by_pillow),
    "OpenCV": ("opencv-python-headless", by_opencv),
    "tifffile": ("tifffile", by_tifffile),
    "pydicom": ("pydicom", by_pydicom),
}


def judge(read: Callable[[bytes], Pixels], data: bytes, expected: Pixels) -> str:
    try:
        found = np.asarray(read(data))
    except UndecodableImage as error:
        return error.code
    except Exception:
        return "refused"
    if found.dtype == bool:
        found = found.astype(np.uint8) * 255
    levels = found / _white(found)
    if levels.ndim == 3 and expected.ndim == 2:
        levels = levels[..., 0]
    if levels.shape != expected.shape:
        return "wrong"
    wanted = expected / 255
    for word, seen in (("right", levels), ("inverted", 1 - levels)):
        if np.abs(seen - wanted).max() < 1.6 / 255:
            return word
    return _judge_scale(levels, wanted)


def _judge_scale(levels: Pixels, wanted: Pixels) -> str:
    """Whether the picture is there on another scale, upright or as its negative."""
    brightest = levels.max()
    if brightest <= 0:
        return "wrong"
    scaled = levels / brightest
    for word, seen in (("dark", scaled), ("dark, inverted", 1 - scaled)):
        if np.abs(seen - wanted).max() < 2 / 255:
            return word
    return "wrong"


def _white(values: Pixels) -> float:
    if values.dtype.kind == "f":
        return 1.0
    # Pillow keeps 16 bits in its mode I, of 32.
    return 65535.0 if values.dtype == np.int32 else float(np.iinfo(values.dtype).max)


def claims(reader: str, container: str) -> bool:
    """Whether a reader is one of that format."""
    own = {"tifffile": "tiff", "pydicom": "dicom"}.get(reader)
    return container.startswith(own) if own else not container.startswith("dicom")


def main() -> None:
    rgb = picture()
    undeclared: dict[str, Any] = {
        name: (write(), rgb if name.endswith(("rgb", "planar")) else rgb[..., 0])
        for name, write in UNDECLARED.items()
    }
    heads = [f"{name} {version(package)}" for name, (package, _) in READERS.items()]
    print(f"| container | {' | '.join(heads)} | Groupwise |\n|{'---|' * (len(heads) + 2)}")
    for name, (data, expected) in {**containers(), **undeclared}.items():
        found = [
            judge(read, data, expected) if claims(reader, name) else ""
            for reader, (_, read) in READERS.items()
        ]
        ours = "by the rule of the set" if name in undeclared else judge(by_groupwise, data, expected)
        print(f"| {name} | {' | '.join(found)} | {ours} |")


if __name__ == "__main__":
    main()
