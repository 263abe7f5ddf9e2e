"""Trials: how fast this machine decodes the user's images and trains a network on them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from groupwise.data.cache import decode_images
from groupwise.distributed.world import World, choose_device
from groupwise.loader.batches import batches, normalise
from groupwise.models.resnext import ResNeXt, configure
from groupwise.planning.rungs import Rung
from groupwise.recipe.recipe import Recipe
from groupwise.training.config import FitConfig, FitData
from groupwise.training.learner import Learner
from groupwise.training.state import TrainState
from groupwise.training.step import take_step

STEPS = 5
WARM_UP = 2  # the first steps choose kernels and fill caches
FEWEST_IMAGES = 16  # a step of a large network, so that its trial takes seconds
MOST_MULTIPLY_ADDS = 70e9  # a step: FEWEST_IMAGES through ResNeXt-50 at 224 px
FILES = 32


@dataclass(frozen=True)
class Rates:
    """Seconds an image: to train on it once, to score it, and to decode it.

    `compile_s` are the seconds that compiling takes at the start, and None where it was tried in vain.
    `unit_s` is the processor time of a fixed piece of work (`planning.after_training`), and `waiting` how
    many times as long all of this took because others used the processors.
    """

    train_s: float
    score_s: float
    decode_s: float
    compile_s: float | None = 0.0
    unit_s: float = 0.0
    waiting: float = 1.0


def measure_rates(recipe: Recipe, num_classes: int, files: Sequence[Path], digests: Sequence[str]) -> Rates:
    """Take a few real steps of the recipe's network on random images, and decode a few of `files`.

    A network of its own is built and thrown away, so nothing that is trained later depends on it.
    """
    with torch.random.fork_rng():
        train_s, score_s, compile_s = _measure_steps(recipe, num_classes)
    drawn = np.linspace(0, len(files) - 1, min(FILES, len(files))).astype(int)
    start = time.perf_counter()
    decode_images([files[i] for i in drawn], [digests[i] for i in drawn], recipe.data)
    decode_s = (time.perf_counter() - start) / len(drawn)
    return Rates(train_s, score_s, decode_s, compile_s)


def _measure_steps(recipe: Recipe, num_classes: int) -> tuple[float, float, float | None]:
    """Seconds an image to train on and to score, and those to compile."""
    world = World(device=choose_device(recipe.training.device))
    n, size = images_a_step(recipe), recipe.data.image_size_px
    rng = np.random.default_rng(0)
    shape = (n, size, size, recipe.data.input_channels)
    images = rng.integers(0, 256, shape, dtype=np.uint8)
    data = FitData(images, np.arange(n) % num_classes, np.arange(n), np.arange(n))
    config = FitConfig(
        # Growing images would make the first steps the fastest
        replace(recipe.training, batch_size=n, accumulate=1, start_size_px=None),
        recipe.optim,
        recipe.loss,
        recipe.augment,
        recipe.data,
        recipe.seed,
    )
    counts = {"num_classes": data.num_classes, "in_channels": recipe.data.input_channels}
    overrides = {**recipe.model.overrides, **counts}
    model, faults = ResNeXt(configure(recipe.model.preset, **overrides)), list[str]()
    learner = Learner.create(model, data, config, world, note=faults.append)
    state = TrainState(learner, WARM_UP + STEPS, 1, world, warn=lambda _: None)
    batch = next(batches(images, data.labels, data.train, batch_size=n, world=world))

    @torch.inference_mode()
    def score() -> None:
        learner.model(normalise(batch.images.float(), recipe.data))

    learner.begin()
    first, trained = _step_seconds(
        lambda: take_step(batch, 0.5, state, config, num_classes=data.num_classes), world.device
    )
    compiling = first - trained if recipe.training.compile else 0.0
    learner.model.eval()
    _, scored = _step_seconds(score, world.device)
    return trained / n, scored / n, None if faults else compiling


def images_a_step(recipe: Recipe) -> int:
    """The recipe's own batch, where a step of it is soon done, since small ones cost more an image."""
    rung = Rung(recipe.model.preset, recipe.data.image_size_px)
    affordable = int(MOST_MULTIPLY_ADDS / rung.multiply_adds(recipe))
    return min(recipe.training.batch_size, max(FEWEST_IMAGES, affordable))


def _step_seconds(step: Callable[[], object], device: torch.device) -> tuple[float, float]:
    """Seconds of the first step, and the median of those after the warm-up."""
    seconds = []
    for _ in range(WARM_UP + STEPS):
        start = time.perf_counter()
        step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - start)
    return seconds[0], statistics.median(seconds[WARM_UP:])
