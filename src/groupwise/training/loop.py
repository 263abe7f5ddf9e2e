"""Trains a network epoch by epoch, keeps its best one, and goes on from a checkpoint as if never stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import nn

from groupwise.distributed import World
from groupwise.training.checkpoint import clone_state, load_checkpoint, save_checkpoint
from groupwise.training.epoch import run_epoch
from groupwise.training.learner import Learner
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
    on_scored: Callable[[nn.Module], None] = _silent,
) -> Fitted:
    """Train `model` on `data.train`, choosing the epoch by `data.select`.

    Writes a checkpoint into `checkpoints` after every epoch. With `resume`, goes on from the newest sound
    one; on CPU the result is bit-identical to a run that was never stopped. Ctrl-C ends training after the
    last whole epoch. Raises `GroupwiseError` when the loss is no longer finite. `on_scored` is shown the
    model that each epoch was scored with, in evaluation mode.
    """
    learner = Learner.create(model, data, config, world)
    history: list[Epoch] = []
    best: dict[str, Any] = {}
    state, rejected = load_checkpoint(checkpoints) if resume else (None, [])
    if state is not None:
        learner.load_state(state)
        history = [Epoch(**row) for row in state["history"]]
        best = state["best"]

    interrupted = False
    try:
        for number in range(len(history) + 1, config.training.epochs + 1):
            epoch = run_epoch(learner, data, config, number, world, on_batch)
            history.append(epoch)
            if not best or _score(epoch, config) > _score(history[best["epoch"] - 1], config):
                best = {"epoch": number, "weights": clone_state(learner.judged.state_dict())}
            if world.is_main:
                rows = [asdict(row) for row in history]
                save_checkpoint(checkpoints, number, learner.state() | {"history": rows, "best": best})
            on_scored(learner.model)
            on_epoch(epoch)
    except KeyboardInterrupt:
        if not best:
            raise
        interrupted = True
    return Fitted(tuple(history), history[best["epoch"] - 1], best["weights"], tuple(rejected), interrupted)


def _score(epoch: Epoch, config: FitConfig) -> tuple[float, ...]:
    figures = {"accuracy": epoch.select_accuracy, "loss": -epoch.select_loss}
    return tuple(figures[name] for name in config.training.select_by)
