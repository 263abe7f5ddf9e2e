"""Trains a network epoch by epoch, keeps its best one, and goes on from a checkpoint as if never stopped."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from torch import nn

from groupwise.distributed.world import World
from groupwise.errors import GroupwiseError, UsageError
from groupwise.training.checkpoint import clone_state
from groupwise.training.checkpoint_manager import Keeper, NotFinite
from groupwise.training.config import Diverged, Epoch, FitConfig, FitData, Fitted
from groupwise.training.epoch import run_epoch, training_batches
from groupwise.training.learner import Learner
from groupwise.training.signals import Stopping, StopRequest, Terminated, stop_request
from groupwise.training.state import State


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
    made_from: Mapping[str, str] | None = None,
    on_begin: Callable[[Sequence[Epoch]], None] = _silent,
    on_batch: Callable[[int, int], None] = _silent,
    on_epoch: Callable[[Sequence[Epoch]], None] = _silent,
    on_scored: Callable[[nn.Module], None] = _silent,
    warn: Callable[[str], None] = _silent,
) -> Fitted:
    """Train `model` on `data.train`, choosing the epoch by `data.select`.

    Writes a checkpoint into `checkpoints` at every epoch and, in long ones, every `checkpoint_minutes`. With
    `resume`, goes on from the newest sound one, refusing those of another `made_from` (digests by name); on
    CPU the result is bit-identical to a run that was never stopped.

    SIGTERM and Ctrl-C save the state after the current step. SIGTERM then raises `Terminated`; Ctrl-C ends
    training with the best epoch so far, or raises `KeyboardInterrupt` where there is none. A loss that is not
    finite sends training back to the last whole epoch with half the learning rate, once; the second time it
    raises `Diverged`. `on_begin` is given the epochs that are there already, `on_epoch` all so far;
    `on_scored` is shown the model that each epoch was scored with, in evaluation mode.
    """
    _refuse_idle(data, config, world)
    learner = Learner.create(model, data, config, world, remark=lambda text: state.remark(text))
    steps = -(-len(data.train) // config.training.batch_size)
    state = State(learner, steps, config.training.accumulate, world, warn)
    keeper = Keeper(checkpoints, 60 * config.training.checkpoint_minutes, dict(made_from or {}), warn)
    if not (resume and keeper.load(state)):
        keeper.save(state)  # so that even the first epoch has a state to go back to

    on_begin(tuple(state.history))
    with stop_request() as request:
        try:
            while not _is_over(state, config):
                try:
                    epoch = run_epoch(state, data, config, keeper, request, on_batch)
                    _finish_epoch(state, epoch, config)
                    keeper.save(state)
                except NotFinite as trouble:
                    _go_back(trouble, state, keeper, data, config)
                else:
                    on_scored(learner.judged)
                    on_epoch(tuple(state.history))
                request.heed(world)
        except Stopping:
            _save_and_leave(state, keeper, request)
    best = state.history[state.best["epoch"] - 1]
    weights = state.best["weights"]
    return Fitted(tuple(state.history), best, weights, tuple(state.remarks), request.is_made)


def _refuse_idle(data: FitData, config: FitConfig, world: World) -> None:
    """Raise for settings with which some processes, or all, would have nothing to learn from."""
    batch_size, least = config.training.batch_size, 2 * world.size
    if batch_size < least:
        raise UsageError(
            f"{batch_size} images a step are fewer than two for each of {world.size} processes",
            place="training.batch_size",
            remedy=f"Give at least {least}, or start fewer processes.",
        )
    if len(data.train) < 2:
        raise GroupwiseError(
            "the training fold has fewer than the two images that batch statistics need",
            place="training",
            remedy="Add images, or give split.train a larger share.",
        )


def _is_over(state: State, config: FitConfig) -> bool:
    """Whether the epochs, the time or the patience have come to their end."""
    patience = config.training.patience
    waited = state.finished - state.best["epoch"] if state.best else 0
    return state.share(config.training) >= 1 or (patience is not None and waited >= patience)


def _finish_epoch(state: State, epoch: Epoch, config: FitConfig) -> None:
    """Enter a whole epoch, and its weights where they are the best."""
    state.history.append(epoch)
    if not state.best or _score(epoch, config) > _score(state.history[state.best["epoch"] - 1], config):
        state.best = {"epoch": epoch.epoch, "weights": clone_state(state.learner.judged.state_dict())}
    state.begin_epoch()


def _score(epoch: Epoch, config: FitConfig) -> tuple[float, ...]:
    figures = {"accuracy": epoch.select_accuracy, "loss": -epoch.select_loss}
    return tuple(figures[name] for name in config.training.select_by)


def _go_back(trouble: NotFinite, state: State, keeper: Keeper, data: FitData, config: FitConfig) -> None:
    """Return to the last whole epoch with half the learning rate; the second time, name the batch."""
    fact = f"the loss of epoch {state.finished + 1} is not finite"
    names: list[str] = []
    if trouble.step is not None:
        fact += f" from step {trouble.step + 1} on"
        state.step = trouble.step
        rows = next(training_batches(data, config, state, World())).samples.tolist()
        names = [data.paths[row] if data.paths else f"row {row}" for row in rows]
    halved = state.rate_factor < 1
    if halved or not keeper.load(state, whole_epochs=True):
        raise Diverged(
            fact + (", also with half the learning rate" if halved else ""),
            place="training",
            remedy="Lower optim.learning_rate"
            + (f", and look at the images of that step: {', '.join(names)}." if names else "."),
        )
    state.rate_factor /= 2
    back = f"back to the end of epoch {state.finished}" if state.finished else "back to the start"
    state.remark(f"{fact.capitalize()}: {back}, and on with half the learning rate.")
    keeper.save(state)


def _save_and_leave(state: State, keeper: Keeper, request: StopRequest) -> None:
    """Keep what was learnt, and raise unless the user may be content with the best epoch so far."""
    saved = False
    with suppress(NotFinite):
        saved = keeper.save(state)
    where = f"in epoch {state.finished + 1} after step {state.step} of {state.steps}"
    if request.signal is not signal.SIGINT:
        told = "and saved" if saved else "and not saved there: the checkpoint before it is kept"
        raise Terminated(
            f"stopped by SIGTERM {where}, {told}", place="training", remedy="Go on with --resume."
        )
    if not state.best:
        raise KeyboardInterrupt(f"Stopped {where}. Go on with --resume.")
