"""The plan of a request: its recipe suited to the data and the time there is, each choice with its reason."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np

from groupwise.console import Console
from groupwise.data.cache import decode_images
from groupwise.data.decode import Preprocessing
from groupwise.data.manifest import Manifest
from groupwise.data.split import EXCLUDED, Split
from groupwise.pipeline.baselines import SHARE
from groupwise.planning.after_training import (
    REFIT_PAGES,
    REFIT_SHARE,
    Waiting,
    measure_unit,
    pooling_s,
    waiting_so_far,
)
from groupwise.planning.chirality import SIDE_PX, chirality, mirror_kept
from groupwise.planning.fingerprint import Fingerprint, fingerprint, known_side_px
from groupwise.planning.plan import Plan, make_plan
from groupwise.planning.trial import Rates, measure_rates
from groupwise.recipe.aim import WORDS
from groupwise.recipe.recipe import Recipe
from groupwise.runs.deadline import Deadline
from groupwise.runs.request import Planning, RunRequest
from groupwise.stats.arrays import Ints
from groupwise.text import duration

CHIRALITY_IMAGES = 500  # which leave a standard error of 2 points


def plan_recipe(
    request: RunRequest,
    planning: Planning,
    manifest: Manifest,
    split: Split,
    *,
    console: Console,
) -> Plan:
    """Suit the recipe of `request` to its data and to what is left until its deadline."""
    samples = {sample.path: sample for sample in manifest.usable}
    taking_part = [samples[row.path] for row in split.rows if row.fold != EXCLUDED]
    classes = split.classes
    files, digests = [manifest.file(s) for s in taking_part], [s.sha256 for s in taking_part]

    unit_s = measure_unit()

    def measure(recipe: Recipe) -> Rates:
        waiting = Waiting()
        rates = measure_rates(recipe, len(classes), files, digests)
        return replace(rates, unit_s=unit_s, waiting=waiting.now(least_run_s=0))

    models, rounds = request.trainings, request.rounds
    train, select = _rows(request, split)
    facts = describe(manifest, split, train, select, request.recipe)
    kept = SHARE if request.baselines else 0.0  # for the baselines
    deadline = planning.deadline
    pooled_s = pooling_s(facts.images, unit_s) * waiting_so_far() if request.cv else 0.0
    pooled_s *= 1 + REFIT_PAGES if request.refit else 1
    parts = rounds * (1 + kept) + (REFIT_SHARE if request.refit else 0.0)
    left_s = None if deadline is None else partial(_left_s, deadline, parts, pooled_s)
    plan = make_plan(
        facts,
        request.recipe,
        measure,
        usual=request.base,
        chosen=planning.chosen,
        left_s=left_s,
        parts=parts,
    )
    if request.refit:
        plan = replace(plan, after=plan.after.with_refit(pooled=request.cv is not None))
    each = f" for each of {models} models" if models > 1 else ""
    console.say(
        f"Plan: about {duration(plan.seconds)} for training, scores and pages{each},"
        f" on this machine as busy as it is now; optimised for {WORDS[plan.recipe.training.optimise]}"
    )
    for reason, choices in groupby(plan.choices, key=lambda choice: choice.reason):
        console.say(f"  {', '.join(f'{choice.field} {choice.value}' for choice in choices)}: {reason}")
    return plan


def describe(manifest: Manifest, split: Split, train: Ints, select: Ints, recipe: Recipe) -> Fingerprint:
    """All that a plan wants to know of the data, and of the weights that `recipe` names."""
    told, kept = _measure_mirroring(manifest, split, train, recipe)
    facts = fingerprint(manifest, split, train, select)
    facts = replace(facts, chirality=told, mirror_kept=kept)
    if recipe.model.weights:
        known_px = known_side_px(Path(recipe.model.weights), recipe.model.preset)
        facts = replace(facts, known_px=known_px)
    return facts


def _measure_mirroring(manifest: Manifest, split: Split, train: Ints, recipe: Recipe) -> tuple[float, float]:
    """`chirality` and `mirror_kept` of a drawn part of the training images."""
    drawn = np.sort(np.random.default_rng(recipe.seed).permutation(train)[:CHIRALITY_IMAGES])
    samples = {sample.path: sample for sample in manifest.usable}
    shown = [samples[split.rows[i].path] for i in drawn]
    images = decode_images(
        [manifest.file(sample) for sample in shown],
        [sample.sha256 for sample in shown],
        _whole(recipe.data),
    )
    sources = split.sources[drawn]
    labels = _one_label(split)[drawn]
    kept = mirror_kept(images, labels, sources)
    return chirality(images, sources, seed=recipe.seed), kept


def _one_label(split: Split) -> Ints:
    """A class number a row, (N,): of sets, whether they hold the label that is nearest to a half of all."""
    targets = split.targets
    if not targets.several:
        return split.class_numbers
    members = targets.members
    return members[:, np.abs(members.mean(axis=0) - 0.5).argmin()].astype(np.int64)


def _whole(data: Preprocessing) -> Preprocessing:
    """As the recipe reads pixels, but small and uncut, whatever the network is to see."""
    return replace(data, image_size_px=SIDE_PX, resize="squash", interpolation="bilinear")


def _left_s(deadline: Deadline, parts: float, kept_s: float) -> float:
    """Seconds that are left for one of so many equal parts; below 0 where it is past."""
    return (deadline.left_s - kept_s) / parts


def _rows(request: RunRequest, split: Split) -> tuple[Ints, Ints]:
    """Rows to train on and rows to score; of a cross-validation those of its first model, roughly."""
    if request.cv is None:
        return split.indices("train"), split.indices(request.recipe.training.select_fold)
    held_out = split.indices(split.folds[0])
    others = [split.indices(fold) for fold in split.folds[1:]]
    return np.concatenate(others), held_out
