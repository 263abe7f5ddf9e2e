"""Takes a learner once through the training fold, and scores it on the fold that selects."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from groupwise.data.augment import augment
from groupwise.data.batches import Batch, batches, normalise, resize
from groupwise.data.mix import mix
from groupwise.distributed import World
from groupwise.errors import GroupwiseError
from groupwise.training.learner import Learner
from groupwise.training.optim import set_learning_rate
from groupwise.training.schedule import image_size_at, learning_rate_at
from groupwise.training.terms import Epoch, FitConfig, FitData

OnBatch = Callable[[int, int], None]


def run_epoch(
    learner: Learner, data: FitData, config: FitConfig, number: int, world: World, on_batch: OnBatch
) -> Epoch:
    """Train for one epoch and score the selection fold."""
    start = time.perf_counter()
    source = Timed(
        batches(
            data.images,
            data.labels,
            data.train,
            batch_size=config.training.batch_size,
            world=world,
            shuffle=(config.seed, number),
            balanced=config.training.sampling == "balanced",
        )
    )
    loss, correct, seen = train_epoch(learner, source, data, config, number, world, on_batch)
    seconds = time.perf_counter() - start
    if not np.isfinite(loss):
        raise GroupwiseError(
            f"the loss of epoch {number} is {loss}",
            place="training",
            remedy="Lower optim.learning_rate; checkpoints of earlier epochs are kept.",
        )
    select_loss, select_correct, select_seen = score_fold(learner.judged, data, config, world)
    return Epoch(
        epoch=number,
        train_loss=loss / seen,
        train_accuracy=correct / seen,
        select_fold=config.training.select_fold,
        select_loss=select_loss / select_seen,
        select_accuracy=select_correct / select_seen,
        learning_rate=learner.optimizer.param_groups[0]["lr"],
        seconds=seconds,
        images_per_second=seen / seconds,
        waiting_seconds=source.waited,
    )


def train_epoch(
    learner: Learner,
    source: Iterable[Batch],
    data: FitData,
    config: FitConfig,
    number: int,
    world: World,
    on_batch: OnBatch,
) -> tuple[float, float, float]:
    """Take one optimizer step a batch; returns the sums of loss, correct answers and samples."""
    learner.network.train()
    per_epoch = -(-len(data.train) // config.training.batch_size)
    totals = torch.zeros(3, dtype=torch.float64, device=world.device)
    for step, batch in enumerate(source):
        # Follow the schedule, by the middle of each step
        share = (number - 1 + (step + 0.5) / per_epoch) / config.training.epochs
        set_learning_rate(learner.optimizer, learning_rate_at(share, config.optim))
        # Change and normalise the images on their device
        images = resize(batch.images.float(), image_size_at(share, config.training, batch.images.shape[-1]))
        images = augment(images, batch.samples, config.augment, seed=config.seed, epoch=number)
        targets = batch.labels
        if config.augment.mixes:
            images, targets = mix(
                images,
                batch.labels,
                batch.samples,
                config.augment,
                num_classes=data.num_classes,
                seed=config.seed,
                epoch=number,
            )
        logits = learner.network(normalise(images, config.preprocessing))
        loss = learner.loss(logits, targets)
        # Each process has its part of the global mean; DDP averages gradients, so multiply by their number
        learner.optimizer.zero_grad(set_to_none=True)
        (loss * (world.size / batch.global_size)).backward()  # type: ignore[no-untyped-call]
        learner.step()
        # Sums stay on the device
        totals += _sums(loss, logits, batch)
        on_batch(step + 1, per_epoch)
    # The one point of an epoch that waits for the device
    loss_sum, correct_sum, seen = world.sum(totals).tolist()
    return loss_sum, correct_sum, seen


@torch.inference_mode()
def score_fold(
    model: nn.Module, data: FitData, config: FitConfig, world: World
) -> tuple[float, float, float]:
    """Sums of plain cross-entropy, correct answers and samples over the selection fold.

    `model` is not the one that shares its work, which would wait for processes whose part of a small fold is
    empty.
    """
    model.eval()
    totals = torch.zeros(3, dtype=torch.float64, device=world.device)
    for batch in batches(
        data.images, data.labels, data.select, batch_size=2 * config.training.batch_size, world=world
    ):
        if len(batch.labels):
            logits = model(normalise(batch.images.float(), config.preprocessing))
            totals += _sums(F.cross_entropy(logits, batch.labels, reduction="sum"), logits, batch)
    loss_sum, correct_sum, seen = world.sum(totals).tolist()
    return loss_sum, correct_sum, seen


@torch.no_grad()
def _sums(loss: torch.Tensor, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    correct = (logits.argmax(1) == batch.labels).sum()
    return torch.stack([loss.double(), correct.double(), correct.new_tensor(len(logits)).double()])


class Timed:
    """An iterable that adds up how long its consumer waited for it, in `waited` seconds."""

    def __init__(self, items: Iterable[Batch]) -> None:
        self._items, self.waited = iter(items), 0.0

    def __iter__(self) -> Iterator[Batch]:
        while True:
            start = time.perf_counter()
            item = next(self._items, None)
            self.waited += time.perf_counter() - start
            if item is None:
                return
            yield item
