"""The learning-rate range test on a folder of images: a curve and a suggestion."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from groupwise.console import Console
from groupwise.data.cache import decode_images
from groupwise.data.manifest import Manifest
from groupwise.data.targets import Targets
from groupwise.distributed.world import World, choose_device
from groupwise.errors import UsageError
from groupwise.files import write_atomic
from groupwise.pipeline.train import new_model
from groupwise.recipe.recipe import Recipe, with_fields
from groupwise.report.plots import rate_curve
from groupwise.training.config import FitConfig, FitData
from groupwise.training.rate_range import RateCurve, rate_range_test


def find_rate(manifest: Manifest, recipe: Recipe, out: Path, *, steps: int, console: Console) -> RateCurve:
    """Run the range test on images drawn at random, and write its curve to the PNG file `out`.

    No fold is held out, because nothing is claimed of the network.
    """
    if out.suffix.lower() != ".png":
        raise UsageError(
            "is not the name of a PNG file", place=out, remedy="Give --out a name ending in .png."
        )
    if steps < 10:
        raise UsageError(f"{steps} steps", place="--steps", remedy="Give at least 10; 100 is usual.")
    data = _draw(manifest, recipe, steps * recipe.training.batch_size, console)
    model = new_model(recipe, data.num_classes)
    config = FitConfig.of(with_fields(recipe, {"training.compile": False}))  # so few steps do not repay it
    world = World(device=choose_device(recipe.training.device))
    with console.progress("Raising the learning rate") as progress:
        curve = rate_range_test(model, data, config, world=world, steps=steps, on_step=progress)
    write_atomic(out, rate_curve(curve.rates, curve.losses, curve.suggestion))
    return curve


def _draw(manifest: Manifest, recipe: Recipe, most: int, console: Console) -> FitData:
    """Decode at most `most` images into memory."""
    drawn = np.random.default_rng(recipe.seed).permutation(len(manifest.usable))[:most]
    samples = [manifest.usable[i] for i in drawn]
    targets = Targets.of([sample.label for sample in samples])
    if len(targets.classes) < 2:
        raise UsageError("one class alone", place="DATA", remedy="Give a folder with at least two classes.")
    with console.progress("Decoding images") as progress:
        images = decode_images(
            [manifest.file(sample) for sample in samples],
            [sample.sha256 for sample in samples],
            recipe.data,
            progress=progress,
        )
    rows = np.arange(len(samples))
    return FitData(images, targets.values, train=rows, select=rows[:0])
