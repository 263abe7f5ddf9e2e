"""Mean and standard deviation of inputs that are no colours, over the images that are learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from groupwise.data.cache import load_image
from groupwise.data.manifest import Manifest, Sample
from groupwise.data.split import EXCLUDED, Split
from groupwise.recipe.recipe import Recipe
from groupwise.stats.arrays import Floats

MEASURED_IMAGES = 500
LEAST_STD = 1 / 255  # of a channel that is the same everywhere


def with_statistics(recipe: Recipe, manifest: Manifest, split: Split | None = None) -> Recipe:
    """The recipe with what normalises its inputs; as it is where they are colours or the user gave that.

    Measured on images of `train`, or on all that take part where the split has no such fold.
    """
    if not recipe.data.needs_statistics:
        return recipe
    samples = _learnt_from(manifest, split)
    drawn = np.unique(np.linspace(0, len(samples) - 1, min(MEASURED_IMAGES, len(samples))).astype(int))

    def measure(i: int) -> Floats:
        levels = load_image(manifest.file(samples[i]), replace(recipe.data, resize="squash")) / 255
        return np.stack([levels.mean((0, 1)), (levels**2).mean((0, 1))])

    with ThreadPoolExecutor() as pool:
        mean, squares = np.mean(list(pool.map(measure, drawn)), axis=0)
    std = np.sqrt(np.maximum(squares - mean**2, LEAST_STD**2))
    return replace(recipe, data=replace(recipe.data, mean=_rounded(mean), std=_rounded(std)))


def _learnt_from(manifest: Manifest, split: Split | None) -> Sequence[Sample]:
    if split is None:
        return manifest.usable
    samples = {sample.path: sample for sample in manifest.usable}
    rows = [row for row in split.rows if row.fold == "train"]
    return [samples[row.path] for row in rows or split.rows if row.fold != EXCLUDED]


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple(round(float(value), 5) for value in values)
