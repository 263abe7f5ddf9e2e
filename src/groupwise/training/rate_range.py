"""Learning-rate range test: the loss at a rate that rises from step to step, and the rate it suggests.

The range test of Smith 2015 (arXiv 1506.01186, section 3.3), with the rate raised exponentially.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from torch import nn

from groupwise.distributed.world import World
from groupwise.errors import GroupwiseError
from groupwise.loader.batches import Batch
from groupwise.training.checkpoint import Moment
from groupwise.training.config import FitConfig, FitData
from groupwise.training.epoch import training_batches
from groupwise.training.learner import Learner
from groupwise.training.optimizer import set_learning_rate
from groupwise.training.step import training_inputs

LOWEST, HIGHEST = 1e-6, 10.0
SMOOTHING = 0.9  # weight of the past in the smoothed loss
RUN_AWAY = 3.0  # times the lowest smoothed loss, at which there is nothing more to see
MARGIN = 10.0  # how far below the rate of the lowest loss training is safe


@dataclass(frozen=True)
class RateCurve:
    """The loss of each step at its rate, smoothed."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]

    @property
    def suggestion(self) -> float:
        """A tenth of the rate at which the loss was lowest."""
        return self.rates[int(np.argmin(self.losses))] / MARGIN


def rate_range_test(
    model: nn.Module,
    data: FitData,
    config: FitConfig,
    *,
    world: World,
    steps: int,
    on_step: Callable[[int, int], None],
) -> RateCurve:
    """Train `model` for at most `steps` steps on `data.train`; its weights are of no use afterwards.

    Raises `GroupwiseError` where the loss is no number from the start.
    """
    learner = Learner.create(model, data, config, world)
    learner.begin()
    rates: list[float] = []
    losses: list[float] = []
    mean = 0.0
    for step, (epoch, batch) in enumerate(itertools.islice(_endless(data, config, world), steps)):
        rate = LOWEST * (HIGHEST / LOWEST) ** (step / max(steps - 1, 1))
        set_learning_rate(learner.optimizer, rate, progress=1.0)
        loss = _step(learner, batch, data, config, epoch)
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smoothed = mean / (1 - SMOOTHING ** (step + 1))  # as if the past had been like the present
        on_step(step + 1, steps)
        if not np.isfinite(smoothed) or smoothed > RUN_AWAY * min(losses, default=np.inf):
            break
        rates.append(rate)
        losses.append(smoothed)
    if not losses:
        raise GroupwiseError(
            "the loss is not finite at the lowest rate", place="lr-find", remedy="Look at the images first."
        )
    return RateCurve(tuple(rates), tuple(losses))


def _endless(data: FitData, config: FitConfig, world: World) -> Iterator[tuple[int, Batch]]:
    for epoch in itertools.count(1):
        for batch in training_batches(data, config, Moment(epoch - 1), world):
            yield epoch, batch


def _step(learner: Learner, batch: Batch, data: FitData, config: FitConfig, epoch: int) -> float:
    """Take one step; returns the mean loss before it."""
    images, targets = training_inputs(
        batch, config, num_classes=data.num_classes, image_size_px=batch.images.shape[-1], epoch=epoch
    )
    learner.optimizer.zero_grad(set_to_none=True)
    with learner.half_precision():
        logits = learner.network(images)
    loss = learner.loss(logits, targets) / len(images)
    learner.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
    learner.step()
    return float(loss.detach())
