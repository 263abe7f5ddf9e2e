"""Cross-validation: K models a repeat, each trained without one fold, which it is then tested on.

Scan, audit and decoding happen once, in the folder of the study; each fold model is an ordinary run below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from groupwise.console import Console
from groupwise.data.divisions import divide_again, hold_out
from groupwise.data.proof import proof
from groupwise.data.split import Split
from groupwise.distributed.world import World, choose_device, joined_world
from groupwise.errors import UsageError
from groupwise.evaluation.words import sentence
from groupwise.experiments.pooling import pool
from groupwise.files import read_json, write_atomic, write_json
from groupwise.parallel.pool import refuse_several_processes, run_side_by_side, shared_threads
from groupwise.parallel.process import Task
from groupwise.pipeline.budget import note_budget
from groupwise.pipeline.fit import training_clock
from groupwise.pipeline.images import open_images
from groupwise.pipeline.resume import locked_run, stored_recipe
from groupwise.pipeline.train import TrainOptions, end_run, train_prepared
from groupwise.planning.after_training import OF_FOLD, AfterTraining, waiting_so_far
from groupwise.recipe.recipe import Recipe, to_yaml
from groupwise.runs.deadline import Deadline
from groupwise.runs.lock import ORPHAN_S, clear, training_lock
from groupwise.runs.request import CrossValidation, RunRequest, rounds_of
from groupwise.runs.run import LEDGER, Run
from groupwise.stats.estimate import headline_measure
from groupwise.text import count, listed
from groupwise.version import __version__


@dataclass(frozen=True)
class FoldModel:
    """One model of the study: its folder there, the split that holds its fold out, and its recipe."""

    name: str
    split: Split
    recipe: Recipe


def crossval(request: RunRequest, console: Console) -> dict[str, Any]:
    """Train and measure every fold model that is not there yet; returns the metrics of the answers pooled.

    Raises `UsageError` for a recipe that cannot be cross-validated, before any file is read.
    """
    cv = request.cv
    assert cv is not None
    _refuse(request.recipe, cv)
    refuse_several_processes(request.workers)
    workers = min(request.workers, len(cv.models))
    with shared_threads(workers), joined_world(request.recipe.training.device) as world:
        if not world.is_main:
            console = Console(quiet=True)
        with locked_run(request, world, console) as (request, study):
            # All splits first: one that cannot be made is refused before the first training.
            models = list(fold_models(study, stored_recipe(study), cv))
            if request.workers > 1:
                _train_side_by_side(study, models, request, console)
            else:
                for model in models:
                    folder = study.path(model.name)
                    # The study may have been killed side by side, and a worker of it be about to leave.
                    with training_lock(folder, patience_s=ORPHAN_S) if world.is_main else nullcontext():
                        _train(study, model, world, console, request)
            if not world.is_main:
                return {}
            _warn_of_cut_sources(study, cv, console)
            deadline = request.planning.deadline if request.planning else None
            note_budget(study, deadline)
            metrics = pool(study, cv, cv.models, console)
            if not request.refit:  # which needs images and time that are left, and ends the same
                end_run(study, deadline, console)
            return metrics


def _warn_of_cut_sources(study: Run, cv: CrossValidation, console: Console) -> None:
    """Name the fold models whose epoch was chosen by siblings of what they learnt from.

    Earlier versions cut sources there that only an image which takes no part joins. A division that the data
    bring may cut some itself, which is said when it is read.
    """
    if read_json(study.path("split.json"))["method"] == "given":
        return
    cut = [name for name in cv.models if read_json(study.path(f"{name}/split.json"))["spanning_sources"]]
    if cut:
        console.warn(
            f"Images of one source stand in train and val of {count(len(cut), 'fold model')}"
            f" ({listed(cut, 3)}), which an earlier version divided so: their epochs were chosen by images"
            " like those that they learnt from. The same command with another --run keeps sources whole."
        )


def _refuse(recipe: Recipe, cv: CrossValidation) -> None:
    if recipe.split.is_given and cv.repeats > 1:
        raise UsageError(
            "a split that is given divides the images once",
            place=f"--repeats {cv.repeats}",
            remedy="Leave out --repeats, or --split.given.",
        )
    if recipe.split.method != "grouped":
        raise UsageError(
            "cross-validation keeps every source in one fold, which a random split does not",
            place=f"split.method {recipe.split.method}",
            remedy="Leave out --cv, or give --split.method grouped.",
        )
    if recipe.training.select_fold != "val":
        raise UsageError(
            "the fold that is held out would choose its own epoch",
            place=f"training.select_fold {recipe.training.select_fold}",
            remedy="Give --training.select_fold val, and split.val a share.",
        )
    if recipe.split.fewest_tested:
        raise UsageError(
            "cross-validation tests every image, so it has no class that is learnt and not tested",
            place="--rare train",
            remedy="Leave out --rare train, and classes of few sources are left out; or leave out --cv.",
        )
    if recipe.split.extend:
        raise UsageError(
            "cross-validation divides the images itself",
            place="split.extend",
            remedy="Leave one of them out.",
        )


def fold_models(study: Run, recipe: Recipe, cv: CrossValidation) -> Iterator[FoldModel]:
    """Every model of the study, in the order in which they are trained.

    The study's own split is the division of the first repeat; each further repeat has its own division and
    its own seed. Of what is not held out, `val` has the same share as in the recipe.
    """
    division = first = study.split()
    val = recipe.split.val / (recipe.split.train + recipe.split.val)
    for repeat in range(1, cv.repeats + 1):
        seed = recipe.seed + repeat - 1
        if repeat > 1:
            division = divide_again(first, seed=seed)
        for fold in cv.shares:
            split = hold_out(division, fold, val=val, seed=seed)
            yield FoldModel(cv.model(repeat, fold), split, replace(recipe, seed=seed))


def _train(study: Run, model: FoldModel, world: World, console: Console, request: RunRequest) -> None:
    """Train and measure one model, going on from where it was left."""
    if world.is_main:
        _prepare(study, model)
    world.barrier()
    run = Run.open(study.path(model.name))
    finished = _is_finished(study, model.name)
    deadline = fold_deadline(study, request, _unfinished(study, request))
    world.barrier()  # nobody goes on before all have looked
    if finished:
        console.say(f"\n{model.name} is there already")
        return
    console.say(f"\n{model.name}: {len(model.split.indices('test')):,} images are held out")
    cache = study.path("cache")
    options = TrainOptions(True, request.track, training_clock(run, deadline, rest=OF_FOLD))
    metrics = train_prepared(run, model.recipe, cache, world, console, options)
    if world.is_main:
        console.say(_number(metrics["test"]))


def _train_side_by_side(
    study: Run, models: Sequence[FoldModel], request: RunRequest, console: Console
) -> None:
    """Train and measure all models that are not finished, several at once, from one cache of images."""
    finished = [model.name for model in models if _is_finished(study, model.name)]
    left = len(models) - len(finished)
    for name in finished:
        console.say(f"{name} is there already")
    cache = study.path("cache")

    def tasks() -> Iterator[Task]:
        missing = (model for model in models if model.name not in finished)
        for number, model in enumerate(missing):
            folder = study.path(model.name)
            with training_lock(folder, patience_s=ORPHAN_S):
                _prepare(study, model)
            deadline = fold_deadline(study, request, left - number)
            yield Task(model.name, train_fold, (folder, model.recipe, cache, request.track, deadline))

    if left:
        recipe = stored_recipe(study)
        manifest = study.manifest()
        open_images(recipe, cache, manifest, study.split(), console)
    run_side_by_side(
        tasks(),
        request.workers,
        console,
        title="Fold models",
        total=len(models),
        done=len(finished),
        on_done=lambda name, words: console.say(f"{name}: {words}"),
    )


def train_fold(
    folder: Path,
    recipe: Recipe,
    cache: Path,
    track: tuple[str, ...],
    deadline: Deadline | None,
    console: Console,
) -> str:
    """Train and measure the model whose run is in `folder`, alone in this process; returns its accuracy."""
    world = World(device=choose_device(recipe.training.device))
    with training_lock(folder, patience_s=ORPHAN_S):
        run = Run.open(folder)
        options = TrainOptions(True, track, training_clock(run, deadline, rest=OF_FOLD))
        metrics = train_prepared(run, recipe, cache, world, console, options)
    return _number(metrics["test"])


def _number(figures: dict[str, Any]) -> str:
    measure = headline_measure(figures)
    return sentence(measure, figures[measure])


def fold_deadline(study: Run, request: RunRequest, missing: int) -> Deadline | None:
    """When the next model has to be measured, where `missing` ones are to be trained with it; None for never.

    What is left of the budget is divided among the rounds to come and a refit, which takes a part of one, but
    for what pooling their answers takes and what ends the refit.
    """
    planned = study.ledger.get("plan", {}).get("after_training")
    deadline = request.planning.deadline if request.planning else None
    if deadline is None or planned is None:
        return None
    after = AfterTraining(**planned)
    parts, kept_s = float(max(rounds_of(missing, request.workers), 1)), after.pooling_s
    if request.refit:
        parts, kept_s = parts + after.refit_share, kept_s + after.refit_s
    return deadline.share(parts, kept_s * waiting_so_far())


def _unfinished(study: Run, request: RunRequest) -> int:
    assert request.cv is not None
    return sum(not _is_finished(study, name) for name in request.cv.models)


def _is_finished(study: Run, name: str) -> bool:
    folder = study.path(name)
    return (folder / LEDGER).is_file() and Run.open(folder).is_measured


def _prepare(study: Run, model: FoldModel) -> None:
    """Create the run of one model unless it is there whole."""
    folder = study.path(model.name)
    if (folder / LEDGER).is_file() and "split.json" in Run.open(folder).ledger["artefacts"]:
        return
    clear(folder)
    run = Run.create(folder, data=study.ledger["data"], root=study.root, version=__version__)
    kept = (
        "working_directory",
        "notes",
        "recipe_changes",
        "baselines",
        "optimise",
        "plan",
        "chosen",
        "pretrained",
    )
    run.note(**{name: study.ledger[name] for name in kept if name in study.ledger})
    write_atomic(run.path("recipe.yaml"), to_yaml(model.recipe))
    run.record("recipe.yaml")
    run.inherit_data(study)
    model.split.write(run.path("split.csv"))
    run.record("split.csv", ["manifest.csv", "clusters.csv"])
    asked = model.recipe.split
    facts = {
        "method": "given" if asked.is_given else asked.method,
        "seed": model.recipe.seed,
        "copies": read_json(study.require("split.json")).get("copies"),
        **proof(model.split),
    }
    write_json(run.path("split.json"), facts)
    run.record("split.json", ["split.csv"])
