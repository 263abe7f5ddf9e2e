"""One trial of a sweep: training with the trial's values, given up below the median.

The study lies in Optuna's journal, which several processes may write; each enters its own trial's epochs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from groupwise.console import Console
from groupwise.distributed.world import World, choose_device
from groupwise.pipeline.fit import training_clock
from groupwise.pipeline.images import open_data
from groupwise.pipeline.resume import stored_recipe
from groupwise.pipeline.train import new_model
from groupwise.recipe.aim import MEASURE
from groupwise.recipe.recipe import Recipe, with_fields
from groupwise.runs.deadline import Deadline
from groupwise.runs.lock import ORPHAN_S, training_lock
from groupwise.runs.run import Run
from groupwise.training.callbacks import Callback, WarningLog
from groupwise.training.config import Diverged, EpochRecord, FitConfig, FitData, FitResult
from groupwise.training.meter import ProgressMeter
from groupwise.training.selection import score
from groupwise.training.state import no_end
from groupwise.training.trainer import Trainer

if TYPE_CHECKING:
    import optuna

JOURNAL = "sweep.journal"
WARM_UP = 1 / 3  # share of the epochs before a trial below the median may be given up


@dataclass(frozen=True, eq=False)
class Shared:
    """What every trial has in common; the run holds the study."""

    run: Run
    recipe: Recipe
    data: FitData
    world: World
    console: Console


@dataclass(frozen=True)
class Outcome:
    """What came of a trial, in words, and its best epoch; None for one that was given up."""

    words: str
    best: EpochRecord | None


def open_shared(folder: Path, console: Console) -> Shared:
    """Open the run of a sweep, whose images are decoded unless they are."""
    run = Run.open(folder)
    recipe = stored_recipe(run)
    world = World(device=choose_device(recipe.training.device))
    manifest = run.manifest()
    split = run.split()
    data = open_data(recipe, run.path("cache"), manifest, split, world, console)
    return Shared(run, recipe, data, world, console)


def study_options(shared: Shared) -> dict[str, Any]:
    """The name, journal and pruner of the study; the pruner knows the trials of earlier rounds alone."""
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return {
        "study_name": "sweep",
        "storage": optuna.storages.JournalStorage(JournalFileBackend(str(shared.run.path(JOURNAL)))),
        "pruner": optuna.pruners.MedianPruner(n_warmup_steps=round(WARM_UP * shared.recipe.training.epochs)),
    }


def trial_folder(trial: optuna.trial.FrozenTrial | optuna.Trial) -> str:
    """Where the checkpoints of a trial lie; one that was stopped goes on from those it began with."""
    return str(trial.user_attrs.get("folder", f"trial-{trial.number}"))


def run_trial_alone(
    folder: Path, trial_id: int, name: str, ends: Deadline | None, console: Console
) -> Outcome:
    """The same in a process of its own, which opens the study in the run `folder`."""
    import optuna

    shared = open_shared(folder, console)
    study = optuna.load_study(**study_options(shared))
    return run_trial(optuna.Trial(study, trial_id), shared, name, ends)


def run_trial(trial: optuna.Trial, shared: Shared, name: str, ends: Deadline | None) -> Outcome:
    """Train with the values of one trial, going on from its checkpoints. Raises `KeyboardInterrupt`.

    Training is over when the deadline `ends` is, if there is one.
    """
    import optuna

    values = ", ".join(f"{knob.partition('.')[2]} {value:.2g}" for knob, value in trial.params.items())
    try:
        with training_lock(shared.run.path(trial_folder(trial)), patience_s=ORPHAN_S):
            fitted = _fit(trial, shared, name, ends)
    except Diverged:
        return Outcome(f"diverged ({values})", None)
    except optuna.TrialPruned:
        return Outcome(f"below the median, given up ({values})", None)
    if fitted.interrupted:
        raise KeyboardInterrupt(f"Stopped in {name.lower()}. Go on with --resume.")
    best = fitted.best
    aim = shared.recipe.training.optimise
    told = f"val {best.select_accuracy:.1%}"
    if aim != "accuracy":
        told += f", {MEASURE[aim].replace('_', ' ')} {abs(score(best, MEASURE[aim])):.3f}"
    return Outcome(f"{told} in epoch {best.epoch} ({values})", best)


def _fit(trial: optuna.Trial, shared: Shared, name: str, ends: Deadline | None) -> FitResult:
    """Train one network; raises `TrialPruned` where Optuna's pruner gives it up."""
    recipe = with_fields(shared.recipe, trial.params)
    clock = training_clock(shared.run, ends, rest=0.0)
    recipe = recipe if clock is None else clock.recipe(recipe)
    with shared.console.progress(name) as show:
        meter = ProgressMeter(recipe.training, len(shared.data.train), show, name=name)
        trainer = Trainer(
            new_model(recipe, shared.data.num_classes),
            shared.data,
            FitConfig.of(recipe),
            world=shared.world,
            checkpoints=shared.run.path(trial_folder(trial)),
            callbacks=[WarningLog(shared.console.warn), meter, TrialReport(trial, recipe)],
        )
        return trainer.fit(resume=True, left_s=clock.left_s if clock else no_end)


class TrialReport(Callback):
    """The scores of a trial's epochs, for Optuna's pruner; raises `TrialPruned` where it gives up."""

    def __init__(self, trial: optuna.Trial, recipe: Recipe) -> None:
        self._trial, self._measure = trial, MEASURE[recipe.training.optimise]

    def on_train_begin(self, history: Sequence[EpochRecord]) -> None:
        for epoch in history:
            self._report(epoch)

    def on_epoch_end(self, history: Sequence[EpochRecord], _: nn.Module) -> None:
        self._report(history[-1])

    def _report(self, epoch: EpochRecord) -> None:
        import optuna

        self._trial.report(score(epoch, self._measure), epoch.epoch)
        if self._trial.should_prune():
            raise optuna.TrialPruned
