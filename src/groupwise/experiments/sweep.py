"""A sweep: trials of a recipe's knobs, and the one that scores highest on `val` (Optuna, 2019).

Scan, audit, split and decoding happen once, in the folder of the study; no trial reads the test fold. The
trials come in rounds of as many as are trained at once. The values of a trial depend on the seed, the size of
the rounds and the trials of earlier rounds alone, and so does whether it is given up; so a study which was
stopped and resumed tries the same ones.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from groupwise.console import Console
from groupwise.distributed.world import World, choose_device
from groupwise.errors import GroupwiseError, UsageError
from groupwise.experiments.sweep_trial import (
    Outcome,
    Shared,
    open_shared,
    run_trial,
    run_trial_alone,
    study_options,
    trial_folder,
)
from groupwise.files import write_atomic, write_csv
from groupwise.parallel.pool import refuse_several_processes, run_side_by_side, shared_threads
from groupwise.parallel.process import Task
from groupwise.pipeline.resume import locked_run
from groupwise.recipe.recipe import Recipe, as_dict, flatten, to_yaml, with_fields
from groupwise.runs.request import RunRequest
from groupwise.runs.run import Run
from groupwise.training.memory import keep_freed_memory

if TYPE_CHECKING:
    import optuna

# What is tried: up to a factor from the recipe's own value, or a range, widened if that value lies outside.
FACTORS = {"optim.learning_rate": 10.0, "optim.weight_decay": 10.0}
RANGES = {
    "loss.label_smoothing": (0.0, 0.3),
    "augment.zoom": (0.5, 1.0),
    "augment.rotate_degrees": (0.0, 30.0),
}


def sweep(request: RunRequest, trials: int, console: Console) -> Recipe:
    """Try until there are `trials` finished ones; writes and returns the best recipe, `best.yaml`.

    The first trial is the recipe as it is, so the best is at least as good on `val`. A trial that falls below
    the median of the others is given up. Every trial is a row of `sweep.csv`. Raises `UsageError` without
    Optuna, and `KeyboardInterrupt` after Ctrl-C.
    """
    _refuse(request.recipe, trials)
    refuse_several_processes(request.workers)
    keep_freed_memory()
    world = World(device=choose_device(request.recipe.training.device))
    with shared_threads(min(request.workers, max(trials, 1))), locked_run(request, world, console):
        shared = open_shared(request.folder, console)
        study = _open_study(shared)
        while (done := len(_finished(study))) < trials:
            size = min(request.workers, trials - done)
            asked = [_ask(study, shared.recipe, done + k) for k in range(size)]
            outcomes = _run_round(asked, shared, done, trials, alone=request.workers == 1)
            _enter(study, asked, outcomes, shared.run)
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


def _open_study(shared: Shared) -> optuna.Study:
    """The study in the run's journal; a trial that was stopped is put first in the queue."""
    import optuna

    study = optuna.create_study(**study_options(shared), direction="maximize", load_if_exists=True)
    if not study.trials:
        study.enqueue_trial(_own_values(shared.recipe))
    for stopped in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
        study.tell(stopped.number, state=optuna.trial.TrialState.FAIL)
        study.enqueue_trial(stopped.params, user_attrs={"folder": trial_folder(stopped)})
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


def _run_round(
    asked: Sequence[optuna.Trial], shared: Shared, done: int, trials: int, *, alone: bool
) -> list[Outcome]:
    """Train a round, in this process `alone` or side by side; returns what came of each, in their order."""
    names = [f"Trial {done + k}/{trials}" for k in range(1, len(asked) + 1)]
    outcomes: dict[str, Outcome] = {}

    def on_done(name: str, outcome: Outcome) -> None:
        outcomes[name] = outcome
        shared.console.say(f"{name}: {outcome.words}")

    if alone:
        on_done(names[0], run_trial(asked[0], shared, names[0]))
    else:
        tasks = [
            Task(name, run_trial_alone, (shared.run.folder, trial._trial_id, name))
            for name, trial in zip(names, asked, strict=True)
        ]
        run_side_by_side(
            tasks, len(tasks), shared.console, title="Trials", total=trials, done=done, on_done=on_done
        )
    return [outcomes[name] for name in names]


def _enter(study: optuna.Study, asked: Sequence[optuna.Trial], outcomes: Sequence[Outcome], run: Run) -> None:
    """Enter the scores of a whole round; until then its checkpoints stay, to be gone on from."""
    from optuna.trial import TrialState

    for trial, outcome in zip(asked, outcomes, strict=True):
        if outcome.best is None:
            study.tell(trial, state=TrialState.PRUNED)
        else:
            trial.set_user_attr("loss", outcome.best.select_loss)
            trial.set_user_attr("epoch", outcome.best.epoch)
            study.tell(trial, outcome.best.select_accuracy)
    for trial in asked:
        shutil.rmtree(run.path(trial_folder(trial)), ignore_errors=True)


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
    return chosen
