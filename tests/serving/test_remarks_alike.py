"""What scan says of a file, predict and the server say too: the same remarks, refusals and pixels."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from groupwise.data.cache import load_picture
from groupwise.data.decode import Preprocessing, UndecodableImage
from groupwise.data.inspect import inspect
from groupwise.data.manifest import Sample
from groupwise.serving.batching import prepare_picture
from groupwise.serving.intake import Refused
from pixels_case import UNDECLARED, containers, deepen, picture, write_cv2, write_dicom, write_tiff

MODELS = {
    "8 bits": Preprocessing(image_size_px=32),
    "12 bits": Preprocessing(image_size_px=32, integer_range=(0, 4095)),
    "4 channels": Preprocessing(
        image_size_px=32,
        channels=(1, 2, 3, 4),
        channel_count=4,
        channel_ranges=((0, 255),) * 4,
        mean=(0.5,) * 4,
        std=(0.2,) * 4,
    ),
}
RGB = Image.fromarray(picture())
GREY = picture()[..., 0]
DEEP = deepen(picture(), 16)


def write(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(values: Any, photometric: str = "minisblack", **options: Any) -> bytes:
    return write_tiff(values, photometric=photometric, **options)


OTHERS: dict[str, Callable[[], bytes]] = {
    "palette.png": lambda: write(RGB.quantize(), "PNG"),
    "palette-clear.png": lambda: write(RGB.quantize(), "PNG", transparency=3),
    "palette.gif": lambda: write(RGB.quantize(), "GIF"),
    "grey-alpha.png": lambda: write(RGB.convert("LA"), "PNG"),
    "cmyk.jpg": lambda: write(RGB.convert("CMYK"), "JPEG"),
    "cmyk.tif": lambda: write(RGB.convert("CMYK"), "TIFF"),
    "cmyk-16.tif": lambda: tiff(np.dstack([DEEP, DEEP])[..., :4], "separated"),
    "lab.tif": lambda: write(RGB.convert("LAB"), "TIFF"),
    "one-bit.png": lambda: write(RGB.convert("1"), "PNG"),
    "grey-alpha-16.tif": lambda: tiff(np.dstack([DEEP[..., 0]] * 2), extrasamples=[2], planarconfig="contig"),
    "rgb-alpha-16.png": lambda: write_cv2(np.dstack([DEEP, DEEP[..., 0]]), ".png"),
    "bands-4.tif": lambda: tiff(np.dstack([picture(), GREY]), planarconfig="contig"),
    "bands-13.tif": lambda: tiff(np.dstack([DEEP] * 5)[..., :13], planarconfig="contig"),
    "signed.tif": lambda: tiff(deepen(GREY, 12).astype(np.int16) - 1000),
    "float-0-to-255.tif": lambda: tiff(GREY.astype(np.float32)),
    "slices.tif": lambda: write_tiff(np.stack([GREY] * 3), imagej=True, metadata={"axes": "ZYX"}),
    "pages.tif": lambda: tiff(np.stack([GREY] * 3)),
    "dicom-16.dcm": lambda: write_dicom(deepen(GREY, 12)),
    "tiny.png": lambda: write(RGB.resize((4, 4)), "PNG"),
    "long.png": lambda: write(RGB.resize((400, 10)), "PNG"),
    "photoshop.png": lambda: b"8BPS\0\1" + b"\0" * 60,
    "cut.jpg": lambda: write(RGB, "JPEG")[:700],
    "text.png": lambda: b"hello",
    "jpeg.png": lambda: write(RGB, "JPEG"),
}
FILES = (
    {name: content for name, (content, _) in containers().items()}
    | {name: make() for name, make in UNDECLARED.items()}
    | {name: make() for name, make in OTHERS.items()}
)


def told_by_predict(file: Path, preprocessing: Preprocessing) -> tuple[Any, set[str]]:
    try:
        pixels, remarks, _ = load_picture(file, preprocessing)
    except UndecodableImage as error:
        return None, {error.code}
    return pixels, {code for code, _ in remarks}


def told_by_server(data: bytes, preprocessing: Preprocessing) -> tuple[Any, set[str]]:
    try:
        pixels, remarks = prepare_picture(data, preprocessing)
    except Refused as error:
        return None, {error.code}
    return pixels, {code for code, _ in remarks}


@pytest.mark.parametrize("model", MODELS)
def test_the_same_is_said_of_every_file_wherever_it_is_given(tmp_path: Path, model: str) -> None:
    preprocessing, answered = MODELS[model], set()
    for name, data in FILES.items():
        file = tmp_path / name
        file.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scanned = inspect(Sample(name, "cat"), tmp_path, preprocessing.reading)
            pixels, predicted = told_by_predict(file, preprocessing)
            served, said = told_by_server(data, preprocessing)
        assert set(scanned.codes) == predicted, name
        assert predicted - {"wrong-extension"} == said, name  # a server is told no names
        assert (scanned.status == "quarantined") == (pixels is None) == (served is None), name
        if pixels is not None:
            np.testing.assert_array_equal(pixels, served, err_msg=name)
            answered.add(name)
    if model == "4 channels":
        assert answered == {"bands-4.tif"}
    else:
        assert ("png-16-grey" in answered) == (model == "8 bits")
        assert ("png-12-in-16" in answered) == (model == "12 bits")


def test_another_number_of_channels_is_said_before_the_depth(tmp_path: Path) -> None:
    for name in ("png-12-in-16", "png-16-rgb", "signed.tif"):
        (tmp_path / name).write_bytes(FILES[name])
        assert told_by_predict(tmp_path / name, MODELS["4 channels"])[1] == {"several-channels"}, name
