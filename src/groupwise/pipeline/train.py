"""The whole chain over a run directory: scan, audit, split, train, evaluate, report."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from groupwise.console import Console
from groupwise.data.split import Split
from groupwise.distributed.world import World, joined_world
from groupwise.errors import UsageError
from groupwise.evaluation.evaluate import score_fold, write_scores
from groupwise.evaluation.leakage import estimate_leakage, exposure_lines, write_leakage
from groupwise.evaluation.slice_files import write_slices
from groupwise.files import read_json
from groupwise.inference.decision import Decision
from groupwise.inference.predictor import Outputs, predict_outputs
from groupwise.inference.text import decision_lines
from groupwise.models.resnext import ResNeXt
from groupwise.models.weights import load_weights
from groupwise.pipeline.baselines import add_baselines
from groupwise.pipeline.budget import note_budget, say_how_kept
from groupwise.pipeline.fit import (
    run_callbacks,
    run_trainer,
    stop_line,
    time_line,
    training_clock,
    write_history,
)
from groupwise.pipeline.images import open_data, open_images
from groupwise.pipeline.keep import keep_network
from groupwise.pipeline.probe import train_probe
from groupwise.pipeline.resume import locked_run, stored_recipe
from groupwise.planning.after_training import TrainingClock
from groupwise.planning.network import network_config
from groupwise.recipe.recipe import Recipe, as_dict, flatten
from groupwise.report.page import write_report
from groupwise.report.verdict import verdict
from groupwise.runs.deadline import Deadline
from groupwise.runs.files import headline_fold, read_run
from groupwise.runs.request import RunRequest
from groupwise.runs.run import Run
from groupwise.stats.arrays import Ints
from groupwise.training.config import FitData, FitResult
from groupwise.training.memory import peak_memory_bytes
from groupwise.training.meter import ProgressMeter
from groupwise.training.state import no_end
from groupwise.training.tracking import tracking


class Interrupted(KeyboardInterrupt):
    """The user stopped training after at least one whole epoch; the best one is kept, and so is the state."""


@dataclass(frozen=True)
class TrainOptions:
    """How one training is carried out.

    Args:
        resume: Whether it goes on from its checkpoints.
        track: The trackers that are told of every epoch.
        clock: What says how long it may go on; None leaves that to the recipe.
        deadline: When the whole command has promised to end, for what no clock can cut short.
    """

    resume: bool = False
    track: Sequence[str] = ()
    clock: TrainingClock | None = None
    deadline: Deadline | None = None


def train(request: RunRequest, console: Console) -> dict[str, Any]:
    """Do every step that is not done yet; returns the metrics of each fold that took no part in training."""
    if request.workers > 1:
        raise UsageError(
            "one network cannot be trained side by side with others",
            place=f"--jobs {request.workers}",
            remedy="Add --cv K for several, or start several processes for the one with torchrun.",
        )
    with joined_world(request.recipe.training.device) as world:
        if not world.is_main:
            console = Console(quiet=True)
        with locked_run(request, world, console) as (request, run):
            return _train(request, run, world, console)


def _train(request: RunRequest, run: Run, world: World, console: Console) -> dict[str, Any]:
    if request.resume and _is_finished(run):
        console.say(f"Nothing is left to do. Report: {run.path('report.html')}")
        return read_json(run.require("metrics.json")) if world.is_main else {}
    recipe = stored_recipe(run)
    cache = run.path("cache")
    deadline = promised = request.planning.deadline if request.planning else None
    if promised is not None and request.resume and _has_begun(run):
        deadline = None
        console.say("The budget does not count anew: training goes on for the time that its plan gave it.")
    options = TrainOptions(request.resume, request.track, training_clock(run, deadline), deadline)
    metrics = train_prepared(run, recipe, cache, world, console, options)
    if world.is_main:
        _imagine_random_split(run, recipe, console)
        write_slices(run, headline_fold(metrics))
        note_budget(run, promised)
        _report(run, metrics, console)
        if not request.refit:  # which needs images and time that are left, and ends the same
            end_run(run, deadline, console)
    return metrics


def _has_begun(run: Run) -> bool:
    """Whether there are checkpoints, which hold all that was read and learnt."""
    return any(run.path("checkpoints").glob("*.safetensors"))


def _is_finished(run: Run) -> bool:
    """Whether training came to its end, and its number into a report."""
    return run.is_measured and run.path("report.html").is_file()


def train_prepared(
    run: Run,
    recipe: Recipe,
    cache: Path,
    world: World,
    console: Console,
    options: TrainOptions,
) -> dict[str, Any]:
    """Train on the split that lies in `run`, and measure the folds that were not trained on.

    `cache` is the folder of the decoded images; it is filled where it is empty, and stays. Returns the
    metrics by fold, and nothing in any process but the main one. Raises `Interrupted` after Ctrl-C.
    """
    if recipe.model.features is not None:
        deadline = options.deadline
        return train_probe(run, recipe, cache, console, deadline) if world.is_main else {}
    manifest, split = run.manifest(), run.split()
    started = options.resume and _has_begun(run)
    model = new_model(recipe, len(split.classes), pretrained=not started, rank=world.rank)
    data = open_data(recipe, cache, manifest, split, world, console)
    clock = None if started else options.clock  # what was begun before ends as it was planned then
    with tracking(options.track, run.folder, flatten(as_dict(recipe)), console.warn) as tracked:
        callbacks = run_callbacks(run, world, console, tracked)
        with console.progress("Training") as show:
            meter = ProgressMeter(recipe.training, len(data.train), show)
            timed = recipe if clock is None else clock.recipe(recipe)
            trainer = run_trainer(timed, run, data, model, world, [meter, *callbacks])
            fitted = trainer.fit(resume=options.resume, left_s=clock.left_s if clock else no_end)
        console.say(time_line(fitted.history))
        if fitted.stopped:
            console.say(stop_line(fitted.stopped))
        if not world.is_main:
            return {}
        for line in decision_lines(_keep(recipe, run, fitted, model, data)):
            console.say(line)
        if fitted.interrupted:
            raise Interrupted(
                f"Stopped after epoch {len(fitted.history)}. The best epoch is kept in {run.folder};"
                " the same command goes on with --resume added, or measure it with `groupwise evaluate`."
            )
        folds = [fold for fold in split.folds if fold != "train"]
        why = "the final evaluation"
        scores = {fold: score_fold(run, fold, images=data.images, why=why) for fold in folds}
        metrics = write_scores(run, scores)
        left_s = None if clock is None else clock.baselines_s()
        add_baselines(run, recipe, data.images, fitted.history, console, most_s=left_s)
        tracked.finish(fitted.history, metrics)
        return metrics


def new_model(recipe: Recipe, num_classes: int, *, pretrained: bool = True, rank: int = 0) -> ResNeXt:
    """The network of a recipe as it is before training: its weights are decided by the seed, or read.

    Without `pretrained` no file is read. What its layers draw from then on goes by the `rank` of the process.
    """
    torch.manual_seed(recipe.seed)
    model = ResNeXt(network_config(recipe, num_classes))
    if recipe.model.weights and pretrained:
        load_weights(model, Path(recipe.model.weights), replace_head=True, adapt_stem=True)
    if rank:
        torch.manual_seed(recipe.seed + rank)
    return model


def _keep(recipe: Recipe, run: Run, fitted: FitResult, model: ResNeXt, data: FitData) -> Decision:
    """Write the history and the best epoch's weights with all that is needed to use them."""
    write_history(run, fitted.history)
    model.load_state_dict(dict(fitted.weights))

    def look(rows: Ints) -> Outputs:
        return predict_outputs(model, data.images[rows], recipe.data)

    decision = keep_network(run, recipe, model, recipe.model.preset, look)
    if recipe.training.pth:
        torch.save(dict(fitted.weights), run.path("best_model.pth"))
    run.note(
        interrupted=fitted.interrupted,
        best_epoch=fitted.best.epoch,
        stopped=dict(fitted.stopped),
        peak_memory_bytes=peak_memory_bytes(),
        notes=list(dict.fromkeys([*run.ledger["notes"], *fitted.remarks])),
    )
    return decision


