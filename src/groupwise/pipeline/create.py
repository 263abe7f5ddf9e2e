"""A new run: its data prepared, its recipe settled or planned, and both written into its folder.

What would fail after the long work is refused before it.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from groupwise.console import Console
from groupwise.data.folder import digest_folder
from groupwise.data.manifest import Manifest
from groupwise.data.split import Split
from groupwise.data.targets import is_set
from groupwise.distributed.world import World
from groupwise.errors import UsageError
from groupwise.files import require_folder, sha256_file, write_atomic
from groupwise.models.complexity import complexity
from groupwise.models.pretrained import is_name
from groupwise.models.resnext import ResNeXt
from groupwise.models.weights import load_weights
from groupwise.pipeline.backbone import with_declared
from groupwise.pipeline.budget import refuse_long_audit
from groupwise.pipeline.channel_statistics import with_statistics
from groupwise.pipeline.named_weights import facts_of, with_named_weights
from groupwise.pipeline.plan import plan_recipe
from groupwise.pipeline.prepare import prepare, scan_with_progress, write_prepared
from groupwise.pipeline.repaired import write_repaired
from groupwise.planning.after_training import REFIT_SHARE
from groupwise.planning.network import network_config
from groupwise.recipe.recipe import Recipe, as_dict, differences, flatten, means_nothing_to_a_probe, to_yaml
from groupwise.recipe.several import for_several_labels
from groupwise.runs.provenance import count_known_images, runs_behind
from groupwise.runs.request import RunRequest
from groupwise.runs.run import Run
from groupwise.text import count
from groupwise.training.optimizer import freeze
from groupwise.version import __version__


def create_run(request: RunRequest, world: World, console: Console) -> Run:
    """Prepare the data and create the run; a refusal leaves nothing behind."""
    Run.refuse_occupied(request.folder)
    require_folder(request.folder)
    named = request.recipe.model.weights
    request = replace(request, recipe=with_named_weights(request.recipe, set_by_user(request), console))
    _refuse_what_cannot_be_meant(request)
    deadline = request.planning.deadline if request.planning else None
    if request.recipe.model.features is not None:
        request = replace(request, recipe=with_declared(request.recipe, set_by_user(request), console))
    trainings = request.rounds + (REFIT_SHARE if request.refit else 0.0)
    manifest = scan_with_progress(request.scan, console, deadline, trainings)
    refuse_long_audit(manifest, deadline, trainings)
    request = replace(request, recipe=settled_recipe(request.recipe, manifest))
    if request.data.is_dir() and request.folder.resolve().is_relative_to(manifest.root):
        raise UsageError(
            f"lies inside the data, {request.data}, and would become part of them",
            place=request.folder,
            remedy="Give a --run elsewhere.",
        )
    _refuse_classes(request, manifest)
    shares = request.cv.shares if request.cv else None
    prepared = prepare(
        manifest, request.recipe.split, seed=request.recipe.seed, console=console, shares=shares
    )
    request.recipe.decision.refuse_unknown_class(prepared.split.classes)
    request = replace(request, recipe=with_statistics(request.recipe, manifest, prepared.split))
    recipe = request.recipe
    plan = None
    if request.planning and recipe.model.features is None:
        plan = plan_recipe(request, request.planning, manifest, prepared.split, console=console)
        recipe = plan.recipe
    run = Run.create(
        request.folder, data=request.data, root=manifest.root, version=__version__, launches=world.launches
    )
    changes = differences(recipe, request.base)
    run.note(notes=list(manifest.notes), recipe_changes=changes, reading=dict(request.reading))
    run.note(**digests_of(request))
    run.note(baselines=request.baselines, optimise=recipe.training.optimise)
    if request.planning:
        run.note(chosen=chosen_fields(request))
    if plan:
        run.note(plan=plan.as_json())
    if request.cv:
        run.note(cv=asdict(request.cv))
    write_atomic(run.path("recipe.yaml"), to_yaml(recipe))
    run.record("recipe.yaml")
    write_prepared(run, manifest, prepared)
    if prepared.proof["method"] == "given":
        write_repaired(run.folder, prepared.split, manifest.root, console)
    if named is not None and is_name(named):
        run.note(pretrained=facts_of(named, recipe))
    if taken := recipe.model.weights or recipe.model.features:
        _say_what_is_known(run, taken, manifest, prepared.split, console)
    return run


def _refuse_classes(request: RunRequest, manifest: Manifest) -> None:
    """Refuse an operating point, costs or an order of other classes, before the minutes of the audit.

    Where the split may leave classes out, those that take part are known behind it alone.
    """
    if not request.recipe.split.min_sources and not request.recipe.split.is_given:
        request.recipe.decision.refuse_unknown_class(manifest.classes)


def _refuse_what_cannot_be_meant(request: RunRequest) -> None:
    """Refuse a network or weights that cannot be meant, before any image is read."""
    if request.recipe.model.features is not None:
        for field in filter(means_nothing_to_a_probe, sorted(set_by_user(request))):
            raise UsageError(
                "means nothing to a probe, whose features are frozen",
                place=f"--{field}",
                remedy="Leave it out, or --features.",
            )
        return
    config = network_config(request.recipe, num_classes=2)
    if config.activation_checkpointing and request.recipe.training.compile:
        raise UsageError(
            "a compiled network decides itself what it keeps and what it computes again",
            place="model.overrides.activation_checkpointing",
            remedy="Leave it out, or --training.compile.",
        )
    complexity(config, request.recipe.data.image_size_px)
    weights = request.recipe.model.weights
    with torch.device("meta" if weights is None else "cpu"):  # without weights the names alone are looked at
        model = ResNeXt(config)
    freeze(model, request.recipe.optim.frozen)
    if weights is None:
        return
    if not Path(weights).exists():
        raise UsageError("no such file", place="model.weights", remedy=f"Check the path {weights!r}.")
    load_weights(model, weights, replace_head=True, adapt_stem=True)


def set_by_user(request: RunRequest) -> frozenset[str]:
    """The fields that are not as the recipe has them that the request came from; of a probe's, all."""
    if request.base.model.features is not None:
        return frozenset(f"data.{name}" for name in vars(request.base.data))
    chosen = request.planning.chosen if request.planning else frozenset()
    return chosen | {change["field"] for change in differences(request.recipe, request.base)}


