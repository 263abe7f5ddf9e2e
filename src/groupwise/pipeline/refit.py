"""A refit: a measured network, trained on with all of its folds for the network that is handed over.

It is a run directory of its own, `refit/` in the run that was measured. It has no number: the figures, the
temperature and the thresholds are those of the measured network, and `refit_of` in its ledger says so. Of a
cross-validation the figures are those of the fold models: passes and temperature are in the middle of theirs,
and the thresholds follow from the answers of the first repeat, each of a model that never saw the source.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from groupwise.console import Console
from groupwise.data.proof import proof
from groupwise.data.split import EXCLUDED, Split
from groupwise.distributed.world import World, joined_world
from groupwise.errors import UsageError
from groupwise.evaluation.decide import decide_by, decide_sets_by, reference_rows
from groupwise.evaluation.evaluate import decided_before
from groupwise.evaluation.predictions import read_predictions
from groupwise.files import read_json, sha256_file, write_atomic, write_json
from groupwise.inference.decision import Decision, read_decision, write_decision
from groupwise.inference.predictor import model_config, predict_outputs
from groupwise.models.resnext import ResNeXt
from groupwise.models.weights import load_weights, save_weights
from groupwise.pipeline.fit import refit_clock, run_callbacks, run_trainer, time_line, write_history
from groupwise.pipeline.images import open_data
from groupwise.pipeline.resume import stored_recipe
from groupwise.pipeline.train import end_run, new_model
from groupwise.recipe.recipe import Recipe, to_yaml, with_fields
from groupwise.report.model_card import refit_card
from groupwise.report.page import write_report
from groupwise.runs.deadline import Deadline
from groupwise.runs.files import TEST, headline_fold, read_metrics, read_run
from groupwise.runs.history import read_history
from groupwise.runs.lock import clear, training_lock
from groupwise.runs.run import LEDGER, Run
from groupwise.stats.estimate import headline_measure
from groupwise.stats.ood import OutOfDistribution
from groupwise.training.config import FitResult
from groupwise.training.meter import ProgressMeter
from groupwise.training.state import no_end
from groupwise.training.tracking import tracking
from groupwise.version import __version__

FOLDER = "refit"

# Of the passes and of the rate that the network was trained with (docs/benchmarks.md: as good as anew on all
# images, in a third of the time)
PASSES, RATE, WARMUP = 0.25, 0.6, 0.1
MOST_PASSES = 2.0  # times as many, where it is a deadline that ends them


def refit(
    folder: Path,
    console: Console,
    *,
    root: Path | None = None,
    deadline: Deadline | None = None,
    verdict: bool = False,
) -> Path:
    """Train the network of the run in `folder` on with all of its images; returns the folder of the refit.

    What was stopped goes on, and what is finished stays. `root` is where the images lie if not where they lay
    during training, and `deadline` when the command that it is a part of has promised to end; `verdict` lets
    it end with the one on the measured network. Raises `UsageError` for a run that was not measured, or whose
    epoch `val` did not choose.
    """
    parent = Run.open(folder)
    _refuse(parent)
    recipe = stored_recipe(parent)
    target = parent.path(FOLDER)
    with joined_world(recipe.training.device) as world:
        console = console if world.is_main else Console(quiet=True)
        with training_lock(target) if world.is_main else nullcontext():
            if world.is_main:
                _prepare(parent, target, recipe, root)
            world.barrier()
            run = Run.open(target)
            if "decision.json" in run.ledger["artefacts"]:
                console.say(f"The refit is there already: {target}")
            else:
                _train(run, parent, world, console, deadline)
            if world.is_main:
                _mention(Run.open(target), parent)
                end_run(parent, deadline, console, with_verdict=verdict)
            world.barrier()
    return target


def _refuse(parent: Run) -> None:
    if parent.is_refit:
        parent.refuse_untestable()
    if not parent.is_measured:
        raise UsageError(
            "was not measured, and a refit has no number of its own",
            place=parent.folder,
            remedy="Finish the run with `groupwise train --resume`.",
        )
    refuse_recipe(stored_recipe(parent), parent.folder)


def refuse_recipe(recipe: Recipe, place: str | Path) -> None:
    """Raise `UsageError`, which names `place`, where a run of this recipe cannot be refitted."""
    if recipe.model.features is not None:
        raise UsageError(
            "a probe, whose head is fitted in seconds on the fold that it has",
            place=place,
            remedy="Give a run whose network was trained; or `groupwise probe` with a larger --split.train.",
        )
    fold = recipe.training.select_fold
    if fold != "val":
        raise UsageError(
            f"its epoch is chosen on {fold}, so that no number would be left to speak for the refit",
            place=place,
            remedy="Train with `--training.select_fold val`.",
        )


def _prepare(parent: Run, target: Path, recipe: Recipe, root: Path | None) -> None:
    """Create the run of the refit, unless it is there and of these very weights, wherever they lie now."""
    of = _facts(parent)
    if (target / LEDGER).is_file():
        there = Run.open(target)
        began = there.ledger.get("refit_of", {})
        if "split.json" in there.ledger["artefacts"] and {**began, "run": of["run"]} == of:
            there.note(refit_of=of)
            return
    clear(target)
    run = Run.create(target, data=parent.ledger["data"], root=root or parent.root, version=__version__)
    kept = ("working_directory", "notes", "recipe_changes", "reading", "pretrained")
    run.note(refit_of=of, **{name: parent.ledger[name] for name in kept if name in parent.ledger})
    write_atomic(run.path("recipe.yaml"), to_yaml(_going_on(recipe, max(round(of["passes"]), 1))))
    run.record("recipe.yaml")
    run.inherit_data(parent)
    rows = (row if row.fold == EXCLUDED else row._replace(fold="train") for row in parent.split().rows)
    split = Split(tuple(rows))
    split.write(run.path("split.csv"))
    run.record("split.csv", ["manifest.csv", "clusters.csv"])
    before = read_json(parent.require("split.json"))
    facts = {"method": before["method"], "seed": before["seed"], "copies": before["copies"], **proof(split)}
    write_json(run.path("split.json"), facts)
    run.record("split.json", ["split.csv"])


def _going_on(recipe: Recipe, epochs: int) -> Recipe:
    """The recipe for a network that knows its images already: fewer passes, a lower rate, whole images."""
    training = replace(
        recipe.training,
        epochs=epochs,
        budget_minutes=None,
        patience=None,
        known_from=None,
        start_size_px=None,
    )
    optim = replace(
        recipe.optim,
        learning_rate=float(f"{RATE * recipe.optim.learning_rate:.3g}"),
        schedule="cosine",
        warmup=WARMUP,
        milestones=(),
        head_first=0.0,
    )
    augment = replace(recipe.augment, mixup=0.0, cutmix=0.0)
    return replace(recipe, training=training, optim=optim, augment=augment)


def _facts(parent: Run) -> dict[str, Any]:
    """Which run was measured, how good it was, and the passes over the images that follow."""
    metrics = read_metrics(parent.require("metrics.json"))
    fold = headline_fold(metrics)
    members = parent.members
    return {
        "run": str(parent.folder.resolve()),
        "weights": parent.weights,
        "decision": [sha256_file(member.require("decision.json")) for member in members],
        "fold": fold,
        **{one: metrics[fold][one] for one in {"accuracy", headline_measure(metrics[fold])}},
        "passes": PASSES * median(_passes(member) for member in members),
        "learnt_from": round(median(len(member.split().indices("train")) for member in members)),
    }


def _passes(member: Run) -> float:
    """Wherever training ended, its schedule had come to its end in the passes made until then."""
    stopped = member.ledger.get("stopped")
    return _passes_until(stopped) if stopped else float(len(read_history(member.require("history.csv"))))


def _passes_until(stopped: Mapping[str, int]) -> float:
    return stopped["epoch"] - 1 + stopped["step"] / stopped["steps"]


def _train(run: Run, parent: Run, world: World, console: Console, deadline: Deadline | None) -> None:
    recipe, split, of = stored_recipe(run), run.split(), run.ledger["refit_of"]
    console.say(
        f"Refit: the measured network, which has learnt from {of['learnt_from']:,} images, goes on with all"
        f" {len(split.indices('train')):,}"
    )
    model = new_model(recipe, len(split.classes), pretrained=False)
    load_weights(model, parent.members[0].require("model.safetensors"))
    clock = refit_clock(parent, deadline)
    if clock:
        most = max(round(MOST_PASSES * of["passes"]), 1)
        recipe = with_fields(recipe, {"training.epochs": most})
    # Decoded there already, where the refit goes on with the same command
    data = open_data(recipe, parent.path("cache"), run.manifest(), split, world, console)
    with tracking((), run.folder, {}, console.warn) as tracked, console.progress("Training") as show:
        meter = ProgressMeter(recipe.training, len(data.train), show)
        callbacks = [meter, *run_callbacks(run, world, console, tracked)]
        trainer = run_trainer(recipe, run, data, model, world, callbacks)
        fitted = trainer.fit(resume=True, left_s=clock.left_s if clock else no_end)
    console.say(time_line(fitted.history))
    if fitted.stopped and (passes := _passes_until(fitted.stopped)) < of["passes"]:
        console.warn(f"The time held {passes:.1f} passes over the images; {of['passes']:.1f} are usual.")
    if fitted.interrupted:
        raise KeyboardInterrupt("Stopped. The same command goes on.")
    if world.is_main:
        _keep(run, parent, fitted, model, data.images)
        told = f"{of['fold']} of the measured run {parent.folder}"
        console.say(
            f"Refit: {run.folder}, the one to serve and export. It has no number of its own; that of its card"
            f" is of {told}."
        )


def _keep(run: Run, parent: Run, fitted: FitResult, model: ResNeXt, images: Any) -> None:
    """Write the network with the temperature and the thresholds of the measured one, and its card."""
    recipe, split = stored_recipe(run), run.split()
    write_history(run, fitted.history)
    model.load_state_dict(dict(fitted.weights))
    save_weights(model, run.path("model.safetensors"))
    run.record("model.safetensors", ["recipe.yaml", "split.csv"])
    decision = _cross_fitted(parent, split) if parent.is_ensemble else _decision(parent, split)
    config = model_config(recipe.model.preset, model, split.classes, recipe.data, decision.temperature)
    write_json(run.path("config.json"), config)
    run.record("config.json", ["model.safetensors"])
    # Distances are between features of one network, so that the reference has to be its own
    rows = np.asarray(reference_rows(split, recipe.seed))
    reference = predict_outputs(model, images[rows], recipe.data).features
    run.note(best_epoch=fitted.best.epoch, notes=[*run.ledger["notes"], *fitted.remarks])
    write_atomic(run.path("README.md"), refit_card(read_run(parent.folder), run.ledger["refit_of"], split))
    write_decision(run, decision, reference)


def _decision(member: Run, split: Split) -> Decision:
    temperature = read_json(member.require("config.json"))["temperature"]
    return read_decision(member, split.classes, temperature)[0]


def _cross_fitted(study: Run, split: Split) -> Decision:
    """The decision by what the models of the first repeat say of the images held out from them.

    Answers that are the mean of several repeats are better than those of one network, and promise too much.
    No image is left that the refit did not learn from, by whose features it could flag others.
    """
    config, members = decided_before(study), study.members
    once = [member for member in members if member.folder.parent == members[0].folder.parent]
    told = [read_predictions(member.require("predictions.csv")).of_fold(TEST) for member in once]
    rows = [row for one in told for row in one.rows]
    temperature = median(_decision(member, split).temperature for member in members)
    unlike = OutOfDistribution(config.false_flag_rate, reason="every image was learnt from")
    start = Decision(split.classes, temperature, unlike=unlike)
    probs = np.concatenate([one.probs for one in told])
    targets = np.concatenate([one.targets.values for one in told])
    sources = split.sources_of(rows)
    if split.several:
        return decide_sets_by(probs, targets, sources, start, config)
    return decide_by(probs, targets, sources, start, config)


def _mention(run: Run, parent: Run) -> None:
    """Let the report and the card of the measured run say that there is a refit."""
    learnt = len(run.split().indices("train"))
    facts = {"folder": FOLDER, "learnt_from": learnt, "epochs": run.ledger["best_epoch"]}
    if parent.ledger.get("refit") != facts and parent.path("report.html").is_file():
        parent.note(refit=facts)
        write_report(parent.folder)
