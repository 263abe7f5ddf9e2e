"""A sweep: trials of a recipe's knobs, and the one that scores highest on `val` (Optuna, 2019).

Scan, audit, split and decoding happen once, in the folder of the study; no trial reads the test fold. The
trials come in rounds of as many as are trained at once. The values of a trial depend on the seed, the size of
the rounds and the trials of earlier rounds alone, and so does whether it is given up; so a study which was
stopped and resumed tries the same ones.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

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
from groupwise.pipeline.budget import say_how_kept
from groupwise.pipeline.resume import locked_run
from groupwise.recipe.aim import MEASURE
from groupwise.recipe.recipe import Recipe, as_dict, flatten, to_yaml, with_fields
from groupwise.runs.deadline import Deadline
from groupwise.runs.request import RunRequest, rounds_of
from groupwise.runs.run import Run
from groupwise.training.selection import score

if TYPE_CHECKING:
    import optuna

# What is tried: up to a factor from the recipe's own value, or a range, widened if that value lies outside.
FACTORS = {"optim.learning_rate": 10.0, "optim.weight_decay": 10.0}
KEPT_S = 2.0  # of a budget, to choose the best and to end the process
LEAST_OF_SHARE = 0.5  # of a trial's time, below which what is left tells nothing beside the others
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
    world = World(device=choose_device(request.recipe.training.device))
    deadline = request.planning.deadline if request.planning else None
    request = replace(request, trials=trials, baselines=False)
    with shared_threads(min(request.workers, trials)), locked_run(request, world, console):
        shared = open_shared(request.folder, console)
        study = _open_study(shared)
        while (done := len(_finished(study))) < trials:
            rounds = rounds_of(trials - done, request.workers)
            ends = trial_deadline(shared.run, deadline, rounds)
            if ends is not None and done and ends.left_s < LEAST_OF_SHARE * trial_s(shared.run):
                console.say(f"The time is over after {done} of {trials} trials.")
                break
            size = min(request.workers, trials - done)
            asked = [_ask(study, shared.recipe, done + k) for k in range(size)]
            outcomes = _run_round(asked, shared, Round(done, trials, request.workers == 1, ends))
            _enter(study, asked, outcomes, shared)
            _write_table(shared, study)
        shutil.rmtree(shared.run.path("cache"), ignore_errors=True)
        chosen = _choose(study, shared)
        say_how_kept(shared.run, deadline, console)
        return chosen


def trial_deadline(run: Run, deadline: Deadline | None, rounds: int) -> Deadline | None:
    """When the next round of trials has to be over; None without a budget.

    All have the same time, an equal share of what was left before the first, so that their scores compare;
    what one that was given up has spared goes to none of the others.
    """
    if deadline is None:
        return None
    if trial_s(run) is None:
        run.note(trial_s=deadline.share(rounds, KEPT_S).budget_s)
    return replace(deadline.share(1, KEPT_S), budget_s=min(trial_s(run), deadline.left_s - KEPT_S))


def trial_s(run: Run) -> Any:
    """Seconds of each trial of the sweep in `run`; None where it has no budget, or not yet."""
    return run.ledger.get("trial_s")


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


@dataclass(frozen=True)
class Round:
    """How trials are trained: after `done` of `trials`, in this process `alone`, by when."""

    done: int
    trials: int
    alone: bool
    ends: Deadline | None


def _run_round(asked: Sequence[optuna.Trial], shared: Shared, this: Round) -> list[Outcome]:
    """Train a round, in this process alone or side by side; returns what came of each, in their order."""
    names = [f"Trial {this.done + k}/{this.trials}" for k in range(1, len(asked) + 1)]
    outcomes: dict[str, Outcome] = {}

    def on_done(name: str, outcome: Outcome) -> None:
        outcomes[name] = outcome
        shared.console.say(f"{name}: {outcome.words}")

    if this.alone:
        on_done(names[0], run_trial(asked[0], shared, names[0], this.ends))
    else:
        tasks = [
            Task(name, run_trial_alone, (shared.run.folder, trial._trial_id, name, this.ends))
            for name, trial in zip(names, asked, strict=True)
        ]
        run_side_by_side(
            tasks,
            len(tasks),
            shared.console,
            title="Trials",
            total=this.trials,
            done=this.done,
            on_done=on_done,
        )
    return [outcomes[name] for name in names]


def _enter(
    study: optuna.Study, asked: Sequence[optuna.Trial], outcomes: Sequence[Outcome], shared: Shared
) -> None:
    """Enter the scores of a whole round; until then its checkpoints stay, to be gone on from."""
    from optuna.trial import TrialState

    aim = shared.recipe.training.optimise
    for trial, outcome in zip(asked, outcomes, strict=True):
        if outcome.best is None:
            study.tell(trial, state=TrialState.PRUNED)
        else:
            trial.set_user_attr("loss", outcome.best.select_loss)
            trial.set_user_attr("epoch", outcome.best.epoch)
            trial.set_user_attr("accuracy", outcome.best.select_accuracy)
            study.tell(trial, score(outcome.best, MEASURE[aim]))
    for trial in asked:
        shutil.rmtree(shared.run.path(trial_folder(trial)), ignore_errors=True)


def _finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Trials that came to their end, in their order; not those that were stopped."""
    from optuna.trial import TrialState

    return study.get_trials(states=[TrialState.COMPLETE, TrialState.PRUNED])


def _write_table(shared: Shared, study: optuna.Study) -> None:
    """Write `sweep.csv`: accuracy and loss on `val` in the best epoch, and the value of each knob.

    Where something else is optimised, its figure stands before them.
    """
    run, aim = shared.run, shared.recipe.training.optimise
    others = () if aim == "accuracy" else (MEASURE[aim],)
    knobs = (*FACTORS, *RANGES)
    rows = []
    for number, trial in enumerate(_finished(study), start=1):
        aimed = [None if trial.value is None else abs(trial.value) for _ in others]
        # A study from before accuracy was entered apart has it as its value
        accuracy = trial.user_attrs.get("accuracy", None if others else trial.value)
        figures = (*aimed, accuracy, trial.user_attrs.get("loss"), trial.user_attrs.get("epoch"))
        values = [trial.params.get(knob) for knob in knobs]
        rows.append((number, trial.state.name.lower(), *figures, *values))
    header = ("trial", "status", *others, "accuracy", "loss", "epoch", *knobs)
    write_csv(run.path("sweep.csv"), header, rows)
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
    words = (
        f"trial {trials.index(best) + 1} of {len(trials)}, {_told(best, recipe)} the"
        f" {len(shared.data.select)} images of val."
        " They chose it, so that figure flatters; the test fold was not read."
    )
    write_atomic(run.path("best.yaml"), f"# The best of a sweep: {words}\n{to_yaml(chosen)}")
    run.record("best.yaml", ["sweep.csv"])
    console.say(f"\nBest: {words}")
    return chosen


def _told(best: optuna.trial.FrozenTrial, recipe: Recipe) -> str:
    """Such as `right on 81.2% of`, or by what is optimised, `with balanced accuracy 0.712 on`."""
    if recipe.training.optimise == "accuracy":
        return f"right on {best.value:.1%} of"
    name = MEASURE[recipe.training.optimise].replace("_", " ")
    return f"with {name} {abs(best.value or 0):.3f} on"
