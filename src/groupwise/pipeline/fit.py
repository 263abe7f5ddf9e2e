"""Training within a run: its callbacks, `history.csv` and the lines of the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from operator import attrgetter

from torch import nn

from groupwise.console import Console
from groupwise.distributed.world import World
from groupwise.files import sha256_file, write_csv
from groupwise.models.resnext import ResNeXt
from groupwise.pipeline.baselines import SHARE
from groupwise.planning.after_training import AfterTraining, TrainingClock
from groupwise.recipe.recipe import Recipe
from groupwise.runs.deadline import Deadline
from groupwise.runs.files import TEST
from groupwise.runs.run import Run
from groupwise.text import count
from groupwise.training.callbacks import Callback
from groupwise.training.config import EpochRecord, FitConfig, FitData
from groupwise.training.tracking import Tracking
from groupwise.training.trainer import Trainer

CHOOSING = ("balanced_accuracy", "auroc", "average_precision", "cost")  # beside accuracy and loss


def run_trainer(
    recipe: Recipe, run: Run, data: FitData, model: ResNeXt, world: World, callbacks: Sequence[Callback]
) -> Trainer:
    """What trains `model` with the checkpoints of `run`; its best epoch is for the caller to keep."""
    return Trainer(
        model,
        data,
        FitConfig.of(recipe),
        world=world,
        checkpoints=run.path("checkpoints"),
        made_from={name: sha256_file(run.path(name)) for name in ("manifest.csv", "split.csv")},
        callbacks=callbacks,
    )


def training_clock(run: Run, deadline: Deadline | None, *, rest: float | None = None) -> TrainingClock | None:
    """What ends the training of `run` in time, by what its plan expects to follow; None without a budget.

    `rest` is the part of what follows the scores that this training has as well, if it is one of several.
    """
    planned = run.ledger.get("plan", {}).get("after_training")
    if deadline is None or planned is None:
        return None
    chosen = "training.budget_minutes" in (run.ledger.get("chosen") or ())
    share = SHARE if run.ledger.get("baselines", False) else 0.0
    after = AfterTraining(**planned)
    return TrainingClock(deadline, after if rest is None else after.part(rest), chosen, share)


def refit_clock(run: Run, deadline: Deadline | None) -> TrainingClock | None:
    """What ends the refit of the measured `run` in time; None without a budget."""
    planned = run.ledger.get("plan", {}).get("after_training")
    if deadline is None or planned is None:
        return None
    return TrainingClock(deadline, AfterTraining(0.0, AfterTraining(**planned).refit_s))


def run_callbacks(run: Run, world: World, console: Console, tracked: Tracking) -> list[Callback]:
    """What is said and kept of every epoch; the main process alone writes."""
    kept = [ReadingCounter(run), HistoryWriter(run, console), tracked] if world.is_main else []
    return [ConsoleLog(console), *kept]


class ConsoleLog(Callback):
    """A line of the terminal for every epoch, and the warnings."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def on_epoch_end(self, history: Sequence[EpochRecord], _: nn.Module) -> None:
        self._console.say(epoch_line(history[-1]))

    def on_warning(self, text: str) -> None:
        self._console.warn(text)


class ReadingCounter(Callback):
    """The count of readings of the test fold, where that fold chooses the epoch."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def on_epoch_end(self, history: Sequence[EpochRecord], _: nn.Module) -> None:
        if history[-1].select_fold == TEST:
            self._run.count_test_reading(f"epoch {history[-1].epoch} was scored on it")


class HistoryWriter(Callback):
    """`history.csv`, after every epoch; a full disk stops nothing, as the checkpoints outlast it as well."""

    def __init__(self, run: Run, console: Console) -> None:
        self._run, self._console = run, console

    def on_train_begin(self, history: Sequence[EpochRecord]) -> None:
        if history:
            self._write(history)

    def on_epoch_end(self, history: Sequence[EpochRecord], _: nn.Module) -> None:
        self._write(history)

    def _write(self, history: Sequence[EpochRecord]) -> None:
        try:
            write_history(self._run, history)
        except OSError as error:
            self._console.warn(f"history.csv could not be written: {error.strerror}. Training goes on.")


def write_history(run: Run, history: Sequence[EpochRecord]) -> None:
    """Write `history.csv`, one row an epoch; a column that no epoch has is left out."""
    names = [field.name for field in fields(EpochRecord)]
    header = [name for name in names if any(getattr(epoch, name) is not None for epoch in history)]
    write_csv(run.path("history.csv"), header, [attrgetter(*header)(epoch) for epoch in history])
    run.record("history.csv", ["recipe.yaml", "split.csv"])


def epoch_line(epoch: EpochRecord) -> str:
    """One epoch in the tutorial's own words."""
    fold = epoch.select_fold.capitalize()
    told = f"Epoch:{epoch.epoch:2d}, Train_acc:{epoch.train_accuracy:.1%}, Train_loss:{epoch.train_loss:.3f}"
    if math.isnan(epoch.select_loss):  # no fold selects
        return told
    told += f", {fold}_acc:{epoch.select_accuracy:.1%}, {fold}_loss:{epoch.select_loss:.3f}"
    chosen_by = {name: getattr(epoch, f"select_{name}") for name in CHOOSING}
    return told + "".join(f", {fold}_{name}:{v:.3f}" for name, v in chosen_by.items() if v is not None)


def time_line(history: Sequence[EpochRecord]) -> str:
    """How long training took, and the share of it that the network waited for images."""
    seconds = sum(epoch.seconds for epoch in history)
    waiting = sum(epoch.waiting_seconds for epoch in history) / seconds if seconds else 0.0
    epochs = count(len(history), "epoch")
    return f"Training: {epochs} in {seconds:.0f} s, of which {waiting:.1%} waited for images."


def stop_line(stopped: Mapping[str, int]) -> str:
    """Where the time ended training."""
    return (
        f"The time ended training in epoch {stopped['epoch']} after step {stopped['step']} of"
        f" {stopped['steps']}; the epoch chosen of those made is kept."
    )
