"""The optimizer step: one batch, in as many pieces as the memory asks for."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from groupwise.distributed.world import World
from groupwise.loader.augment import augment
from groupwise.loader.batches import Batch, normalise, resize
from groupwise.loader.mixup import mix
from groupwise.loader.trivial_augment import trivial_augment
from groupwise.training.config import FitConfig
from groupwise.training.learner import Learner
from groupwise.training.loss import count_correct
from groupwise.training.memory import is_out_of_memory, out_of_memory
from groupwise.training.optimizer import set_learning_rate
from groupwise.training.schedule import image_size_at, learning_rate_at
from groupwise.training.side_by_side import torch_threads
from groupwise.training.state import TrainState


def take_step(
    batch: Batch, progress: float, state: TrainState, config: FitConfig, *, num_classes: int
) -> None:
    """Follow the gradient of one batch when `progress` of training is done, and enter its sums in the tally.

    When memory runs out the batch is taken again in twice as many pieces, whose gradients add up to the same
    step; only batch normalisation sees smaller batches.
    """
    # Follow the schedule
    rate = learning_rate_at(progress, config.optim) * state.rate_factor
    set_learning_rate(state.learner.optimizer, rate, progress)
    state.learner.statistics.keep()
    with _threads(state, config.training.threads):
        while (added := _add_gradients(batch, progress, state, config, num_classes)) is None:
            # Here and not where the error was caught, because its traceback holds on to the memory
            _take_smaller_pieces(batch, state)
        _follow_gradients(state)
    state.tally[state.step] = added
    state.step += 1


def _threads(state: TrainState, most: int | None) -> AbstractContextManager[None]:
    if state.at_once is not None:
        return state.at_once.threads_of_a_piece()
    return nullcontext() if most is None else torch_threads(most)


def _take_smaller_pieces(batch: Batch, state: TrainState) -> None:
    state.micro_batches = _halve(batch, state)
    state.note(
        f"Out of memory: from epoch {state.finished + 1}, step {state.step + 1} on, batches are taken in "
        f"{state.micro_batches} pieces. The steps stay as large, but batch normalisation sees the pieces."
    )
    state.learner.statistics.restore()
    if batch.images.is_cuda:
        torch.cuda.empty_cache()


def _add_gradients(
    batch: Batch, progress: float, state: TrainState, config: FitConfig, num_classes: int
) -> Tensor | None:
    """Add up the gradients of the pieces; returns the sums over the batch, or None where memory ran out."""
    learner = state.learner
    learner.optimizer.zero_grad(set_to_none=True)
    try:
        # All of it at once, so that the pieces hold what the whole batch would
        size = image_size_at(progress, config.training, batch.images.shape[-1])
        images, targets = training_inputs(
            batch,
            config,
            num_classes=num_classes,
            image_size_px=size,
            epoch=state.finished + 1,
            progress=progress,
        )
        at_once = state.at_once
        count = at_once.count_for(len(images)) if at_once else min(state.micro_batches, _most_pieces(batch))
        cuts = _cuts(batch, count, state.world)
        parts = zip(*(t.tensor_split(cuts) for t in (images, targets, batch.labels)), strict=True)
        # Each process has its part of the global mean; DDP averages, so multiply by their number
        share = state.world.size / batch.global_size
        passes = [partial(_pass, learner, piece=piece, share=share) for piece in parts]
        if at_once is not None:
            return at_once.add_gradients(passes)
        total = torch.zeros(3, dtype=torch.float64, device=state.world.device)
        for number, take in enumerate(passes, start=1):
            with nullcontext() if number == count else _alone(learner.network):
                loss, added = take(learner.network)
                loss.backward()  # type: ignore[no-untyped-call]
            # Sums stay on the device
            total += added
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return None
    return total


def _pass(
    learner: Learner, network: nn.Module, *, piece: tuple[Tensor, Tensor, Tensor], share: float
) -> tuple[Tensor, Tensor]:
    """The loss of a piece (images, targets, labels), of which the gradient is wanted, and its sums."""
    images, wanted, labels = piece
    with learner.half_precision():
        logits = network(images)
    loss = learner.loss(logits, wanted)
    return learner.scaler.scale(loss * share), sums(loss, logits, labels)


def _follow_gradients(state: TrainState) -> None:
    try:
        state.learner.step()
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        # Some weights may have moved already, so this step cannot be taken again.
        remedy = "Lower training.batch_size, or choose optim.name sgd or a smaller model.preset."
        raise out_of_memory("in the optimizer's step", remedy) from None


@torch.no_grad()
def sums(loss: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
    """Sums of loss, correct answers and samples, (3,) float64."""
    correct = count_correct(logits, labels)
    return torch.stack([loss.double(), correct.double(), correct.new_tensor(len(logits)).double()])


def _most_pieces(batch: Batch) -> int:
    """As many as leave two samples a piece, for batch statistics."""
    return max(1, batch.global_size // 2)


def _cuts(batch: Batch, count: int, world: World) -> list[int]:
    """Where this process cuts its part, so that all of them together have the pieces of one process alone."""
    pieces = torch.arange(batch.global_size).tensor_split(count)
    # Sample i of the whole batch is with process i modulo their number
    return [len(range(world.rank, int(piece[0]), world.size)) for piece in pieces[1:]]


def _halve(batch: Batch, state: TrainState) -> int:
    count = 2 * state.micro_batches
    if state.world.size > 1 or count > _most_pieces(batch):
        # The other processes wait within the step, so none of them can begin it again.
        raise out_of_memory(
            f"with {len(batch.labels) // state.micro_batches} images at once",
            "Raise training.accumulate, or lower training.batch_size or data.image_size_px.",
        )
    return count


def _alone(network: nn.Module) -> AbstractContextManager[None]:
    """Keep gradients within the process; they are shared with those of the last piece."""
    return network.no_sync() if isinstance(network, DistributedDataParallel) else nullcontext()


def training_inputs(
    batch: Batch,
    config: FitConfig,
    *,
    num_classes: int,
    image_size_px: int,
    epoch: int,
    progress: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Images (n, C, S, S), resized, changed at random and normalised on their device, and their targets.

    Targets are class numbers (n,), or shares (n, K) where images are mixed or have sets of labels. `progress`
    of training is done.
    """
    images, targets = resize(batch.images.float(), image_size_px), batch.labels
    if not len(images):  # a last batch with fewer samples than processes; torch turns no empty batch
        return normalise(images, config.preprocessing), targets
    images = augment(images, batch.counters, config.augment, seed=config.seed, epoch=epoch)
    if config.augment.trivial:
        images = trivial_augment(images, batch.counters, seed=config.seed, epoch=epoch)
    if config.augment.mixes and progress < config.augment.mix_until:
        images, targets = mix(
            images,
            targets,
            batch.counters,
            config.augment,
            num_classes=num_classes,
            seed=config.seed,
            epoch=epoch,
        )
    return normalise(images, config.preprocessing), targets
