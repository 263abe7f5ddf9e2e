"""Opens or creates the run of a job, refusing before the long work whatever would fail after it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from groupwise.console import Console
from groupwise.data.manifest import Manifest
from groupwise.data.reading import reading_words
from groupwise.data.split import Split
from groupwise.distributed.environment import environment
from groupwise.distributed.world import World, restarted
from groupwise.errors import UsageError
from groupwise.files import remove_partial_files, sha256_file, write_atomic, write_json
from groupwise.models.complexity import complexity
from groupwise.models.resnext import ResNeXt, ResNeXtConfig, configure
from groupwise.models.weights import load_weights
from groupwise.pipeline.plan import plan_job
from groupwise.pipeline.prepare import prepare, scan_with_progress, write_prepared
from groupwise.recipe.parsing import build_recipe
from groupwise.recipe.recipe import Recipe, as_dict, differences, flatten, read_fields, to_yaml
from groupwise.runs.lock import claimed, clear
from groupwise.runs.provenance import count_known_images
from groupwise.runs.request import CrossValidation, Job
from groupwise.runs.run import LEDGER, Run
from groupwise.training.optimizer import freeze
from groupwise.training.trackers import require_trackers
from groupwise.version import __version__

# Fields that a scan decides where they are not given.
SETTLED = ("data.integer_range", "data.float_range")


@contextmanager
def begun(job: Job, world: World, console: Console) -> Iterator[tuple[Job, Run]]:
    """Open or create the run, by the main process; no other command can train in it within the block.

    The job that comes with it resumes where `torchrun` started the processes of this one again.
    """
    with claimed(job.folder) if world.is_main else nullcontext():
        job = replace(job, resume=world.any(job.resume or (world.is_main and _goes_on(job.folder, world))))
        if world.is_main:
            begin(job, world, console)
        world.barrier()
        yield job, Run.open(job.folder)


def _goes_on(folder: Path, world: World) -> bool:
    """Whether this is a restart, and the run in `folder` not one that the first start was refused."""
    if not (restarted() and (folder / LEDGER).is_file()):
        return restarted()
    return not world.launches.isdisjoint(Run.open(folder).ledger.get("launches", ()))


def begin(job: Job, world: World, console: Console) -> Run:
    """Open the run that is to be resumed, or prepare the data and create a new one."""
    require_trackers(job.track)
    if job.resume:
        _clear_half_prepared(job.folder)
    if job.resume and (job.folder / LEDGER).is_file():
        run = Run.open(job.folder)
        _refuse_other_data(run, job)
        _refuse_changed_table(run, job)
        _refuse_other_recipe(run, job)
        _refuse_other_folds(run, job.cv)
    else:
        if job.resume:
            console.say(f"Nothing to resume in {job.folder}: a new run begins.")
        _check(job)
        run = _create(job, world, console)
    write_json(run.path("environment.json"), environment(world))
    run.record("environment.json")
    return run


def _clear_half_prepared(folder: Path) -> None:
    """Remove what a crash left behind before anything could be learnt."""
    remove_partial_files(folder)
    if (folder / LEDGER).is_file() and "split.json" not in Run.open(folder).ledger["artefacts"]:
        clear(folder)


def _create(job: Job, world: World, console: Console) -> Run:
    started = time.perf_counter()
    manifest = scan_with_progress(job.scan, console)
    job = replace(job, recipe=settled_recipe(job.recipe, manifest))
    if job.data.is_dir() and job.folder.resolve().is_relative_to(manifest.root):
        raise UsageError(
            f"lies inside the data, {job.data}, and would become part of them",
            place=job.folder,
            remedy="Give a --run elsewhere.",
        )
    job.recipe.decision.refuse_unknown_class({sample.label for sample in manifest.usable})
    shares = job.cv.shares if job.cv else None
    prepared = prepare(manifest, job.recipe.split, seed=job.recipe.seed, console=console, shares=shares)
    recipe = job.recipe
    if job.planning:
        plan = plan_job(job, job.planning, manifest, prepared.split, started=started, console=console)
        recipe = plan.recipe
    run = Run.create(
        job.folder, data=job.data, root=manifest.root, version=__version__, launches=world.launches
    )
    changes = differences(recipe, job.base)
    run.note(notes=list(manifest.notes), recipe_changes=changes, reading=dict(job.reading))
    if job.data.is_file():
        run.note(table_sha256=sha256_file(job.data))
    if job.planning:
        run.note(plan=plan.as_json(), chosen=_chosen(job))
    if job.cv:
        run.note(cv=asdict(job.cv))
    write_atomic(run.path("recipe.yaml"), to_yaml(recipe))
    run.record("recipe.yaml")
    write_prepared(run, manifest, prepared)
    if recipe.model.weights:
        _say_what_is_known(run, recipe.model.weights, manifest, prepared.split, console)
    return run


def settled_recipe(recipe: Recipe, manifest: Manifest) -> Recipe:
    """The recipe with what the scan decided of deep pictures, for all of them alike."""
    return replace(recipe, data=recipe.data.settled(manifest.reading))


def _say_what_is_known(run: Run, weights: str, manifest: Manifest, split: Split, console: Console) -> None:
    """Enter, and say, how many images of the folds that judge the weights have learnt from already."""
    known = count_known_images(Path(weights), manifest, split)
    run.note(weights_know={"weights": weights, "images": known})
    judged = {fold: n for fold, n in known.items() if fold != "train"}
    if judged:
        counts = " and ".join(f"{n:,} images of {fold}" for fold, n in judged.items())
        console.warn(
            f"The weights have learnt from {counts}, or from images of the same source: scores there will be"
            " too high. Keep the folds of their run, by --split.extend and its split.csv."
        )


def _check(job: Job) -> None:
    """Refuse a folder, a network or weights that cannot be meant, before any file is read."""
    Run.refuse_occupied(job.folder)
    config = network_config(job.recipe, num_classes=2)
    complexity(config, job.recipe.data.image_size_px)
    weights = job.recipe.model.weights
    with torch.device("meta" if weights is None else "cpu"):  # without weights the names alone are looked at
        model = ResNeXt(config)
    freeze(model, job.recipe.optim.frozen)
    if weights is None:
        return
    if not Path(weights).exists():
        raise UsageError("no such file", place="model.weights", remedy=f"Check the path {weights!r}.")
    load_weights(model, weights, replace_head=True)


def network_config(recipe: Recipe, num_classes: int) -> ResNeXtConfig:
    """The network that a recipe asks for, for a number of classes that the data decide."""
    overrides: dict[str, Any] = {**recipe.model.overrides, "num_classes": num_classes}
    return configure(recipe.model.preset, **overrides)


def _refuse_other_data(run: Run, job: Job) -> None:
    before = Path(run.ledger["data"])
    if before.resolve() != job.data.resolve():
        raise UsageError(
            f"this run began with {before}",
            place=job.data,
            remedy="Give the same data to --resume, or another --run.",
        )
    reading = run.ledger.get("reading", job.reading)  # older runs have not kept it
    if reading != job.reading:
        raise UsageError(
            f"this run read its data with {' '.join(reading_words(reading)) or 'no options'}",
            place=job.data,
            remedy="Give the same to --resume, or another --run.",
        )


def _refuse_changed_table(run: Run, job: Job) -> None:
    """Refuse to go on where labels, groups or rows may have changed: the run has learnt from the old ones."""
    before = run.ledger.get("table_sha256")  # older runs have not kept it
    if before is not None and job.data.is_file() and sha256_file(job.data) != before:
        raise UsageError(
            "has changed since this run began, which would go on by its old rows, labels and groups",
            place=job.data,
            remedy="Restore it to go on, or give another --run to learn from the new one.",
        )


def _chosen(job: Job) -> dict[str, Any] | None:
    """The fields that the user set himself, with their values; None where nothing was planned."""
    if job.planning is None:
        return None
    fields = flatten(as_dict(job.recipe))
    return {name: fields[name] for name in sorted({*job.planning.chosen, "seed"})}


def _refuse_other_recipe(run: Run, job: Job) -> None:
    began, now = run.ledger.get("chosen"), _chosen(job)
    if (began is None) != (now is None):
        changed = f"it was {'given' if began is None else 'planned'}"
    else:
        began = began or flatten(as_dict(stored_recipe(run)))  # what is newer than the run, by its default
        now = now or flatten(as_dict(job.recipe))
        # What the scan decided where nothing was given stays as it is.
        now |= {name: began.get(name) for name in SETTLED if now.get(name) is None and name in began}
        names = sorted(name for name in began.keys() | now.keys() if began.get(name) != now.get(name))
        changed = ", ".join(f"{name} was {began.get(name, 'not set')}" for name in names)
    if changed:
        raise UsageError(
            f"the recipe differs from the one this run began with: {changed}",
            place=run.path("recipe.yaml"),
            remedy="Give the same --recipe and options to --resume, or another --run.",
        )


def stored_recipe(run: Run) -> Recipe:
    """The recipe that the run began with, planned or given."""
    file = run.require("recipe.yaml")
    recipe: Recipe = build_recipe(read_fields(file), file)
    return recipe


def _refuse_other_folds(run: Run, cv: CrossValidation | None) -> None:
    before, now = run.ledger.get("cv"), asdict(cv) if cv else None
    if before == now:
        return
    command = (
        "without --cv" if before is None else f"with --cv {before['folds']} --repeats {before['repeats']}"
    )
    raise UsageError(
        f"began {command}", place=run.folder, remedy="Give the same to --resume, or another --run."
    )
