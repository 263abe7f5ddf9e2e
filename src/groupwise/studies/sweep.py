"""Turns a job and a number of trials into the recipe that scores highest on `val` (Optuna, 2019).

Scan, audit, split and decoding happen once, in the folder of the study; no trial reads the test fold. The
values of a trial depend on the seed and on the trials before it alone, so that a study which was stopped and
resumed tries the same ones.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from groupwise.allocator import keep_freed_memory
from groupwise.beginning import begin, stored_recipe
from groupwise.console import Console
from groupwise.data.manifest import read_manifest
from groupwise.data.split import read_split
from groupwise.distributed import World, choose_device
from groupwise.errors import GroupwiseError, UsageError
from groupwise.files import write_atomic, write_csv
from groupwise.fitting import fit_config
from groupwise.job import Job
from groupwise.pipeline import new_model, open_data
from groupwise.recipe import Recipe, as_dict, flatten, to_yaml, with_fields
from groupwise.run import Run
from groupwise.training.loop import fit
from groupwise.training.pace import Pace
from groupwise.training.terms import Diverged, Epoch, FitData, Fitted

if TYPE_CHECKING:
    import optuna

JOURNAL = "sweep.journal"
# What is tried: up to a factor from the recipe's own value, or a range, widened if that value lies outside.
FACTORS = {"optim.learning_rate": 10.0, "optim.weight_decay": 10.0}
RANGES = {
    "loss.label_smoothing": (0.0, 0.3),
    "augment.zoom": (0.5, 1.0),
    "augment.rotate_degrees": (0.0, 30.0),
}
WARM_UP = 1 / 3  # share of the epochs before a trial below the median may be given up


@dataclass(frozen=True)
class Shared:
    """What every trial has in common; the run holds the study."""

    run: Run
    recipe: Recipe
    data: FitData
    world: World
    console: Console


def sweep(job: Job, trials: int, console: Console) -> Recipe:
    """Try until there are `trials` finished ones; writes and returns the best recipe, `best.yaml`.

    The first trial is the recipe as it is, so the best is at least as good on `val`. A trial that falls below
    the median of the others is given up. Every trial is a row of `sweep.csv`. Raises `UsageError` without
    Optuna, and `KeyboardInterrupt` after Ctrl-C.
    """
    _refuse(job.recipe, trials)
    keep_freed_memory()
    shared = _prepare(job, console)
    study = _open_study(shared)
    while (done := len(_finished(study))) < trials:
        _try(study, _ask(study, shared.recipe, done), shared, f"Trial {done + 1}/{trials}")
        _write_table(shared.run, study)
    shutil.rmtree(shared.run.path("cache"), ignore_errors=True)
    return _choose(study, shared)


def _refuse(recipe: Recipe, trials: int) -> None:
    if find_spec("optuna") is None:
        raise UsageError(
            "optuna is not installed",
            place="sweep",
            remedy="Install it: pip install 'groupwise[sweep]'",
        )
    if trials < 1:
        raise UsageError(f"{trials} trials", place="--trials", remedy="Give at least 1; 20 is usual.")
    if recipe.training.select_fold != "val":
        raise UsageError(
            "every trial would read the test fold",
            place=f"training.select_fold {recipe.training.select_fold}",
            remedy="Give --training.select_fold val, and split.val a share.",
        )


def _prepare(job: Job, console: Console) -> Shared:
    """Scan, audit, split and decode, or open what is there."""
    world = World(device=choose_device(job.recipe.training.device))
    begin(job, world, console)
    run = Run.open(job.folder)
    recipe = stored_recipe(run)
    manifest = read_manifest(run.require("manifest.csv"), Path(run.ledger["root"]))
    split = read_split(run.require("split.csv"))
    data = open_data(recipe, run.path("cache"), manifest, split, world, console)
    return Shared(run, recipe, data, world, console)


def _open_study(shared: Shared) -> optuna.Study:
    """The study in the run's journal; a trial that was stopped is put first in the queue."""
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name="sweep",
        direction="maximize",
        storage=optuna.storages.JournalStorage(JournalFileBackend(str(shared.run.path(JOURNAL)))),
        pruner=optuna.pruners.MedianPruner(n_warmup_steps=round(WARM_UP * shared.recipe.training.epochs)),
        load_if_exists=True,
    )
    if not study.trials:
        study.enqueue_trial(_own_values(shared.recipe))
    for stopped in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
        study.tell(stopped.number, state=optuna.trial.TrialState.FAIL)
        study.enqueue_trial(stopped.params, user_attrs={"folder": _folder(stopped)})
    return study


def _own_values(recipe: Recipe) -> dict[str, float]:
    fields = flatten(as_dict(recipe))
    return {name: float(fields[name]) for name in (*FACTORS, *RANGES)}


