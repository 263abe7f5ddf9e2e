"""The training of a run: every epoch said, kept and tracked as it comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, fields

from groupwise.console import Console
from groupwise.distributed.world import World
from groupwise.files import sha256_file, write_csv
from groupwise.models.resnext import ResNeXt
from groupwise.recipe.recipe import Recipe
from groupwise.runs.files import TEST
from groupwise.runs.run import Run
from groupwise.training.config import Epoch, FitConfig, FitData, Fitted
from groupwise.training.loop import fit
from groupwise.training.meter import Pace
from groupwise.training.tracking import Tracking


def fit_run(
    recipe: Recipe,
    run: Run,
    data: FitData,
    model: ResNeXt,
    world: World,
    console: Console,
    tracked: Tracking,
    *,
    resume: bool,
) -> Fitted:
    """Train `model`; its best epoch is for the caller to keep."""
    pace = Pace(recipe.training, len(data.train))

    def follow(history: Sequence[Epoch]) -> None:
        pace.begin(history)
        if not (world.is_main and history):
            return
        try:
            write_history(run, history)
        except OSError as error:  # a full disk, which the checkpoints outlast as well
            console.warn(f"history.csv could not be written: {error.strerror}. Training goes on.")
        tracked.follow(history)

    def on_epoch(history: Sequence[Epoch]) -> None:
        console.say(epoch_line(history[-1]))
        if world.is_main and history[-1].select_fold == TEST:
            run.count_test_reading(f"epoch {history[-1].epoch} was scored on it")
        follow(history)

    def on_batch(done: int, total: int) -> None:
        pace.step(done)
        progress(done, total, task=pace.task, note=pace.note(total))

    with console.progress("Training") as progress:
        fitted = fit(
            model,
            data,
            fit_config(recipe),
            world=world,
            checkpoints=run.path("checkpoints"),
            resume=resume,
            made_from={name: sha256_file(run.path(name)) for name in ("manifest.csv", "split.csv")},
            on_begin=follow,
            on_batch=on_batch,
            on_epoch=on_epoch,
            warn=console.warn,
        )
    console.say(time_line(fitted.history))
    return fitted


def write_history(run: Run, history: Sequence[Epoch]) -> None:
    """Write `history.csv`, one row an epoch."""
    header = [field.name for field in fields(Epoch)]
    write_csv(run.path("history.csv"), header, [astuple(epoch) for epoch in history])
    run.record("history.csv", ["recipe.yaml", "split.csv"])


def fit_config(recipe: Recipe) -> FitConfig:
    """The part of a recipe that `fit` needs."""
    return FitConfig(recipe.training, recipe.optim, recipe.loss, recipe.augment, recipe.data, recipe.seed)


def epoch_line(epoch: Epoch) -> str:
    """One epoch in the tutorial's own words."""
    fold = epoch.select_fold.capitalize()
    return (
        f"Epoch:{epoch.epoch:2d}, Train_acc:{epoch.train_accuracy:.1%}, Train_loss:{epoch.train_loss:.3f}, "
        f"{fold}_acc:{epoch.select_accuracy:.1%}, {fold}_loss:{epoch.select_loss:.3f}"
    )


def time_line(history: Sequence[Epoch]) -> str:
    """How long training took, and the share of it that the network waited for images."""
    seconds = sum(epoch.seconds for epoch in history)
    waiting = sum(epoch.waiting_seconds for epoch in history) / seconds if seconds else 0.0
    return f"Training: {len(history)} epochs in {seconds:.0f} s, of which {waiting:.1%} waited for images."
