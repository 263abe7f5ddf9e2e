"""Puts the pictures of a run's test fold into every container and depth of the field, and reads them back.

    python benchmarks/containers.py RUN [--pictures N]     a finished run of 8-bit pictures

Each picture is written anew by tifffile, imagecodecs, OpenCV, Pillow or pydicom, and then

* scanned as a data set of its own, decoded by the rule that the scan decides, compared with the same picture
  in 8 bits (grey with grey), and classified: `read`, `error` (the greatest of all pictures, in levels of 255)
  and `right`, beside what the run says of the 8-bit pictures;
* given to the run as it is, which has learnt from 8 bits: `answered`, or the code of the refusal.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image
from pydicom.uid import ImplicitVRLittleEndian, JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless, RLELossless

from groupwise.data.decode import UndecodableImage, decode
from groupwise.data.manifest import Manifest, Sample, read_manifest
from groupwise.data.pixel_reading import Reading
from groupwise.data.scan import scan_listed
from groupwise.data.split import read_split
from groupwise.inference.predictor import Predictor, load_run
from groupwise.runs.run import Run

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from pixels_case import (
    deepen,
    pnm_text,
    scaled,
    write_cv2,
    write_dicom,
    write_pillow,
    write_png,
    write_tiff,
)

Pixels = np.ndarray
Writer = Callable[[Pixels], bytes]


@dataclass(frozen=True)
class Container:
    """How a picture is written, and which channels are to be chosen of it."""

    suffix: str
    write: Writer
    grey: bool = True
    channels: tuple[int | str, ...] = ()


def _sixteen(pixels: Pixels) -> Pixels:
    return deepen(pixels, 16)


def _twelve(pixels: Pixels) -> Pixels:
    return deepen(pixels, 12)


def _planes(pixels: Pixels) -> Pixels:
    return pixels.transpose(2, 0, 1)


GREY = {"photometric": "minisblack"}
WHITE = {"photometric": "miniswhite"}
RGB = {"photometric": "rgb"}
STACK = {"metadata": {"axes": "CYX"}}
TWELVE = {"BitsStored": 12, "HighBit": 11}
MAX = [(281, "H", 1, 4095, True)]
CONTAINERS = {
    "PNG, 8 bits": Container(".png", lambda g: write_cv2(g, ".png")),
    "PNG, 16 bits": Container(".png", lambda g: write_cv2(_sixteen(g), ".png")),
    "PNG, 12 bits in 16": Container(".png", lambda g: write_cv2(_twelve(g), ".png")),
    "PNG, 10 bits in 16": Container(".png", lambda g: write_cv2(deepen(g, 10), ".png")),
    "PNG, 12 bits in 16, sBIT": Container(".png", lambda g: write_png(_twelve(g), (b"sBIT", b"\x0c"))),
    "PNG, 12 bits scaled to 16, sBIT": Container(
        ".png", lambda g: write_png(scaled(g, 12), (b"sBIT", b"\x0c"))
    ),
    "PNG, 16 bits, RGB": Container(".png", lambda c: write_cv2(_sixteen(c), ".png"), grey=False),
    "PNG, 12 bits in 16, RGB": Container(".png", lambda c: write_cv2(_twelve(c), ".png"), grey=False),
    "PPM, white 4095": Container(".ppm", lambda c: pnm_text(_twelve(c), 4095), grey=False),
    "TIFF, 8 bits, white is zero": Container(".tif", lambda g: write_tiff(255 - g, **WHITE)),
    "TIFF, 8 bits, planar": Container(".tif", lambda c: write_tiff(_planes(c), **RGB), grey=False),
    "TIFF, 16 bits": Container(".tif", lambda g: write_tiff(_sixteen(g), **GREY)),
    "TIFF, 16 bits, white is zero": Container(".tif", lambda g: write_tiff(65535 - _sixteen(g), **WHITE)),
    "TIFF, 12 bits in 16": Container(".tif", lambda g: write_tiff(_twelve(g), **GREY)),
    "TIFF, 12 bits in 16, white is zero": Container(".tif", lambda g: write_tiff(4095 - _twelve(g), **WHITE)),
    "TIFF, 12 bits, MaxSampleValue": Container(
        ".tif", lambda g: write_tiff(_twelve(g), **GREY, extratags=MAX)
    ),
    "TIFF, 12 bits packed": Container(".tif", lambda g: write_tiff(_twelve(g), **GREY, bitspersample=12)),
    "TIFF, 16 bits with a sign": Container(
        ".tif", lambda g: write_tiff((_twelve(g).astype(np.int16) - 2048), **GREY)
    ),
    "TIFF, float 0 to 1": Container(".tif", lambda g: write_tiff((g / 255).astype(np.float32), **GREY)),
    "TIFF, double 0 to 1": Container(".tif", lambda g: write_tiff(g / 255, **GREY)),
    "TIFF, half 0 to 1": Container(".tif", lambda g: write_tiff((g / 255).astype(np.float16), **GREY)),
    "TIFF, 16 bits, RGB": Container(".tif", lambda c: write_tiff(_sixteen(c), **RGB), grey=False),
    "TIFF, 16 bits, planar": Container(".tif", lambda c: write_tiff(_planes(_sixteen(c)), **RGB), grey=False),
    "TIFF, 12 bits in 16, planar": Container(
        ".tif", lambda c: write_tiff(_planes(_twelve(c)), **RGB), grey=False
    ),
    "TIFF, 16 bits, planar, Zstandard": Container(
        ".tif", lambda c: write_tiff(_planes(_sixteen(c)), **RGB, compression="zstd"), grey=False
    ),
    "TIFF, 16 bits, LZW, predictor": Container(
        ".tif", lambda c: write_tiff(_sixteen(c), **RGB, compression="lzw", predictor=True), grey=False
    ),
    "TIFF, 16 bits, Deflate, tiles": Container(
        ".tif", lambda c: write_tiff(_sixteen(c), **RGB, compression="deflate", tile=(64, 64)), grey=False
    ),
    "TIFF, 16 bits, JPEG 2000": Container(
        ".tif", lambda g: write_tiff(_sixteen(g), **GREY, compression="jpeg2000")
    ),
    "BigTIFF, 16 bits, big-endian": Container(
        ".tif", lambda c: write_tiff(_sixteen(c), **RGB, bigtiff=True, byteorder=">"), grey=False
    ),
    "ImageJ stack of 3 channels": Container(
        ".tif", lambda c: write_tiff(_planes(_sixteen(c)), imagej=True, **STACK), grey=False
    ),
    "ImageJ stack, channels 1 2 3": Container(
        ".tif", lambda c: write_tiff(_planes(_sixteen(c)), imagej=True, **STACK), False, (1, 2, 3)
    ),
    "OME-TIFF of 3 channels": Container(
        ".tif", lambda c: write_tiff(_planes(c), ome=True, **GREY, **STACK), grey=False
    ),
    "OME-TIFF, channels 1 2 3": Container(
        ".tif", lambda c: write_tiff(_planes(c), ome=True, **GREY, **STACK), False, (1, 2, 3)
    ),
    "JPEG 2000, 12 bits": Container(
        ".jp2", lambda g: imagecodecs.jpeg2k_encode(_twelve(g), level=0, bitspersample=12)
    ),
    "JPEG-LS, 12 bits in 16": Container(".jls", lambda g: imagecodecs.jpegls_encode(_twelve(g))),
    "lossless JPEG, 12 bits": Container(
        ".jpg", lambda g: imagecodecs.ljpeg_encode(_twelve(g), bitspersample=12)
    ),
    "WebP, lossless": Container(".webp", lambda c: write_pillow(c, "WEBP", lossless=True), grey=False),
    "DICOM, 8 bits": Container(".dcm", lambda g: write_dicom(g)),
    "DICOM, 12 bits": Container(".dcm", lambda g: write_dicom(_twelve(g), **TWELVE)),
    "DICOM, MONOCHROME1": Container(
        ".dcm",
        lambda g: write_dicom(4095 - _twelve(g), **TWELVE, PhotometricInterpretation="MONOCHROME1"),
    ),
    "DICOM, window, rescaled": Container(
        ".dcm",
        lambda g: write_dicom(
            g.astype(np.int16) * 4,
            RescaleSlope=1,
            RescaleIntercept=-100,
            WindowCenter=410.5,
            WindowWidth=1021,
        ),
    ),
    "DICOM, implicit": Container(
        ".dcm", lambda g: write_dicom(_twelve(g), syntax=ImplicitVRLittleEndian, **TWELVE)
    ),
    "DICOM, RLE": Container(".dcm", lambda g: write_dicom(_twelve(g), syntax=RLELossless, **TWELVE)),
    "DICOM, JPEG 2000": Container(
        ".dcm", lambda g: write_dicom(_twelve(g), syntax=JPEG2000Lossless, **TWELVE)
    ),
    "DICOM, JPEG-LS": Container(
        ".dcm",
        lambda g: write_dicom(
            _twelve(g), syntax=JPEGLSLossless, frame=imagecodecs.jpegls_encode(_twelve(g)), **TWELVE
        ),
    ),
    "DICOM, lossless JPEG": Container(
        ".dcm",
        lambda g: write_dicom(
            _twelve(g),
            syntax=JPEGLosslessSV1,
            frame=imagecodecs.ljpeg_encode(_twelve(g), bitspersample=12),
            **TWELVE,
        ),
    ),
    "DICOM, RGB": Container(".dcm", lambda c: write_dicom(c), grey=False),
}


def read_pictures(run: Run, most: int) -> tuple[list[Pixels], list[str]]:
    """The pictures of the test fold in 8 bits, made small so that writing them is quick, and labels."""
    manifest = read_manifest(run.require("manifest.csv"), Path(run.ledger["root"]))
    split = read_split(run.require("split.csv"))
    rows = [split.rows[i] for i in split.indices("test")][:most]
    side = load_run(run.folder).preprocessing.image_size_px
    pictures = []
    for row in rows:
        rgb = decode((manifest.root / row.path).read_bytes()).rgb
        height, width = rgb.shape[:2]
        scale = max(1, min(height, width) // (2 * side))
        pictures.append(np.asarray(Image.fromarray(rgb).resize((width // scale, height // scale))))
    return pictures, [row.label for row in rows]


def scan_one(folder: Path, container: Container, pictures: list[Pixels], labels: list[str]) -> Manifest:
    """Write all pictures into one container, and scan them as a data set."""
    samples = []
    for i, (pixels, label) in enumerate(zip(pictures, labels, strict=True)):
        name = f"{i}{container.suffix}"
        (folder / name).write_bytes(container.write(pixels))
        samples.append(Sample(name, label))
    return scan_listed(folder, samples, reading=Reading(channels=container.channels))


def answer(predictor: Predictor, pictures: list[Pixels], labels: list[str]) -> float:
    """The share of pictures that are classified rightly."""
    images = np.stack([predictor.preprocessing.resize_image(pixels) for pixels in pictures])
    found = [one.label for one in predictor.answer_images(images)]
    return float(np.mean([one == label for one, label in zip(found, labels, strict=True)]))


def as_it_is(folder: Path, manifest: Manifest, reading: Reading) -> str:
    """What the model of 8-bit pictures does with the same files."""
    codes: Counter[str] = Counter()
    for sample in manifest.samples:
        try:
            decode((folder / sample.path).read_bytes(), reading=reading)
            codes["answered"] += 1
        except UndecodableImage as error:
            codes[error.code] += 1
    return ", ".join(f"{n} {code}" for code, n in codes.most_common())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--pictures", type=int, default=10**6)
    arguments = parser.parse_args()
    run = Run.open(arguments.run)
    predictor = load_run(run.folder)
    colour, labels = read_pictures(run, arguments.pictures)
    grey = [np.asarray(Image.fromarray(pixels).convert("L")) for pixels in colour]
    shown = [np.repeat(pixels[..., None], 3, axis=2) for pixels in grey]
    usual = {True: answer(predictor, shown, labels), False: answer(predictor, colour, labels)}
    print(f"{len(colour)} pictures; in 8 bits {usual[False]:.1%} are right, as grey {usual[True]:.1%}\n")
    print("| container | read | error | right | difference | a model of 8 bits |")
    print("|---|---|---|---|---|---|")
    for name, container in CONTAINERS.items():
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            manifest = scan_one(root, container, grey if container.grey else colour, labels)
            read = [
                decode(manifest.file(s).read_bytes(), reading=manifest.reading).rgb for s in manifest.usable
            ]
            model = replace(predictor.preprocessing, channels=container.channels).reading
            told = as_it_is(root, manifest, model)
        if len(read) < len(colour):
            codes = sorted({code for s in manifest.samples if s not in manifest.usable for code in s.codes})
            print(f"| {name} | {len(read)} | | {', '.join(codes)} | | {told} |", flush=True)
            continue
        expected = shown if container.grey else colour
        error = max(int(np.abs(a.astype(int) - b).max()) for a, b in zip(read, expected, strict=True))
        right = answer(predictor, read, labels)
        points = 100 * (right - usual[container.grey])
        print(f"| {name} | {len(read)} | {error} | {right:.1%} | {points:+.1f} | {told} |", flush=True)


if __name__ == "__main__":
    main()