def _ask(study: optuna.Study, recipe: Recipe, done: int) -> optuna.Trial:
    """The next trial, with a value for every knob; a knob that multiplies 0 stays there."""
    from optuna.samplers import TPESampler

    seed = np.random.SeedSequence((recipe.seed, done)).generate_state(1)[0]
    study.sampler = TPESampler(seed=int(seed))
    trial = study.ask()
    for name, own in _own_values(recipe).items():
        if name in RANGES:
            low, high = RANGES[name]
            trial.suggest_float(name, min(low, own), max(high, own))
        elif own:
            trial.suggest_float(name, own / FACTORS[name], own * FACTORS[name], log=True)
    return trial


def _folder(trial: optuna.trial.FrozenTrial | optuna.Trial) -> str:
    """Where the checkpoints of a trial lie; one that was stopped goes on from those it began with."""
    return str(trial.user_attrs.get("folder", f"trial-{trial.number}"))


def _try(study: optuna.Study, trial: optuna.Trial, shared: Shared, name: str) -> None:
    """Train with the values of one trial, and enter its score."""
    import optuna

    values = ", ".join(f"{knob.partition('.')[2]} {value:.2g}" for knob, value in trial.params.items())
    try:
        fitted = _fit(trial, shared, name)
    except (optuna.TrialPruned, Diverged) as end:
        status = "diverged" if isinstance(end, Diverged) else "below the median, given up"
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        shared.console.say(f"{name}: {status} ({values})")
    else:
        if fitted.interrupted:
            raise KeyboardInterrupt(f"Stopped in {name.lower()}. Go on with --resume.")
        best = fitted.best
        trial.set_user_attr("loss", best.select_loss)
        trial.set_user_attr("epoch", best.epoch)
        study.tell(trial, best.select_accuracy)
        shared.console.say(f"{name}: val {best.select_accuracy:.1%} in epoch {best.epoch} ({values})")
    shutil.rmtree(shared.run.path(_folder(trial)), ignore_errors=True)


def _fit(trial: optuna.Trial, shared: Shared, name: str) -> Fitted:
    """Train one network; raises `TrialPruned` where Optuna's pruner gives it up."""
    import optuna

    recipe = with_fields(shared.recipe, trial.params)
    pace = Pace(recipe.training, len(shared.data.train))

    def on_begin(history: Sequence[Epoch]) -> None:
        pace.begin(history)
        for epoch in history:
            trial.report(epoch.select_accuracy, epoch.epoch)

    def on_epoch(history: Sequence[Epoch]) -> None:
        pace.begin(history)
        trial.report(history[-1].select_accuracy, len(history))
        if trial.should_prune():
            raise optuna.TrialPruned

    def on_batch(done: int, total: int) -> None:
        pace.step(done)
        progress(done, total, task=f"{name}, {pace.task.lower()}", note=pace.note(total))

    with shared.console.progress(name) as progress:
        return fit(
            new_model(recipe, shared.data.num_classes),
            shared.data,
            fit_config(recipe),
            world=shared.world,
            checkpoints=shared.run.path(_folder(trial)),
            resume=True,
            on_begin=on_begin,
            on_batch=on_batch,
            on_epoch=on_epoch,
            warn=shared.console.warn,
        )


def _finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Trials that came to their end, in their order; not those that were stopped."""
    from optuna.trial import TrialState

    return study.get_trials(states=[TrialState.COMPLETE, TrialState.PRUNED])


def _write_table(run: Run, study: optuna.Study) -> None:
    """Write `sweep.csv`: accuracy and loss on `val` in the best epoch, and the value of each knob."""
    knobs = (*FACTORS, *RANGES)
    rows = []
    for number, trial in enumerate(_finished(study), start=1):
        figures = (trial.value, trial.user_attrs.get("loss"), trial.user_attrs.get("epoch"))
        values = [trial.params.get(knob) for knob in knobs]
        rows.append((number, trial.state.name.lower(), *figures, *values))
    write_csv(run.path("sweep.csv"), ("trial", "status", "accuracy", "loss", "epoch", *knobs), rows)
    run.record("sweep.csv", ["recipe.yaml", "split.csv"])


def _choose(study: optuna.Study, shared: Shared) -> Recipe:
    """Write the recipe of the best trial, and say how far its score can be trusted."""
    run, recipe, console = shared.run, shared.recipe, shared.console
    trials = _finished(study)
    learnt = [trial for trial in trials if trial.user_attrs.get("epoch")]
    if not learnt:
        raise GroupwiseError(
            "no trial learnt anything", place=run.folder, remedy="Lower optim.learning_rate in the recipe."
        )
    best = max(learnt, key=lambda trial: (trial.value, -trial.user_attrs["loss"]))
    chosen = replace(with_fields(recipe, best.params), name=f"{recipe.name}-swept")
    score = f"{best.value:.1%} of the {len(shared.data.select)} images of val"
    words = (
        f"trial {trials.index(best) + 1} of {len(trials)}, right on {score}."
        " They chose it, so that figure flatters; the test fold was not read."
    )
    write_atomic(run.path("best.yaml"), f"# The best of a sweep: {words}\n{to_yaml(chosen)}")
    run.record("best.yaml", ["sweep.csv"])
    console.say(f"\nBest: {words}")
    console.say(f"Train it: groupwise train {run.ledger['data']} --recipe {run.path('best.yaml')} --run ...")
    return chosen
