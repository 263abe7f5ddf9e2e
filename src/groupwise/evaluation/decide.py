"""The decision on a network's answers, made by the fold that chose its epoch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from groupwise.data.split import Split
from groupwise.errors import UsageError
from groupwise.evaluation.evaluate import keep_scores, read_images, score_fold
from groupwise.inference.decision import Decision, write_decision
from groupwise.inference.predictor import Outputs, load_run, predict_outputs
from groupwise.recipe.decision import DecisionConfig
from groupwise.recipe.recipe import read_fields
from groupwise.runs.files import TEST
from groupwise.runs.run import Run
from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.calibration import calibrated
from groupwise.stats.case_sets import choose_set_rule
from groupwise.stats.cases import choose_case_rule
from groupwise.stats.conformal import (
    Abstention,
    Conformal,
    OperatingPoint,
    fit_abstention,
    fit_conformal,
    fit_operating_point,
)
from groupwise.stats.label_sets import fit_label_rule, label_probabilities, undecided_rule
from groupwise.stats.ood import Features, OutOfDistribution, fit_ood

MOST_REFERENCES = 2000
CHOSEN_ON_TEST = "the epoch was chosen on the test fold, so no fold is left to decide by"


@dataclass(frozen=True, eq=False)
class Seen:
    """What the network says of images that it did not learn, their targets and sources (N,).

    `labels` are class numbers (N,), or 1 for each label of an image, (N, K).
    """

    outputs: Outputs
    labels: Any
    sources: Ints


def decide_sets(
    seen: Seen, reference: Features, classes: tuple[str, ...], temperature: float, config: DecisionConfig
) -> Decision:
    """As `decide`, where the labels of `seen` are sets, 1 for each label of an image, (N, K)."""
    probs = label_probabilities(seen.outputs.logits, temperature)
    unlike = fit_ood(*seen.outputs, reference, seen.sources, config.false_flag_rate)
    start = Decision(classes, temperature, unlike=unlike)
    return decide_sets_by(probs, seen.labels, seen.sources, start, config)


def decide_sets_by(
    probs: Floats, members: Any, sources: Ints, start: Decision, config: DecisionConfig
) -> Decision:
    """As `decide_by`, where images have labels `members`, 1 for each that one has, (N, K)."""
    rule = fit_label_rule(probs, members, sources, config.alpha)
    case = choose_set_rule(members.astype(bool), probs, rule.given(probs), sources, sources)
    return replace(start, label_sets=rule, case=case)


def undecided_sets(classes: tuple[str, ...], config: DecisionConfig, reason: str) -> Decision:
    """As `undecided`, for sets of labels."""
    return Decision(
        classes,
        unlike=OutOfDistribution(config.false_flag_rate, reason=reason),
        label_sets=undecided_rule(len(classes), config.alpha, reason),
    )


def decide(
    seen: Seen, reference: Features, classes: tuple[str, ...], temperature: float, config: DecisionConfig
) -> Decision:
    """Choose every threshold by `seen`; `reference` (M, C) are features of training images."""
    probs = calibrated(seen.outputs.logits, temperature)
    unlike = fit_ood(*seen.outputs, reference, seen.sources, config.false_flag_rate)
    return decide_by(probs, seen.labels, seen.sources, Decision(classes, temperature, unlike=unlike), config)


def decide_by(
    probs: Floats, labels: Ints, sources: Ints, start: Decision, config: DecisionConfig
) -> Decision:
    """`start` with every threshold that calibrated probabilities (N, K) of images not learnt from set."""
    classes, point = start.classes, None
    if config.positive_class is not None and config.target_sensitivity is not None:
        wanted = OperatingPoint(config.positive_class, config.target_sensitivity, config.prevalence)
        positive = classes.index(config.positive_class)
        point = fit_operating_point(wanted, probs, labels, sources, positive)
    return replace(
        start,
        conformal=fit_conformal(probs, labels, sources, config.alpha),
        abstention=fit_abstention(probs, labels, sources, config.error_rate),
        operating_point=point,
        costs=_costs(config, classes),
        case=choose_case_rule(labels, probs, sources),
    )


def undecided(classes: tuple[str, ...], config: DecisionConfig, reason: str) -> Decision:
    """The decision where there is nothing to decide by, with the reason in each part."""
    return Decision(
        classes,
        conformal=Conformal(config.alpha, reason=reason),
        abstention=Abstention(config.error_rate, reason=reason),
        unlike=OutOfDistribution(config.false_flag_rate, reason=reason),
        costs=_costs(config, classes),
    )


def _costs(config: DecisionConfig, classes: tuple[str, ...]) -> tuple[tuple[float, ...], ...] | None:
    matrix = config.cost_matrix(classes)
    return None if matrix is None else tuple(map(tuple, matrix.tolist()))


def reference_rows(split: Split, seed: int) -> Ints:
    """Rows of at most 2,000 training images to compare others with, (M,), in ascending order.

    Every source gives one image before any gives a second; `seed` decides which.
    """
    rows = np.random.default_rng(seed).permutation(split.indices("train"))
    rows = rows[np.argsort(split.sources[rows], kind="stable")]  # the images of a source in a row
    sources = split.sources[rows]
    turn = np.arange(len(rows)) - np.searchsorted(sources, sources)
    drawn = np.lexsort((np.random.default_rng(seed).random(len(rows)), turn))
    return np.sort(rows[drawn[:MOST_REFERENCES]])


def decide_again(run: Run, config: DecisionConfig, *, root: Path | None = None) -> Decision:
    """Decide anew on the selection fold of a finished run, without training and without the test fold.

    The figures of that fold are measured again. `root` is where the images lie if not where they lay during
    training. Raises `UsageError` where the run has no fold to decide by, or not the class that is meant.
    """
    run.refuse_untestable()
    predictor, split = load_run(run.folder), run.split()
    if split.several:
        _refuse_of_one_class(config)
    recipe = read_fields(run.require("recipe.yaml"))
    fold = recipe["training"]["select_fold"]
    if fold == TEST:
        raise UsageError(CHOSEN_ON_TEST, place=run.folder, remedy="Train again with a `val` fold.")
    config.refuse_unknown_class(predictor.classes)

    def look(rows: Ints) -> Outputs:
        images = read_images(run, [split.rows[i] for i in rows], predictor.preprocessing, root=root)
        return predict_outputs(predictor.model, images, predictor.preprocessing)

    rows = split.indices(fold)
    labels = split.targets.values[rows]
    reference = predictor.reference
    if reference is None:  # a run from before there were decisions
        reference = look(reference_rows(split, recipe["seed"])).features
    seen = Seen(look(rows), labels, split.sources[rows])
    choose = decide_sets if split.several else decide
    decision = choose(seen, reference, predictor.classes, predictor.temperature, config)
    write_decision(run, decision, reference)
    if run.path("metrics.json").exists():
        keep_scores(run, fold, score_fold(run, fold, root=root))
    return decision


def _refuse_of_one_class(config: DecisionConfig) -> None:
    """Raise `UsageError` for what decides between classes, where images have sets of labels."""
    for option, wanted in (
        ("--target-sensitivity", config.positive_class is not None),
        ("--cost-matrix", config.costs is not None),
    ):
        if wanted:
            raise UsageError(
                "chooses one class instead of another, and here each label is given or not by itself",
                place=option,
                remedy="Leave it out; --alpha says how many of the true labels may be missed.",
            )
