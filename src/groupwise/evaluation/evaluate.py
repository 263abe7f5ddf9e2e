"""Predictions and metrics of one fold of a run, from the saved weights alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from groupwise.data.cache import Images, decode_images
from groupwise.data.decode import Preprocessing
from groupwise.data.split import Assignment, Split
from groupwise.data.targets import write_set
from groupwise.evaluation.decision_metrics import decision_metrics
from groupwise.evaluation.influence import influence_metrics
from groupwise.evaluation.leakage import measure_exposure
from groupwise.evaluation.other_aim import other_aim
from groupwise.evaluation.predictions import PROBABILITY
from groupwise.evaluation.training_fold import FOLD as TRAIN
from groupwise.files import read_csv, write_csv, write_json
from groupwise.inference.predictor import Outputs, Predictor, load_run, predict_outputs
from groupwise.recipe.decision import DecisionConfig
from groupwise.recipe.recipe import read_fields
from groupwise.runs.files import TEST, read_metrics
from groupwise.runs.run import Run
from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.fold import check_fold
from groupwise.stats.label_metrics import check_label_fold, measure_label_fold
from groupwise.stats.label_rule import Members
from groupwise.stats.metrics import measure_fold
from groupwise.stats.ordered import kappas
from groupwise.stats.score_curves import score_curves

NETWORK_AND_SPLIT = ("model.safetensors", "split.csv")  # what the answers of a run are made from


@dataclass(frozen=True, eq=False)
class Scored:
    """One fold's rows of `split.csv`, their class probabilities (N, K), and the metrics.

    `given` are the labels that images were given, (N, K), where they have sets of them.
    """

    rows: tuple[Assignment, ...]
    classes: tuple[str, ...]
    probs: Floats
    metrics: dict[str, Any]
    given: Members | None = None


def score_fold(
    run: Run,
    fold: str,
    *,
    root: Path | None = None,
    images: Images | None = None,
    outputs: Outputs | None = None,
    why: str = "evaluated",
    ordered: Sequence[str] = (),
) -> Scored:
    """Predict one fold of `run` and measure it; a reading of the test fold is counted.

    `root` is where the images lie if not where they lay during training; `images`, where given, are those of
    every row of `split.csv`, decoded, uint8 (N, S, S, 3); `outputs` is what the network says of the fold's
    images, where that is known already. `ordered` are the classes from the lowest to the highest, by default
    as `known_order` has them. Raises `UsageError` for a fold that does not exist, and `GroupwiseError` for an
    image that vanished or changed.
    """
    run.refuse_untestable()
    split = run.split()
    chosen = split.require(fold)
    rows = tuple(split.rows[i] for i in chosen)
    predictor = load_run(run.folder)
    if fold == TEST:
        run.count_test_reading(why)
    if outputs is None:
        data = predictor.preprocessing
        shown = read_images(run, rows, data, root=root) if images is None else images[chosen]
        outputs = predict_outputs(predictor.model, shown, data)
    probs = predictor.decision.probs(outputs.logits)
    sources = split.sources[chosen]
    if predictor.decision.label_sets is not None:
        metrics = _measure_sets(split, chosen, probs, sources, predictor, outputs)
        return Scored(rows, predictor.classes, probs, metrics, predictor.decision.label_sets.given(probs))
    measured = check_fold(split.class_numbers[chosen], probs, sources, predictor.classes)
    metrics = measure_fold(measured, predictor.classes, seed=0)
    point = predictor.decision.operating_point
    positive = None if point is None else point.positive_class
    metrics |= score_curves(measured, predictor.classes, positive=positive, seed=0)
    metrics |= kappas(measured, predictor.classes, ordered or known_order(run, fold), seed=0)
    metrics |= influence_metrics(measured, rows)
    metrics |= measure_exposure(measured, split, chosen)
    metrics |= decision_metrics(
        measured,
        predictor.decision,
        outputs.logits,
        outputs.features,
        predictor.reference,
    )
    metrics |= other_aim(measured, predictor.classes, train_counts(split), balanced=is_for_balanced(run))
    return Scored(rows, predictor.classes, probs, metrics)


def _measure_sets(
    split: Split, chosen: Ints, probs: Floats, sources: Ints, predictor: Predictor, outputs: Outputs
) -> dict[str, Any]:
    """The metrics of a fold whose images have sets of labels."""
    fold, rule = check_label_fold(split.targets.values[chosen], probs, sources), predictor.decision.label_sets
    assert rule is not None
    said = rule.answers(probs)
    metrics = measure_label_fold(fold, said, predictor.classes, seed=0)
    metrics |= measure_exposure(fold.whole, split, chosen, (said.given == fold.members).all(axis=1))
    unlike = replace(predictor.decision, label_sets=None)
    return metrics | decision_metrics(fold.whole, unlike, *outputs, predictor.reference)


def train_counts(split: Split) -> Ints:
    """Images of each class that were learnt from, (K,)."""
    learnt = split.class_numbers[split.indices("train")]
    return np.bincount(learnt, minlength=len(split.classes)).astype(np.int64)


def is_for_balanced(run: Run) -> bool:
    """Whether a run was optimised for balanced accuracy; older ones do not say it and were not."""
    training = read_fields(run.require("recipe.yaml")).get("training") or {}
    return bool(training.get("optimise") == "balanced")


def decided_before(run: Run) -> DecisionConfig:
    """The rates that the run was trained with; the usual ones for a run from before there were any."""
    return DecisionConfig(**read_fields(run.require("recipe.yaml")).get("decision", {}))


def known_order(run: Run, fold: str = TEST) -> Sequence[str]:
    """The classes from the lowest to the highest as a fold was measured, or another; else by the recipe."""
    path = run.path("metrics.json")
    measured = read_metrics(path) if path.exists() else {}
    held = [measured.get(fold, {}), *measured.values()]
    orders = [figures["kappa"]["ordered"] for figures in held if "kappa" in figures]
    return orders[0] if orders else decided_before(run).ordered


def read_images(
    run: Run, rows: Sequence[Assignment], preprocessing: Preprocessing, *, root: Path | None = None
) -> Images:
    """Decode the images of some rows of the run's split, uint8 (N, S, S, 3), refusing changed ones."""
    manifest = run.manifest(root)
    digests = {sample.path: sample.sha256 for sample in manifest.usable}
    files = [manifest.root / row.path for row in rows]
    return decode_images(files, [digests[row.path] for row in rows], preprocessing)


