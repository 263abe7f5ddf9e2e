"""A probe: frozen features of every image once, and a logistic regression on them, as an ordinary run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from groupwise.console import Console
from groupwise.data.cache import Images, cache_name
from groupwise.data.split import Split
from groupwise.errors import UsageError
from groupwise.evaluation.evaluate import score_fold, write_scores
from groupwise.files import sha256_mapping, write_atomic, write_json
from groupwise.inference.feature_cache import Features, cached_features
from groupwise.inference.predictor import Outputs, predict_outputs
from groupwise.inference.text import decision_lines
from groupwise.models.probe import FEATURES_FILE, Probe
from groupwise.pipeline.backbone import Backbone, open_backbone
from groupwise.pipeline.baselines import SHARE, are_due, fit_beside
from groupwise.pipeline.images import open_images
from groupwise.pipeline.keep import keep_network
from groupwise.recipe.recipe import Recipe
from groupwise.runs.deadline import Deadline
from groupwise.runs.probe import FILE
from groupwise.runs.run import Run
from groupwise.stats.arrays import Ints
from groupwise.text import duration
from groupwise.training.logistic import Choosing, LinearHead, fit_head

AT_ONCE = 64  # images between two looks at the clock
LEFT_FOR = 1.3  # times the features: scores and pages follow


def train_probe(
    run: Run, recipe: Recipe, cache: Path, console: Console, deadline: Deadline | None
) -> dict[str, Any]:
    """Fit the head on the split that lies in `run`, and measure the other folds; returns their metrics.

    `cache` is the folder of the decoded images. Raises `UsageError` where the features of so many images are
    seen not to fit into what is left until `deadline`.
    """
    began = time.perf_counter()
    split = run.split()
    torch.manual_seed(recipe.seed)
    backbone = open_backbone(recipe, len(split.classes))
    if isinstance(backbone.network, Probe):
        write_atomic(run.path(FEATURES_FILE), backbone.network.model)
        run.record(FEATURES_FILE)

    def decoded() -> Images:
        return open_images(recipe, cache, run.manifest(), split, console)

    features = _features(run, recipe, backbone, decoded, deadline, console)
    head = _fit(recipe, split, features, console)
    took_s = time.perf_counter() - began
    with torch.no_grad():
        backbone.network.fc.weight.copy_(torch.from_numpy(head.weight))
        backbone.network.fc.bias.copy_(torch.from_numpy(head.bias))
    outputs = Outputs(head.logits(features), features)

    def look(rows: Ints) -> Outputs:
        return Outputs(outputs.logits[rows], features[rows])

    decision = keep_network(run, recipe, backbone.network, backbone.architecture, look)
    _write_choice(run, backbone, head, took_s)
    for line in decision_lines(decision):
        console.say(line)
    folds = [fold for fold in split.folds if fold != "train"]
    why = "the final evaluation"
    scores = {fold: score_fold(run, fold, outputs=look(split.indices(fold)), why=why) for fold in folds}
    metrics = write_scores(run, scores)
    if are_due(run):
        fit_beside(run, recipe, decoded(), SHARE * took_s, console)
    return metrics


def _features(
    run: Run,
    recipe: Recipe,
    backbone: Backbone,
    decoded: Callable[[], Images],
    deadline: Deadline | None,
    console: Console,
) -> Features:
    """Those of every row of the split, (N, D); where some are not known yet, the images are `decoded`."""
    began = time.perf_counter()
    digests = {sample.path: sample.sha256 for sample in run.manifest().usable}
    key = sha256_mapping({"network": backbone.digest, "preprocessing": cache_name(recipe.data)})
    with console.progress("Features") as progress:

        def compute(rows: Ints) -> Features:
            images, parts = decoded(), list[Features]()
            for start in range(0, len(rows), AT_ONCE):
                shown = np.ascontiguousarray(images[rows[start : start + AT_ONCE]])
                parts.append(predict_outputs(backbone.network, shown, recipe.data).features)
                done = min(start + AT_ONCE, len(rows))
                progress(done, len(rows))
                _refuse_too_long(done, len(rows), time.perf_counter() - began, deadline)
            return np.concatenate(parts)

        found, new = cached_features(key, [digests[row.path] for row in run.split().rows], compute)
    known = f", {len(found) - new:,} known already" if new < len(found) else ""
    took = duration(time.perf_counter() - began)
    console.say(
        f"Features: {found.shape[1]:,} of each of {len(found):,} images in {took}{known}; {backbone.told}"
    )
    return found


def _refuse_too_long(done: int, total: int, taken_s: float, deadline: Deadline | None) -> None:
    if deadline is None:
        return
    rest_s = LEFT_FOR * taken_s / done * (total - done)
    if rest_s > deadline.left_s:
        raise UsageError(
            f"{duration(max(deadline.left_s, 0))} are left, and the features of {total - done:,} more images"
            f" with what follows take {duration(rest_s)}",
            place="--budget",
            remedy=f"Give at least {duration(deadline.spent_s + 1.1 * rest_s)}, or a smaller network.",
        )


def _fit(recipe: Recipe, split: Split, features: Features, console: Console) -> LinearHead:
    train, select = split.indices("train"), split.indices(recipe.training.select_fold)
    labels = split.targets.values
    balanced = recipe.loss.class_weights == "balanced" or bool(recipe.loss.logit_adjustment)
    choosing = Choosing(
        recipe.training.select_by, recipe.decision.cost_matrix(split.classes), balanced=balanced
    )
    began = time.perf_counter()
    with console.progress("Fitting") as progress:
        head = fit_head(
            (features[train], labels[train]),
            (features[select], labels[select]),
            num_classes=len(split.classes),
            choosing=choosing,
            progress=progress,
        )
    by, told = recipe.training.select_by[0].replace("_", " "), "exactly right" if split.several else "right"
    console.say(
        f"Head: logistic regression on {len(train):,} images; of {len(head.tried)} penalties"
        f" {head.best.inverse_penalty:g} (its inverse) has the best {by} on"
        f" {recipe.training.select_fold}, {head.best.select_accuracy:.1%} {told}; in"
        f" {duration(time.perf_counter() - began)}"
    )
    return head


def _write_choice(run: Run, backbone: Backbone, head: LinearHead, seconds: float) -> None:
    write_json(
        run.path(FILE),
        {
            "features": backbone.name,
            "features_sha256": backbone.digest,
            "told": backbone.told,
            "num_features": backbone.network.fc.in_features,
            "penalties": [asdict(record) for record in head.tried],
            "chosen": head.tried.index(head.best),
            "seconds": seconds,
        },
    )
    run.record(FILE, ["split.csv"])
    run.note(interrupted=False)
