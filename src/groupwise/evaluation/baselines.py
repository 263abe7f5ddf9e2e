"""The baselines beside the network: fitted within their time, and measured on the same folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from groupwise.baselines.fit import FittedBaseline, fit_baselines
from groupwise.data.cache import Images
from groupwise.data.split import Assignment
from groupwise.data.targets import write_set
from groupwise.evaluation.predictions import PROBABILITY, Predictions, read_predictions
from groupwise.files import read_csv, write_csv, write_json
from groupwise.recipe.recipe import Recipe
from groupwise.runs.baselines import (
    ANSWERS,
    FILE,
    LARGEST_CLASS,
    MEASURES,
    Baseline,
    Baselines,
    BaselineScore,
    Lead,
)
from groupwise.runs.run import Run
from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.fold import check_fold
from groupwise.stats.intervals import share_of_images
from groupwise.stats.label_compare import compare_label_folds
from groupwise.stats.label_metrics import check_label_fold
from groupwise.stats.paired_tests import Difference, compare_models
from groupwise.stats.resampled import Resampled

DRAWS = 2000


def measure_baselines(
    run: Run,
    images: Images,
    network: Mapping[str, Predictions],
    recipe: Recipe,
    *,
    seconds: float,
) -> Baselines:
    """Fit the baselines within `seconds`, measure them beside the network, and write both files.

    `images` are those of every row of `split.csv`, decoded, uint8 (N, S, S, 3); `network` has its answers on
    each fold that took no part in training. What the baselines answer there decides nothing about them; which
    one the report names is found on the fold that it reports (`Baselines.rival`). They are compared in
    balanced accuracy where `recipe` is optimised for that, and else in accuracy, for which the network's most
    probable class is trained also where AUROC or costs choose its epoch. Where images have sets of labels, it
    is their mean average precision.
    """
    split = run.split()
    asked = np.concatenate([split.indices(fold) for fold in network])
    fitted = fit_baselines(
        images,
        split.targets.values,
        split.indices("train"),
        asked,
        num_classes=len(split.classes),
        seconds=seconds,
        seed=recipe.seed,
    )
    rows = tuple(split.rows[i] for i in asked)
    answers = {one.name: Predictions(rows, split.classes, one.probs) for one in fitted.fitted}
    _write_answers(run, answers)
    sources = {fold: split.sources_of(theirs.rows) for fold, theirs in network.items()}
    baselines = tuple(_measure(one, answers[one.name], network, sources) for one in fitted.fitted)
    measure = "balanced_accuracy" if recipe.training.optimise == "balanced" else "accuracy"
    measure = "average_precision" if split.several else measure
    found = Baselines(baselines, measure, fitted.seconds, fitted.skipped)
    write_baselines(run, found, ["predictions.csv", ANSWERS])
    return found


def _measure(
    one: FittedBaseline,
    answers: Predictions,
    network: Mapping[str, Predictions],
    sources: Mapping[str, Ints],
) -> Baseline:
    return Baseline(
        one.name,
        one.seconds,
        one.learnt_from,
        {fold: score(answers.of_fold(fold), theirs, sources[fold]) for fold, theirs in network.items()},
        one.epochs,
        answer=answers.classes[int(one.probs[0].argmax())] if one.name == LARGEST_CLASS else None,
    )


def score(baseline: Predictions, network: Predictions, sources: Ints) -> BaselineScore:
    """The figures of a baseline, and the network's lead over it, on the same images in the same order.

    `sources` are those of the images, (N,).
    """
    assert [row.path for row in baseline.rows] == [row.path for row in network.rows]
    if network.targets.several:
        return _score_sets(baseline, network, sources)
    labels, classes = network.labels, network.classes
    fold = check_fold(labels, baseline.probs, sources, classes)
    balanced = Resampled.of_recalls(fold, classes, DRAWS, seed=0).over_classes("balanced_accuracy")
    accuracy = share_of_images(fold, fold.right, np.ones(fold.n, dtype=bool))
    (pair,) = compare_models(labels, [baseline.probs, network.probs], sources, classes, seed=0, draws=DRAWS)
    return BaselineScore(
        {"accuracy": accuracy, "balanced_accuracy": balanced},
        {name: _lead(getattr(pair, name)) for name in MEASURES},
    )


def _score_sets(baseline: Predictions, network: Predictions, sources: Ints) -> BaselineScore:
    theirs, ours = (
        check_label_fold(network.targets.values, one.probs, sources) for one in (baseline, network)
    )
    figure, lead = compare_label_folds(theirs, ours, network.classes, seed=0, draws=DRAWS)
    name = "average_precision"
    return BaselineScore({name: figure}, {name: Lead(lead.value, lead.low, lead.high, lead.reason)})


def _lead(difference: Difference) -> Lead:
    return Lead(difference.value, difference.low, difference.high, difference.reason)


def _write_answers(run: Run, answers: Mapping[str, Predictions]) -> None:
    classes = next(iter(answers.values())).classes
    lines = [
        (name, *row, _named(classes, probs, one.targets.several), *map(repr, probs.tolist()))
        for name, one in answers.items()
        for row, probs in zip(one.rows, one.probs, strict=True)
    ]
    header = ("baseline", *Assignment._fields, "predicted", *(f"{PROBABILITY}{name}" for name in classes))
    write_csv(run.path(ANSWERS), header, lines)
    run.record(ANSWERS, ["split.csv"])


def _named(classes: Sequence[str], probs: Floats, several: bool) -> str:
    if several:
        return write_set(name for name, prob in zip(classes, probs, strict=True) if prob >= 0.5)
    return classes[int(probs.argmax())]


def read_answers(path: Path) -> dict[str, Predictions]:
    """The answers in a `baselines.csv`, by the baseline's name."""
    whole, names = read_predictions(path), [row["baseline"] for row in read_csv(path, ("baseline",))]
    of_name = {name: [i for i, other in enumerate(names) if other == name] for name in dict.fromkeys(names)}
    return {
        name: Predictions(tuple(whole.rows[i] for i in rows), whole.classes, whole.probs[rows])
        for name, rows in of_name.items()
    }


def write_baselines(run: Run, found: Baselines, made_from: Sequence[str]) -> None:
    """Write `baselines.json`; `runs.baselines.read_baselines` reads it."""
    write_json(run.path(FILE), found.as_json())
    run.record(FILE, made_from)