def _imagine_random_split(run: Run, recipe: Recipe, console: Console) -> None:
    """Write what a random split would have hidden; the images are decoded already."""
    manifest, split = run.manifest(), run.split()
    images = open_images(recipe, run.path("cache"), manifest, split, console)
    write_leakage(run, estimate_leakage(split, _shares(recipe, split), images, seed=recipe.seed))


def _shares(recipe: Recipe, split: Split) -> dict[str, float]:
    """The relative sizes of the folds, as they were asked for or as the data brought them."""
    if not recipe.split.is_given:
        return recipe.split.shares
    return {fold: float(len(split.indices(fold))) for fold in split.folds}


def _report(run: Run, metrics: dict[str, Any], console: Console) -> None:
    """Write the report, and say the number."""
    report = write_report(run.folder)
    for line in exposure_lines(metrics[headline_fold(metrics)]):
        console.say(f"  {line}")
    console.say(f"Report: {report}")


def end_run(run: Run, deadline: Deadline | None, console: Console, *, with_verdict: bool = True) -> None:
    """The end of a command that trained: the verdict, the decoded images gone, how the budget was kept."""
    if with_verdict:
        _say_verdict(run, console)
    shutil.rmtree(run.path("cache"), ignore_errors=True)
    say_how_kept(run, deadline, console)


def _say_verdict(run: Run, console: Console) -> None:
    """Line by line, as `report.json` holds it."""
    said = verdict(read_run(run.folder))
    alarming = said.sentences[:1] if said.failed else (() if said.trusted else (said.trust,))
    console.say("")
    for line in said.sentences:
        (console.warn if line in alarming else console.say)(line)
