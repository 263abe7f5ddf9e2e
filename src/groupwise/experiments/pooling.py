"""Out-of-fold predictions of finished fold models, their metrics, and the spread over folds.

Writes into the folder of the study `predictions.csv` and `metrics.json` of the fold `out-of-fold`,
`label_errors.csv`, `slices.json`, and
`crossval.json`: {"folds", "repeats", "images", "sources", "words": [sentences],
"scores": [{"run", "repeat", "fold", "n", "sources", "learnt_from", "best_epoch", <metric>: value, ...}],
"mean": {<metric>: {"mean", "sd", "folds", "df", "low", "high", "method"}}}, where limits are None with a
"reason" if folds scored alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from groupwise.console import Console
from groupwise.data.split import EXCLUDED
from groupwise.evaluation.decision_metrics import cost_metrics
from groupwise.evaluation.evaluate import Scored, decided_before, is_for_balanced, write_scores
from groupwise.evaluation.influence import influence_metrics
from groupwise.evaluation.label_errors import find_label_errors, write_label_errors
from groupwise.evaluation.other_aim import other_aim
from groupwise.evaluation.predictions import Predictions, read_predictions
from groupwise.evaluation.slice_files import write_slices
from groupwise.evaluation.words import NOTHING_ON_LABELS, may_be_guessing, sentence
from groupwise.experiments.pooled_baselines import pool_baselines
from groupwise.experiments.pooled_sets import answer_sets, rule_of
from groupwise.files import write_json
from groupwise.report.page import write_report
from groupwise.runs.files import TEST, read_metrics
from groupwise.runs.history import read_history
from groupwise.runs.request import CrossValidation
from groupwise.runs.run import Run
from groupwise.stats.arrays import Ints
from groupwise.stats.estimate import SCHEMA, headline_measure
from groupwise.stats.fold import check_fold
from groupwise.stats.label_metrics import check_label_fold, measure_label_fold
from groupwise.stats.metrics import evaluate_fold
from groupwise.stats.ordered import kappas
from groupwise.stats.repeated import FoldMean, nadeau_bengio_mean
from groupwise.stats.score_curves import score_curves

OUT_OF_FOLD = "out-of-fold"
ALIKE = (
    "The second interval is narrower than the first, though it covers more: the folds happened to score"
    " alike. Quote the wider one."
)
# The metrics whose spread over folds is told, with the largest value each can have.
METRICS = {
    "accuracy": 1.0,
    "balanced_accuracy": 1.0,
    "macro_f1": 1.0,
    "auroc": 1.0,
    "average_precision": 1.0,
    "micro_f1": 1.0,
    "log_loss": math.inf,
    "brier": 2.0,
}


def pool(study: Run, cv: CrossValidation, models: Sequence[str], console: Console) -> dict[str, Any]:
    """Write what the study found, and say the number; returns the metrics."""
    scored = out_of_fold(study, models)
    made_from = ["split.csv", *(f"{model}/predictions.csv" for model in models)]
    metrics = write_scores(study, {OUT_OF_FOLD: scored}, made_from)
    if not study.is_ensemble:
        study.count_test_reading(
            f"each image {cv.repeats} x, by the one model of a repeat that never saw its source"
        )
    study.note(members=list(models))
    scores = [_score(study, model) for model in models]
    means = fold_means(scores, cv)
    words = in_words(metrics[OUT_OF_FOLD], means, cv)
    write_json(
        study.path("crossval.json"),
        {
            "schema": SCHEMA,
            "folds": cv.folds,
            "repeats": cv.repeats,
            "images": metrics[OUT_OF_FOLD]["n"],
            "sources": metrics[OUT_OF_FOLD]["sources"],
            "words": words,
            "epochs": [len(read_history(study.path(f"{model}/history.csv"))) for model in models],
            "scores": scores,
            "mean": {name: mean.as_json() for name, mean in means.items()},
        },
    )
    study.record("crossval.json", [f"{model}/metrics.json" for model in models])
    guessing = may_be_guessing(metrics[OUT_OF_FOLD])
    predictions = Predictions(scored.rows, scored.classes, scored.probs)
    named = None if guessing else find_label_errors(predictions)
    write_label_errors(study, named.suspects if named else ())
    write_slices(study, OUT_OF_FOLD)
    pool_baselines(study, models)
    report = write_report(study.folder)
    console.say("\n" + "\n".join(words))
    if named is None:
        console.say(f"No label is named as wrong: the network is {NOTHING_ON_LABELS}.")
    elif named.suspects:
        console.say(f"{len(named.suspects):,} labels are probably wrong: `groupwise labels {study.folder}`")
    elif not named.judged:
        console.say("\n".join(named.words()))
    console.say(f"Report: {report}")
    return metrics


def out_of_fold(study: Run, models: Sequence[str]) -> Scored:
    """The answers of every image by the models that never saw it, averaged over repeats, and measured."""
    answers: dict[str, list[Any]] = {}
    tested = [_tested(study, model) for model in models]
    for one in tested:
        for row, probs in zip(one.rows, one.probs, strict=True):
            answers.setdefault(row.path, []).append(probs)
    classes = tested[0].classes
    split = study.split()
    rows = [row for row in split.rows if row.fold != EXCLUDED]
    probs = np.array([np.mean(answers[row.path], axis=0) for row in rows])
    pooled = Predictions(tuple(row._replace(fold=OUT_OF_FOLD) for row in rows), classes, probs)
    sources = split.sources_of(rows)
    if pooled.targets.several:
        rules = [rule_of(Run.open(study.path(model)), classes) for model in models]
        said = answer_sets(pooled, list(zip(tested, rules, strict=True)))
        sets = check_label_fold(pooled.targets.values, probs, sources)
        figures = measure_label_fold(sets, said, classes, seed=0)
        return Scored(pooled.rows, classes, probs, figures, said.given)
    return Scored(pooled.rows, classes, probs, _figures(study, pooled, sources))


def _figures(study: Run, pooled: Predictions, sources: Ints) -> dict[str, Any]:
    """Every figure of one class an image."""
    probs, classes = pooled.probs, pooled.classes
    fold = check_fold(pooled.labels, probs, sources, classes)
    metrics = evaluate_fold(pooled.labels, probs, sources, classes, seed=0)
    decided = decided_before(study)
    metrics |= score_curves(fold, classes, positive=decided.positive_class, seed=0)
    metrics |= influence_metrics(fold, pooled.rows)
    metrics |= kappas(fold, classes, decided.ordered, seed=0)
    counts = np.bincount(pooled.labels, minlength=len(classes)).astype(np.int64)
    metrics |= other_aim(fold, classes, counts, balanced=is_for_balanced(study))
    costs = decided.cost_matrix(classes)
    if costs is not None:
        metrics["cost"] = cost_metrics(fold, costs, classes)
    return metrics


def _tested(study: Run, model: str) -> Predictions:
    return read_predictions(Run.open(study.path(model)).require("predictions.csv")).of_fold(TEST)


def _score(study: Run, model: str) -> dict[str, Any]:
    """One entry of `scores`."""
    run = Run.open(study.path(model))
    figures = read_metrics(run.require("metrics.json"))[TEST]
    split = run.split()
    repeat, fold = model.split("/")
    return {
        "run": model,
        "repeat": int(repeat.rpartition("-")[2]),
        "fold": int(fold.rpartition("-")[2]),
        "n": figures["n"],
        "sources": figures["sources"],
        "learnt_from": sum(len(split.indices(name)) for name in ("train", "val")),
        "best_epoch": run.ledger.get("best_epoch"),  # none of a probe
        **{name: figures[name]["value"] for name in METRICS if name in figures},
    }


def fold_means(scores: Sequence[dict[str, Any]], cv: CrossValidation) -> dict[str, FoldMean]:
    """The mean over folds of each metric that every fold has."""
    return {
        name: nadeau_bengio_mean([score[name] for score in scores], 1 / (cv.folds - 1), most=most)
        for name, most in METRICS.items()
        if all(score.get(name) is not None for score in scores)
    }


def in_words(figures: dict[str, Any], means: dict[str, FoldMean], cv: CrossValidation) -> list[str]:
    """Two sentences, each with the question that its interval answers; a third where they seem at odds."""
    measure = headline_measure(figures)
    # With repeats an answer is the mean of several models, which is better than each of them.
    who = "are these models" if cv.repeats == 1 else f"is the mean of {cv.repeats} such models"
    often = f"How often {who} right" if measure == "accuracy" else f"How good {who}"
    told = [f"{often} on new sources? {sentence(measure, figures[measure])}"]
    if (mean := means.get(measure)) is None:  # of sets, where no label of a fold can be ranked
        return told
    times = f" x {cv.repeats} repeats" if cv.repeats > 1 else ""
    spread = (
        f"Mean of {cv.folds} folds{times} {100 * mean.mean:.1f} %, standard deviation {100 * mean.sd:.1f}"
    )
    limits = f"no interval: {mean.reason}"
    if mean.low is not None and mean.high is not None:
        limits = f"95 % interval {100 * mean.low:.1f} to {100 * mean.high:.1f} %"
    told.append(
        f"What would this recipe reach on another {figures['sources']:,} sources, trained anew? {spread};"
        f" {limits} (Nadeau and Bengio)."
    )
    return [*told, ALIKE] if _narrower(mean, figures[measure]) else told


def _narrower(mean: FoldMean, pooled: dict[str, Any]) -> bool:
    """Whether the corrected interval is narrower than the pooled one, which covers less."""
    if mean.low is None or mean.high is None or pooled["low"] is None:
        return False
    return bool(mean.high - mean.low < pooled["high"] - pooled["low"])
