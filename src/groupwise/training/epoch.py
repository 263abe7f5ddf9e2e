"""Takes a learner once through the training fold, and scores it on the fold that selects."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from groupwise.distributed.world import World
from groupwise.loader.batches import Batch, batches, normalise
from groupwise.training.checkpoint_manager import Keeper, NotFinite, require_finite
from groupwise.training.config import Epoch, FitConfig, FitData
from groupwise.training.memory import is_out_of_memory, out_of_memory
from groupwise.training.signals import StopRequest
from groupwise.training.state import State
from groupwise.training.step import sums, take_step

OnBatch = Callable[[int, int], None]


def run_epoch(
    state: State, data: FitData, config: FitConfig, keeper: Keeper, request: StopRequest, on_batch: OnBatch
) -> Epoch:
    """Train for what is left of an epoch and score the selection fold."""
    loss, correct, seen = train_epoch(state, data, config, keeper, request, on_batch)
    start = time.perf_counter()
    scored = score_fold(state.learner.judged, data, config, state, request)
    select_loss, select_correct, select_seen = scored
    if not math.isfinite(select_loss):
        raise NotFinite(None)
    state.spent_s += state.seconds + time.perf_counter() - start
    return Epoch(
        epoch=state.finished + 1,
        train_loss=loss / seen,
        train_accuracy=correct / seen,
        select_fold=config.training.select_fold,
        select_loss=select_loss / select_seen,
        select_accuracy=select_correct / select_seen,
        learning_rate=state.learner.optimizer.param_groups[0]["lr"],
        seconds=state.seconds,
        images_per_second=seen / state.seconds,
        waiting_seconds=state.waiting_seconds,
    )


def train_epoch(
    state: State, data: FitData, config: FitConfig, keeper: Keeper, request: StopRequest, on_batch: OnBatch
) -> tuple[float, float, float]:
    """Take one optimizer step a batch; returns the sums of loss, correct answers and samples."""
    source = Timed(training_batches(data, config, state, state.world), waited=state.waiting_seconds)
    start = time.perf_counter() - state.seconds
    state.learner.begin()
    for batch in source:
        share = state.share(config.training)
        if share >= 1 and state.step:  # the time is up, within an epoch
            break
        take_step(batch, min(share, 1.0), state, config, num_classes=data.num_classes)
        on_batch(state.step, state.steps)
        # Be ready to be stopped, or to be lost
        state.seconds, state.waiting_seconds = time.perf_counter() - start, source.waited
        request.heed(state.world)
        if state.world.any(keeper.is_due):
            keeper.save(state)
    # The one point of an epoch that waits for the device
    tally = state.world.sum(state.tally.clone())
    require_finite(tally)
    state.seconds = time.perf_counter() - start
    loss, correct, seen = tally.sum(0).tolist()
    return loss, correct, seen


def training_batches(data: FitData, config: FitConfig, state: State, world: World) -> Iterator[Batch]:
    """What is left of the epoch, in its order."""
    return batches(
        data.images,
        data.labels,
        data.train,
        batch_size=config.training.batch_size,
        world=world,
        shuffle=(config.seed, state.finished + 1),
        balanced=config.training.sampling == "balanced",
        first=state.step,
    )


@torch.inference_mode()
def score_fold(
    model: nn.Module, data: FitData, config: FitConfig, state: State, request: StopRequest
) -> tuple[float, float, float]:
    """Sums of plain cross-entropy, correct answers and samples over the selection fold, each sample once.

    `model` is not the one that shares its work, which would wait for processes whose part of a small fold is
    empty. A batch that does not fit into memory is answered in pieces, which changes no score.
    """
    model.eval()
    pieces = 1
    totals = torch.zeros(3, dtype=torch.float64, device=state.world.device)
    batch_size = max(2 * config.training.batch_size // state.micro_batches, 1)
    for batch in batches(data.images, data.labels, data.select, batch_size=batch_size, world=state.world):
        if len(batch.labels):
            with state.learner.half_precision():
                while (logits := _answers(model, batch, config, pieces)) is None:
                    pieces = _more_pieces(batch, pieces)
            totals += sums(F.cross_entropy(logits, batch.labels, reduction="sum"), logits, batch.labels)
        request.heed(state.world)
    loss_sum, correct_sum, seen = state.world.sum(totals).tolist()
    return loss_sum, correct_sum, seen


def _answers(model: nn.Module, batch: Batch, config: FitConfig, pieces: int) -> Tensor | None:
    """Logits of a batch, or None where memory ran out."""
    parts = batch.images.tensor_split(min(pieces, len(batch.images)))
    try:
        return (
            torch.cat([model(normalise(part.float(), config.preprocessing)) for part in parts])
            .float()
            .float()
        )
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return None


def _more_pieces(batch: Batch, pieces: int) -> int:
    if pieces >= len(batch.images):
        remedy = "Lower data.image_size_px, or choose a smaller model.preset."
        raise out_of_memory("with a single image to score", remedy)
    if batch.images.is_cuda:
        torch.cuda.empty_cache()
    return 2 * pieces


class Timed:
    """An iterable that adds to `waited`, in seconds, how long its consumer waits for it."""

    def __init__(self, items: Iterable[Batch], waited: float) -> None:
        self._items, self.waited = iter(items), waited

    def __iter__(self) -> Iterator[Batch]:
        while True:
            start = time.perf_counter()
            item = next(self._items, None)
            self.waited += time.perf_counter() - start
            if item is None:
                return
            yield item
