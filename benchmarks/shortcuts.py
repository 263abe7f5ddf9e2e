"""What usual shortcuts in preparing a picture cost: labels, probabilities, sets and abstentions that change.

    python benchmarks/shortcuts.py RUN [--pictures 40] [--megapixels 12]

Held-out images of the run, never of `test`, each enlarged to so many megapixels with the noise of a sensor
(--megapixels 0: as they are), prepared by each way and answered by the run's own network. Also whether the
graph of `export --with-preprocessing` prepares them as the product does, and in what time.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
import torch.nn.functional as F
from PIL import Image

from groupwise.data.archive import read_file
from groupwise.data.decode import Preprocessing, Resize, decode
from groupwise.export.material import read_material
from groupwise.export.onnx import OPSET
from groupwise.export.pixels import preprocessing_model
from groupwise.export.pixels_parity import largest_level
from groupwise.inference.predictor import load_run
from groupwise.runs.run import Run

Picture = npt.NDArray[np.uint8]
NOISE = 8  # levels, the standard deviation of a sensor in moderate light
DECIDED = ("label", "prediction_set", "abstain", "unlike")


def main() -> None:
    """Prepare by every way, answer, and print a row each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--pictures", type=int, default=40)
    parser.add_argument("--megapixels", type=float, default=12)
    arguments = parser.parse_args()
    run, predictor = Run.open(arguments.run), load_run(arguments.run)
    preprocessing, shown = predictor.preprocessing, read_material(run).spread(arguments.pictures)
    squares = [replace(preprocessing, resize=resize) for resize in get_args(Resize)]
    graphs = [onnxruntime.InferenceSession(preprocessing_model(one, OPSET)) for one in squares]
    prepared: dict[str, list[Picture]] = {name: [] for name in WAYS}
    found: dict[str, list[tuple[int, float, float]]] = {one.resize: [] for one in squares}
    for number, path in enumerate(shown.paths):
        place = shown.root / path
        picture = enlarge(decode(read_file(place), place=place).rgb, arguments.megapixels, number)
        for name, prepare in WAYS.items():
            prepared[name].append(prepare(picture, preprocessing))
        for one, graph in zip(squares, graphs, strict=True):
            found[one.resize].append(compare(graph, picture, one))
    print(f"{len(shown.paths)} pictures, the last of {picture.shape[1]} x {picture.shape[0]} px")
    for resize, rows in found.items():
        levels, by_graph, by_pillow = zip(*rows, strict=True)
        print(
            f"Graph, {resize}: at most {max(levels)} grey levels off; median processor milliseconds"
            f" {statistics.median(by_graph):.1f}, Pillow's {statistics.median(by_pillow):.1f}"
        )
    print()
    print("| way | levels off, mean | at most | mean probability | other label | set | abstention | flag |")
    print("|---|---|---|---|---|---|---|---|")
    ours = predictor.answer_images(np.stack(prepared["the product"]))
    for name, images in prepared.items():
        answers = predictor.answer_images(np.stack(images))
        off = np.abs(np.stack(images).astype(int) - np.stack(prepared["the product"]))
        pairs = list(zip(ours, answers, strict=True))
        changed = [sum(getattr(a, field) != getattr(b, field) for a, b in pairs) for field in DECIDED]
        # Of the class that the product says
        probability = np.mean([b.probabilities[a.label] for a, b in pairs])
        cells = [f"{off.mean():.1f}", str(off.max()), f"{probability:.3f}", *map(str, changed)]
        print(f"| {name} | {' | '.join(cells)} |")


def compare(graph: Any, picture: Picture, preprocessing: Preprocessing) -> tuple[int, float, float]:
    """How many levels the graph is off, and the processor milliseconds of it and of Pillow's way."""
    times = [time.process_time()]
    (found,) = graph.run(["images"], {"picture": picture})
    times.append(time.process_time())
    expected = preprocessing.resize_image(picture)
    preprocessing.normalise(expected[None])
    times.append(time.process_time())
    level = largest_level(found[0], expected, preprocessing)
    return level, 1e3 * (times[1] - times[0]), 1e3 * (times[2] - times[1])


def enlarge(picture: Picture, megapixels: float, seed: int) -> Picture:
    """The picture in so many megapixels, with noise, as a camera would have seen it; 0 leaves it as it is."""
    if not megapixels:
        return picture
    height, width = picture.shape[:2]
    factor = (1e6 * megapixels / (height * width)) ** 0.5
    large = Image.fromarray(picture).resize((round(width * factor), round(height * factor)), Image.BICUBIC)
    levels = np.asarray(large, np.float32)
    noise = np.random.default_rng(seed).standard_normal(levels.shape, np.float32) * NOISE
    return np.clip(np.rint(levels + noise), 0, 255).astype(np.uint8)


def by_opencv(interpolation: int) -> Callable[[Picture, Preprocessing], Picture]:
    """`cv2.resize`, the long way to the square."""

    def prepare(picture: Picture, preprocessing: Preprocessing) -> Picture:
        size = (preprocessing.image_size_px,) * 2
        return np.asarray(cv2.resize(picture, size, interpolation=interpolation), np.uint8)

    return prepare


def by_blob(picture: Picture, preprocessing: Preprocessing) -> Picture:
    """`cv2.dnn.blobFromImage`, which scales as INTER_LINEAR does."""
    blob = cv2.dnn.blobFromImage(picture, 1.0, (preprocessing.image_size_px,) * 2)
    return np.rint(blob[0].transpose(1, 2, 0)).astype(np.uint8)


def by_torch(antialias: bool) -> Callable[[Picture, Preprocessing], Picture]:
    """`torch.nn.functional.interpolate`."""

    def prepare(picture: Picture, preprocessing: Preprocessing) -> Picture:
        size: Any = (preprocessing.image_size_px,) * 2
        levels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float()
        scaled = F.interpolate(levels, size, mode="bilinear", align_corners=False, antialias=antialias)
        return scaled[0].permute(1, 2, 0).round().clamp(0, 255).byte().numpy()

    return prepare


WAYS: dict[str, Callable[[Picture, Preprocessing], Picture]] = {
    "the product": lambda picture, preprocessing: preprocessing.resize_image(picture),
    "torch, bilinear, antialias": by_torch(antialias=True),
    "OpenCV, INTER_AREA": by_opencv(cv2.INTER_AREA),
    "OpenCV, INTER_LINEAR": by_opencv(cv2.INTER_LINEAR),
    "OpenCV, blobFromImage": by_blob,
    "torch, bilinear": by_torch(antialias=False),
    "OpenCV, INTER_NEAREST": by_opencv(cv2.INTER_NEAREST),
    "OpenCV, INTER_AREA, blue and red not swapped": lambda picture, preprocessing: by_opencv(cv2.INTER_AREA)(
        picture, preprocessing
    )[..., ::-1],
}


if __name__ == "__main__":
    main()
