"""Measures how many plainly foreign images the flag for unlike images finds, and each half of it alone.

    python benchmarks/ood.py RUN        a finished run; half a minute, most of it to load torch

The lines of each method are set on the run's selection fold to the same rate of false flags; the test fold is
not read (`metrics.json` has its rate, under `unlike`). Foreign are: pixels of noise, plain colours, gratings,
crops of scikit-learn's two photographs and its handwritten digits, and the fold's own images inverted and cut
into shuffled tiles. The last two share their colours with the training data, so they are the hard ones.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits, load_sample_images

from groupwise.data.cache import Images
from groupwise.data.decode import Preprocessing
from groupwise.data.split import read_split
from groupwise.evaluation.evaluate import read_images
from groupwise.files import read_json
from groupwise.inference.predictor import Predictor, load_run, predict_outputs
from groupwise.runs.run import Run
from groupwise.stats.arrays import Floats
from groupwise.stats.conformal import source_quantile
from groupwise.stats.ood import energies, fit_ood, neighbour_distances

N = 200
RATE = 0.05
TILES = 4


def noise(size: int, rng: np.random.Generator) -> Images:
    return rng.integers(0, 256, (N, size, size, 3)).astype(np.uint8)


def plain(size: int, rng: np.random.Generator) -> Images:
    return np.tile(rng.integers(0, 256, (N, 1, 1, 3)), (1, size, size, 1)).astype(np.uint8)


def gratings(size: int, rng: np.random.Generator) -> Images:
    y, x = np.mgrid[:size, :size] / size
    angle, waves, phase = rng.uniform(0, np.pi, N), rng.uniform(2, 10, N), rng.uniform(0, 2 * np.pi, N)
    along = np.cos(angle)[:, None, None] * x + np.sin(angle)[:, None, None] * y
    wave = np.sin(2 * np.pi * waves[:, None, None] * along + phase[:, None, None])
    return np.repeat((127.5 * (1 + wave))[..., None], 3, axis=3).astype(np.uint8)


def photographs(preprocessing: Preprocessing, rng: np.random.Generator) -> Images:
    photos, crops = load_sample_images().images, []
    for i in range(N):
        photo, side = photos[i % 2], int(rng.integers(96, 300))
        top, left = (int(rng.integers(0, edge - side)) for edge in photo.shape[:2])
        crops.append(preprocessing.resize_image(photo[top : top + side, left : left + side]))
    return np.stack(crops)


def digits(preprocessing: Preprocessing) -> Images:
    grey = np.rint(load_digits().images[:N] * (255 / 16)).astype(np.uint8)
    return np.stack([preprocessing.resize_image(np.repeat(image[..., None], 3, axis=2)) for image in grey])


def shuffled(images: Images, rng: np.random.Generator) -> Images:
    side = images.shape[1] // TILES
    tiles = images[:, : side * TILES, : side * TILES].reshape(-1, TILES, side, TILES, side, 3)
    tiles = tiles.swapaxes(2, 3).reshape(len(images), TILES**2, side, side, 3)
    mixed = np.stack([image[rng.permutation(TILES**2)] for image in tiles])
    mixed = mixed.reshape(-1, TILES, TILES, side, side, 3).swapaxes(2, 3)
    whole = images.copy()
    whole[:, : side * TILES, : side * TILES] = mixed.reshape(-1, side * TILES, side * TILES, 3)
    return whole


def foreign_images(predictor: Predictor, familiar: Images) -> dict[str, Images]:
    rng, size = np.random.default_rng(0), predictor.preprocessing.image_size_px
    return {
        "noise": noise(size, rng),
        "plain colours": plain(size, rng),
        "gratings": gratings(size, rng),
        "photographs": photographs(predictor.preprocessing, rng),
        "handwritten digits": digits(predictor.preprocessing),
        "own, inverted": 255 - familiar,
        "own, shuffled tiles": shuffled(familiar, rng),
    }


def measure(folder: Path) -> list[str]:
    """The table, one line a kind of images."""
    run, predictor = Run.open(folder), load_run(folder)
    if predictor.reference is None:
        raise SystemExit(f"{folder} has no reference; run `groupwise decide {folder}` first")
    reference = predictor.reference
    split = read_split(run.require("split.csv"))
    rows = split.indices("val")
    familiar = read_images(run, [split.rows[i] for i in rows], predictor.preprocessing)
    sources = split.sources[rows]
    outputs = predict_outputs(predictor.model, familiar, predictor.preprocessing)
    far = source_quantile(neighbour_distances(outputs.features, reference), sources, RATE)
    high = source_quantile(energies(outputs.logits), sources, RATE)
    both = fit_ood(*outputs, reference, sources, RATE)

    def cells(images: Images) -> list[Floats | npt.NDArray[np.bool_]]:
        logits, features = predict_outputs(predictor.model, images, predictor.preprocessing)
        distance, energy = neighbour_distances(features, reference), energies(logits)
        return [distance > far, energy > high, both.flags(logits, features, reference)]

    lines = ["| images | n | distance alone | energy alone | both |", "|---|---|---|---|---|"]
    for name, images in foreign_images(predictor, familiar).items():
        shares = " | ".join(f"{100 * flags.mean():.1f} %" for flags in cells(images))
        lines.append(f"| {name} | {len(images)} | {shares} |")
    test = read_json(run.path("metrics.json")).get("test", {}).get("unlike", {}).get("flagged")
    if test is not None:
        limits = f"{100 * test['value']:.1f} % ({100 * test['low']:.1f} to {100 * test['high']:.1f})"
        lines.append(f"| own, of the test fold: false flags | {test['n']} | | | {limits} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="the folder of a finished run")
    print("\n".join(measure(parser.parse_args().run)))


if __name__ == "__main__":
    main()
