"""Trains a network epoch by epoch, keeps its best one, and goes on from a checkpoint as if never stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from groupwise.data.augment import augment
from groupwise.data.batches import Batch, batches, normalise
from groupwise.distributed import World, share_batch_statistics
from groupwise.errors import GroupwiseError
from groupwise.training.checkpoint import clone_state, load_checkpoint, save_checkpoint
from groupwise.training.loss import LossConfig, summed_loss
from groupwise.training.optim import learning_rate_at, make_optimizer, set_learning_rate
from groupwise.training.terms import Epoch, FitConfig, FitData, Fitted


def _silent(*_: object) -> None:
    """Tell nobody."""


def fit(
    model: nn.Module,
    data: FitData,
    config: FitConfig,
    *,
    world: World,
    checkpoints: Path,
    resume: bool = False,
    on_batch: Callable[[int, int], None] = _silent,
    on_epoch: Callable[[Epoch], None] = _silent,
) -> Fitted:
    """Train `model` on `data.train`, choosing the epoch by `data.select`.

    Writes a checkpoint into `checkpoints` after every epoch. With `resume`, goes on from the newest sound
    one; on CPU the result is bit-identical to a run that was never stopped. Ctrl-C ends training after the
    last whole epoch. Raises `GroupwiseError` when the loss is no longer finite.
    """
    model = share_batch_statistics(model.to(world.device), world).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = make_optimizer(model, config.optim)
    history: list[Epoch] = []
    best: dict[str, Any] = {}
    state, rejected = load_checkpoint(checkpoints) if resume else (None, [])
    if state is not None:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        history = [Epoch(**row) for row in state["history"]]
        best = state["best"]
    network = DistributedDataParallel(model) if world.size > 1 else model

    interrupted = False
    try:
        for number in range(len(history) + 1, config.training.epochs + 1):
            epoch = run_epoch(network, data, config, optimizer, number, world, on_batch)
            history.append(epoch)
            if not best or _score(epoch, config) > _score(history[best["epoch"] - 1], config):
                best = {"epoch": number, "weights": clone_state(model.state_dict())}
            if world.is_main:
                save_checkpoint(checkpoints, number, _state(model, optimizer, history, best))
            on_epoch(epoch)
    except KeyboardInterrupt:
        if not best:
            raise
        interrupted = True
    return Fitted(tuple(history), history[best["epoch"] - 1], best["weights"], tuple(rejected), interrupted)


def run_epoch(
    network: nn.Module,
    data: FitData,
    config: FitConfig,
    optimizer: torch.optim.Optimizer,
    number: int,
    world: World,
    on_batch: Callable[[int, int], None],
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
        )
    )
    loss, correct, seen = train_epoch(
        network, source, config, optimizer, number, len(data.train), world, on_batch
    )
    seconds = time.perf_counter() - start
    if not np.isfinite(loss):
        raise GroupwiseError(
            f"the loss of epoch {number} is {loss}",
            place="training",
            remedy="Lower optim.learning_rate; checkpoints of earlier epochs are kept.",
        )
    # Not through DDP, which would wait for processes whose part of a small fold is empty
    model = network.module if isinstance(network, DistributedDataParallel) else network
    select_loss, select_correct, select_seen = score_fold(model, data, config, world)
    return Epoch(
        epoch=number,
        train_loss=loss / seen,
        train_accuracy=correct / seen,
        select_fold=config.training.select_fold,
        select_loss=select_loss / select_seen,
        select_accuracy=select_correct / select_seen,
        learning_rate=optimizer.param_groups[0]["lr"],
        seconds=seconds,
        images_per_second=seen / seconds,
        waiting_seconds=source.waited,
    )


def train_epoch(
    network: nn.Module,
    source: Iterable[Batch],
    config: FitConfig,
    optimizer: torch.optim.Optimizer,
    number: int,
    n: int,
    world: World,
    on_batch: Callable[[int, int], None],
) -> tuple[float, float, float]:
    """Take one optimizer step a batch; returns the sums of loss, correct answers and samples."""
    network.train()
    per_epoch = -(-n // config.training.batch_size)
    totals = torch.zeros(3, dtype=torch.float64, device=world.device)
    for step, batch in enumerate(source):
        # Follow the schedule
        done = (number - 1) * per_epoch + step
        set_learning_rate(optimizer, learning_rate_at(done, config.training.epochs * per_epoch, config.optim))
        # Change and normalise the images on their device
        images = augment(batch.images.float(), batch.samples, config.augment, seed=config.seed, epoch=number)
        logits = network(normalise(images, config.preprocessing))
        loss = summed_loss(logits, batch.labels, config.loss)
        # Each process has its part of the global mean; DDP averages gradients, so multiply by their number
        optimizer.zero_grad(set_to_none=True)
        (loss * (world.size / batch.global_size)).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        # Sums stay on the device
        with torch.no_grad():
            correct = (logits.argmax(1) == batch.labels).sum()
            totals += torch.stack([loss.double(), correct.double(), correct.new_tensor(len(logits)).double()])
        on_batch(step + 1, per_epoch)
    # The one point of an epoch that waits for the device
    loss_sum, correct_sum, seen = world.sum(totals).tolist()
    return loss_sum, correct_sum, seen


@torch.inference_mode()
def score_fold(
    model: nn.Module, data: FitData, config: FitConfig, world: World
) -> tuple[float, float, float]:
    """Sums of plain cross-entropy, correct answers and samples over the selection fold."""
    model.eval()
    totals = torch.zeros(3, dtype=torch.float64, device=world.device)
    for batch in batches(
        data.images, data.labels, data.select, batch_size=2 * config.training.batch_size, world=world
    ):
        if len(batch.labels):
            logits = model(normalise(batch.images.float(), config.preprocessing))
            loss = summed_loss(logits, batch.labels, LossConfig())
            correct = (logits.argmax(1) == batch.labels).sum()
            totals += torch.stack([loss.double(), correct.double(), correct.new_tensor(len(logits)).double()])
    loss_sum, correct_sum, seen = world.sum(totals).tolist()
    return loss_sum, correct_sum, seen


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


def _score(epoch: Epoch, config: FitConfig) -> tuple[float, ...]:
    figures = {"accuracy": epoch.select_accuracy, "loss": -epoch.select_loss}
    return tuple(figures[name] for name in config.training.select_by)


def _state(
    model: nn.Module, optimizer: torch.optim.Optimizer, history: list[Epoch], best: dict[str, Any]
) -> dict[str, Any]:
    return {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "history": [asdict(epoch) for epoch in history],
        "best": best,
    }
