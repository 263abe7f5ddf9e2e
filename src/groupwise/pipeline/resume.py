"""The run of a request: the one that is there, gone on with as it began, or a new one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from groupwise.console import Console
from groupwise.data.reading import reading_words
from groupwise.distributed.environment import environment
from groupwise.distributed.torchrun import restarted
from groupwise.distributed.world import World
from groupwise.errors import UsageError
from groupwise.files import read_json, remove_partial_files, write_json
from groupwise.pipeline.create import chosen_fields, create_run, digests_of, set_by_user
from groupwise.pipeline.named_weights import with_weights_begun
from groupwise.recipe.parsing import build_recipe
from groupwise.recipe.recipe import Recipe, as_dict, flatten, read_fields
from groupwise.recipe.several import for_several_labels
from groupwise.runs.lock import clear, training_lock
from groupwise.runs.request import CrossValidation, RunRequest
from groupwise.runs.run import LEDGER, Run
from groupwise.training.trackers import require_trackers

# Fields that a scan decides where they are not given, and what is measured of inputs that are no colours.
SETTLED = ("data.integer_range", "data.float_range", "data.channel_count", "data.channel_ranges")
MEASURED = ("data.mean", "data.std")
# Fields and options that name a file or folder
PATHS = ("root", "exclude", "model.weights", "model.features", "split.extend")

_CHANGED = {
    "table_sha256": "has changed since this run began, which would go on by its old rows, labels and groups",
    "listing_sha256": "holds other images or tables than when this run began, which would go on by the old"
    " ones",
    "packed_sha256": "holds other archives or Parquet files than when this run began, which would go on by"
    " the old rows",
    "exclude_sha256": "has changed since this run began, which would go on without the files of the old list",
}


@contextmanager
def locked_run(request: RunRequest, world: World, console: Console) -> Iterator[tuple[RunRequest, Run]]:
    """Resume or create the run, by the main process; no other command can train in it within the block.

    The request that comes with it resumes where `torchrun` started the processes of this one again.
    """
    with training_lock(request.folder) if world.is_main else nullcontext():
        again = world.is_main and _is_restart(request.folder, world)
        request = replace(request, resume=world.any(request.resume or again))
        if world.is_main:
            resume_or_create(request, world, console)
        world.barrier()
        yield request, Run.open(request.folder)


def _is_restart(folder: Path, world: World) -> bool:
    """Whether this is a restart, and the run in `folder` not one that the first start was refused."""
    if not (restarted() and (folder / LEDGER).is_file()):
        return restarted()
    return not world.launches.isdisjoint(Run.open(folder).ledger.get("launches", ()))


def resume_or_create(request: RunRequest, world: World, console: Console) -> Run:
    """Open the run that is to be resumed, or prepare the data and create a new one."""
    require_trackers(request.track)
    if request.resume:
        _clear_half_prepared(request.folder)
    if request.resume and (request.folder / LEDGER).is_file():
        run = resume_run(request)
    else:
        if request.resume:
            console.say(f"Nothing to resume in {request.folder}: a new run begins.")
        run = create_run(request, world, console)
    write_json(run.path("environment.json"), environment(world, _environment_before(run)))
    run.record("environment.json")
    return run


def _environment_before(run: Run) -> dict[str, Any] | None:
    file = run.path("environment.json")
    if not file.is_file():
        return None
    found: dict[str, Any] = read_json(file)
    return found


def resume_run(request: RunRequest) -> Run:
    """The run that is there; raises `UsageError` for other data, folds or recipe."""
    run = Run.open(request.folder)
    _refuse_other_data(run, request)
    _refuse_changed_data(run, request)
    if run.path("split.csv").is_file() and run.split().several:
        request = replace(request, recipe=for_several_labels(request.recipe))
    _refuse_other_recipe(run, request)
    _refuse_other_folds(run, request.cv)
    run.note(baselines=request.baselines)  # which decides nothing that was learnt
    return run


def _clear_half_prepared(folder: Path) -> None:
    """Remove what a crash left behind before anything could be learnt."""
    remove_partial_files(folder)
    if (folder / LEDGER).is_file() and "split.json" not in Run.open(folder).ledger["artefacts"]:
        clear(folder)


def _refuse_other_data(run: Run, request: RunRequest) -> None:
    before = run.ledger["data"]
    if not run.began_with(before, request.data):
        raise UsageError(
            f"this run began with {Path(run.ledger.get('working_directory', ''), before)}",
            place=request.data,
            remedy="Give the same data to --resume, or another --run.",
        )
    reading = run.ledger.get("reading", request.reading)  # older runs have not kept it
    if _differing(run, reading, request.reading):
        raise UsageError(
            f"this run read its data with {' '.join(reading_words(reading)) or 'no options'}",
            place=request.data,
            remedy="Give the same to --resume, or another --run.",
        )


def _refuse_changed_data(run: Run, request: RunRequest) -> None:
    """Refuse to go on where labels, groups or rows may have changed: the run has learnt from the old ones."""
    for name, digest in digests_of(request).items():
        if run.ledger.get(name, digest) != digest:  # older runs have not kept each
            raise UsageError(
                _CHANGED[name],
                place=f"--exclude {request.reading['exclude']}" if name == "exclude_sha256" else request.data,
                remedy="Restore it to go on, or give another --run to learn from the new one.",
            )


def _refuse_other_recipe(run: Run, request: RunRequest) -> None:
    stored = stored_recipe(run)
    begun = {run.ledger.get("pretrained", {}).get("name"): stored.model.weights}
    recipe = with_weights_begun(request.recipe, set_by_user(request), begun)
    request = replace(request, recipe=recipe)
    began, now = run.ledger.get("chosen"), chosen_fields(request)
    if (began is None) != (now is None):
        changed = f"it was {'given' if began is None else 'planned'}"
    else:
        began = began or flatten(as_dict(stored))  # what is newer than the run, by its default
        now = now or flatten(as_dict(request.recipe))
        # What was decided or measured where nothing was given stays as it is.
        open_still = [name for name in SETTLED if now.get(name) is None]
        open_still += MEASURED if request.recipe.data.needs_statistics else ()
        now |= {name: began[name] for name in open_still if name in began}
        names = _differing(run, began, now)
        changed = ", ".join(f"{name} was {began.get(name, 'not set')}" for name in names)
    if changed:
        raise UsageError(
            f"the recipe differs from the one this run began with: {changed}",
            place=run.path("recipe.yaml"),
            remedy="Give the same --recipe and options to --resume, or another --run.",
        )


def _differing(run: Run, before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Fields or options that are not as the run began with them; a path may be written in another way."""

    def is_same(name: str, old: Any, new: Any) -> bool:
        may_be_alike = name in PATHS and None not in (old, new)
        return bool(old == new or (may_be_alike and run.began_with(old, new)))

    names = sorted(before.keys() | now.keys())
    return [name for name in names if not is_same(name, before.get(name), now.get(name))]


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


def stored_recipe(run: Run) -> Recipe:
    """The recipe that the run began with, planned or given; its weights are found from any folder."""
    file = run.require("recipe.yaml")
    recipe: Recipe = build_recipe(read_fields(file), file)
    weights, features = (_found(run, named) for named in (recipe.model.weights, recipe.model.features))
    return replace(recipe, model=replace(recipe.model, weights=weights, features=features))


def _found(run: Run, named: str | None) -> str | None:
    """A path as the run has it, unless it leads elsewhere from here than from where the run began."""
    there = None if named is None else run.find(named)
    return named if there is None or there.resolve() == Path(str(named)).resolve() else str(there)
