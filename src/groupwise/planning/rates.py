"""Measures how fast this machine decodes the user's images and trains a network on them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from groupwise.data.augment import augment
from groupwise.data.batches import normalise
from groupwise.data.cache import decode_images
from groupwise.distributed import choose_device
from groupwise.models.resnext import ResNeXt, configure
from groupwise.recipe import Recipe
from groupwise.training.loss import summed_loss
from groupwise.training.optim import make_optimizer

STEPS = 5
WARM_UP = 2  # the first steps choose kernels and fill caches
MOST_IMAGES = 16  # a step, so that the trial of a large network takes seconds; batch norm needs more than one
FILES = 32


@dataclass(frozen=True)
class Rates:
    """Seconds an image: to train on it once, to score it, and to decode it."""

    train_s: float
    score_s: float
    decode_s: float


def measure_rates(recipe: Recipe, num_classes: int, files: Sequence[Path], digests: Sequence[str]) -> Rates:
    """Take a few real steps of the recipe's network on random images, and decode a few of `files`.

    A network of its own is built and thrown away, so nothing that is trained later depends on it.
    """
    with torch.random.fork_rng():
        train_s, score_s = _measure_steps(recipe, num_classes)
    drawn = np.linspace(0, len(files) - 1, min(FILES, len(files))).astype(int)
    start = time.perf_counter()
    decode_images([files[i] for i in drawn], [digests[i] for i in drawn], recipe.data)
    return Rates(train_s, score_s, (time.perf_counter() - start) / len(drawn))


def _measure_steps(recipe: Recipe, num_classes: int) -> tuple[float, float]:
    device = choose_device(recipe.training.device)
    config = configure(recipe.model.preset, **{**recipe.model.overrides, "num_classes": num_classes})
    model: nn.Module = ResNeXt(config).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = make_optimizer(model, recipe.optim)
    size, n = recipe.data.image_size_px, min(recipe.training.batch_size, MOST_IMAGES)
    raw = torch.randint(0, 256, (n, 3, size, size), dtype=torch.uint8, device=device)
    labels = torch.randint(0, num_classes, (n,), device=device)
    samples = torch.arange(n, device=device)

    def train() -> None:
        images = augment(raw.float(), samples, recipe.augment, seed=0, epoch=1)
        loss = summed_loss(model(normalise(images, recipe.data)), labels, recipe.loss)
        optimizer.zero_grad(set_to_none=True)
        (loss / n).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    @torch.inference_mode()
    def score() -> None:
        model(normalise(raw.float(), recipe.data))

    model.train()
    trained = _median_seconds(train, device)
    model.eval()
    return trained / n, _median_seconds(score, device) / n


def _median_seconds(step: Callable[[], object], device: torch.device) -> float:
    seconds = []
    for _ in range(WARM_UP + STEPS):
        start = time.perf_counter()
        step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[WARM_UP:])