def write_scores(
    run: Run, scored: dict[str, Scored], made_from: Sequence[str] = NETWORK_AND_SPLIT
) -> dict[str, Any]:
    """Write `predictions.csv` and `metrics.json` of the folds in `scored`; returns the metrics."""
    header = prediction_header(next(iter(scored.values())).classes)
    metrics = {name: fold.metrics for name, fold in scored.items()}
    _write(run, header, [_lines(fold) for fold in scored.values()], metrics, made_from)
    return metrics


def keep_scores(run: Run, fold: str, scored: Scored) -> None:
    """Add a fold to `predictions.csv` and `metrics.json`, or renew what they hold of it.

    An interrupted run has neither before its first fold is measured. The fold that was learnt from is not
    kept: who reads these files takes them for answers to new images.
    """
    held = read_metrics(run.path("metrics.json")) if run.path("metrics.json").exists() else {}
    if fold == TRAIN or held.get(fold) == scored.metrics:
        return
    header = prediction_header(scored.classes)
    lines: dict[str, list[Sequence[object]]] = {}
    for row in read_csv(run.require("predictions.csv"), header) if held else ():
        lines.setdefault(row["fold"], []).append([row[name] for name in header])
    lines[fold] = _lines(scored)
    _write(run, header, lines.values(), held | {fold: scored.metrics}, NETWORK_AND_SPLIT)


def _write(
    run: Run,
    header: Sequence[str],
    lines: Iterable[Sequence[Sequence[object]]],
    metrics: dict[str, Any],
    made_from: Sequence[str],
) -> None:
    write_csv(run.path("predictions.csv"), header, chain.from_iterable(lines))
    run.record("predictions.csv", made_from)
    write_json(run.path("metrics.json"), metrics)
    run.record("metrics.json", ["predictions.csv"])


def _lines(scored: Scored) -> list[Sequence[object]]:
    return [*prediction_lines(scored.rows, scored.probs, scored.classes, scored.given)]


def prediction_header(classes: Sequence[str]) -> tuple[str, ...]:
    """The columns of `predictions.csv`."""
    return (*Assignment._fields, "predicted", *(f"{PROBABILITY}{name}" for name in classes))


def prediction_lines(
    rows: Sequence[Assignment],
    probs: Floats,
    classes: Sequence[str],
    given: Members | None = None,
) -> list[tuple[object, ...]]:
    """Its lines; `predicted` is the most probable class, or the set of labels that are `given`."""
    if given is None:
        predicted = [classes[k] for k in probs.argmax(1)]
    else:
        predicted = [write_set(np.array(classes)[has].tolist()) for has in given]
    return [(*row, name, *map(repr, p.tolist())) for row, name, p in zip(rows, predicted, probs, strict=True)]