def settled_recipe(recipe: Recipe, manifest: Manifest) -> Recipe:
    """The recipe with what the scan decided of deep pictures, for all alike, and of labels."""
    several = any(is_set(sample.label) for sample in manifest.usable)
    settled = replace(recipe, data=recipe.data.settled(manifest.reading))
    return for_several_labels(settled) if several else settled


def digests_of(request: RunRequest) -> dict[str, str]:
    """What tells by `--resume` whether the files changed that say which images are which, for the ledger."""
    exclude = request.reading.get("exclude")
    listed = {} if exclude is None else {"exclude_sha256": sha256_file(Path(exclude))}
    if request.data.is_file():
        return listed | {"table_sha256": sha256_file(request.data)}
    listing, packed = digest_folder(request.data, request.folder)
    return listed | {"listing_sha256": listing, "packed_sha256": packed}


def chosen_fields(request: RunRequest) -> dict[str, Any] | None:
    """The fields that the user set himself, with their values; None where nothing was planned."""
    if request.planning is None:
        return None
    fields = flatten(as_dict(request.recipe))
    return {name: fields[name] for name in sorted({*request.planning.chosen, "seed"})}


def _say_what_is_known(run: Run, weights: str, manifest: Manifest, split: Split, console: Console) -> None:
    """Enter, and say, how many images of the folds that judge the weights have learnt from already."""
    runs, gone = runs_behind(Path(weights))
    known = count_known_images(runs, manifest, split)
    run.note(weights_know={"weights": weights, "images": known})
    judged = {fold: n for fold, n in known.items() if fold != "train"}
    if judged:
        counts = " and ".join(f"{count(n, 'image')} of {fold}" for fold, n in judged.items())
        console.warn(
            f"The weights have learnt from {counts}, or from images of the same source: scores there will be"
            " too high. Keep the folds of their run, by --split.extend and its split.csv."
        )
    if gone:
        note = (
            f"The weights come from the run {runs[-1].folder.name}, which began from {gone}, and that is not"
            " there any more: nobody can tell which of these images it has learnt from. If it was a run, put"
            " it back, and train in another --run."
        )
        run.note(notes=[*run.ledger["notes"], note])
        console.warn(note)
