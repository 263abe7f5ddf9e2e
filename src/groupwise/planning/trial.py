"""Trials: how fast this machine decodes the user's images and trains a network on them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from groupwise.data.cache import decode_images
from groupwise.distributed.world import World, choose_device
from groupwise.loader.batches import batches, normalise
from groupwise.models.resnext import ResNeXt, one_look
from groupwise.planning.network import network_config
from groupwise.planning.rungs import Rung
from groupwise.planning.suit import Choice
from groupwise.recipe.recipe import Recipe, with_fields
from groupwise.training.config import FitConfig, FitData
from groupwise.training.learner import Learner
from groupwise.training.side_by_side import threads_of_their_own
from groupwise.training.state import TrainState
from groupwise.training.step import take_step

STEPS = 5
WARM_UP = 2  # the first steps choose kernels and fill caches
FEWEST_IMAGES = 16  # a step of a large network, so that its trial takes seconds
MOST_MULTIPLY_ADDS = 70e9  # a step: FEWEST_IMAGES through ResNeXt-50 at 224 px
FILES = 32
ENOUGH_S = 3.0  # of steps after the warm-up; on a busy machine one may take a second
GAIN_OF_THREADS = 1.15  # that all of them have to bring, since others may use the processor later


@dataclass(frozen=True)
class Rates:
    """Seconds an image: to train on it once, to score it, to answer it in float32, and to decode it.

    An epoch is scored in the precision of training, by one look where few may be chosen, and what is reported
    is answered in float32. `compile_s` are the seconds that compiling takes at the start, and None where it
    was tried in vain. `unit_s` is the processor time of a fixed piece of work (`planning.after_training`),
    and `waiting` how many times as long all of this took because others used the processors. `threads` are
    fewer than torch has where they were the faster ones, and `all_threads_s` is what all of them took for an
    image.
    """

    train_s: float
    score_s: float
    answer_s: float
    decode_s: float
    compile_s: float | None = 0.0
    unit_s: float = 0.0
    waiting: float = 1.0
    threads: int | None = None
    all_threads_s: float = 0.0

    def times(self, growth: float) -> Rates:
        """Of a network that asks for so many times the arithmetic."""
        steps = ("train_s", "score_s", "answer_s", "all_threads_s")
        return replace(self, **{name: growth * getattr(self, name) for name in steps})


def measure_rates(recipe: Recipe, num_classes: int, files: Sequence[Path], digests: Sequence[str]) -> Rates:
    """Take a few real steps of the recipe's network on random images, and decode a few of `files`.

    A network of its own is built and thrown away, so nothing that is trained later depends on it.
    """
    with torch.random.fork_rng():
        train_s, score_s, answer_s, compile_s = _measure_steps(recipe, num_classes)
        few, all_s = _fewer_threads(recipe), train_s
        if few is not None:
            fewer = with_fields(recipe, {"training.threads": few})
            few_s, *_ = _measure_steps(fewer, num_classes)
            few, train_s = (few, few_s) if few_s < GAIN_OF_THREADS * all_s else (None, all_s)
    drawn = np.linspace(0, len(files) - 1, min(FILES, len(files))).astype(int)
    start = time.perf_counter()
    decode_images([files[i] for i in drawn], [digests[i] for i in drawn], recipe.data)
    decode_s = (time.perf_counter() - start) / len(drawn)
    return Rates(train_s, score_s, answer_s, decode_s, compile_s, threads=few, all_threads_s=all_s)


def choose_threads(rates: Rates) -> list[Choice]:
    """Fewer than there are, where a trial found them faster."""
    if rates.threads is None:
        return []
    few = "1 thread" if rates.threads == 1 else f"{rates.threads} threads"
    reason = (
        f"In a trial an image took {1000 * rates.train_s:.1f} ms on {few} and"
        f" {1000 * rates.all_threads_s:.1f} on all: they wait for each other, for longer where others use the"
        " processor."
    )
    return [Choice("training.threads", rates.threads, reason)]


def _fewer_threads(recipe: Recipe) -> int | None:
    """How many may be faster than all: one for each piece of a batch; None where nothing is to be tried."""
    training = recipe.training
    own = threads_of_their_own(training.batch_size)
    settled = training.threads is not None or choose_device(training.device).type != "cpu"
    return None if settled or own >= torch.get_num_threads() else own


def _measure_steps(recipe: Recipe, num_classes: int) -> tuple[float, float, float, float | None]:
    """Seconds an image to train on, to score and to answer, and those to compile."""
    world = World(device=choose_device(recipe.training.device))
    n, size = images_a_step(recipe), recipe.data.image_size_px
    rng = np.random.default_rng(0)
    shape = (n, size, size, recipe.data.input_channels)
    images = rng.integers(0, 256, shape, dtype=np.uint8)
    data = FitData(images, np.arange(n) % num_classes, np.arange(n), np.arange(n))
    # Growing images would make the first steps the fastest
    whole = replace(recipe.training, batch_size=n, accumulate=1, start_size_px=None)
    config = FitConfig.of(replace(recipe, training=whole))
    model, faults = ResNeXt(network_config(recipe, data.num_classes)), list[str]()
    learner = Learner.create(model, data, config, world, note=faults.append)
    state = TrainState(learner, WARM_UP + STEPS, 1, world, warn=lambda _: None)
    batch = next(batches(images, data.labels, data.train, batch_size=n, world=world))

    @torch.inference_mode()
    def answer() -> None:
        learner.model(normalise(batch.images.float(), recipe.data))

    def score() -> None:
        with learner.half_precision(), one_look(model) if recipe.training.select_from else nullcontext():
            answer()

    learner.begin()
    first, trained = _step_seconds(
        lambda: take_step(batch, 0.5, state, config, num_classes=data.num_classes), world.device
    )
    compiling = first - trained if recipe.training.compile else 0.0
    learner.model.eval()
    (_, scored), (_, answered) = (_step_seconds(one, world.device) for one in (score, answer))
    return trained / n, scored / n, answered / n, None if faults else compiling


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
        if sum(seconds[WARM_UP:]) > ENOUGH_S:
            break
    return seconds[0], statistics.median(seconds[WARM_UP:])
