"""The figures of cases whose pictures have sets of labels: a case has what any of its pictures has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from groupwise.data.targets import write_set
from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.case_sets import aggregate_sets, case_members
from groupwise.stats.cases import MAX, RULES, CaseRule
from groupwise.stats.estimate import SETS, Estimate
from groupwise.stats.label_compare import compare_label_folds
from groupwise.stats.label_metrics import (
    LabelDraws,
    LabelFold,
    check_label_fold,
    mean_over_labels,
    measure_label_fold,
    rank_figures,
)
from groupwise.stats.label_rule import LabelRule, Members

ALIKE = "each case weighs the same, however many pictures it has"


def measure_sets(
    members: Members,
    probs: Floats,
    given: Members,
    rule: CaseRule,
    cases: Ints,
    source_of: Ints,
    classes: Sequence[str],
) -> tuple[list[str], list[str], Floats, dict[str, Any]]:
    """The written truth, the answers, their probabilities (C, K) and the facts of cases 0..C-1 (N,).

    `members`, `probs` and `given` are of pictures, (N, K); `source_of` has the source of each case, (C,).
    """
    truth = case_members(members, cases)
    answers = {name: aggregate_sets(probs, given, cases, name) for name in RULES}
    folds = {name: check_label_fold(truth, one, source_of) for name, one in answers.items()}
    said = LabelRule(rule.thresholds, alpha=0.0).answers(answers[rule.rule])
    figures = measure_label_fold(folds[rule.rule], said, classes, seed=0)
    del figures["risk_control"]  # which is promised for single pictures
    beside = compare_label_folds(folds[MAX], folds[rule.rule], classes, seed=0)[1]
    single = check_label_fold(truth[cases], probs, cases)
    weights = 1 / np.bincount(cases)  # each case weighs the same
    alone = float(rank_figures(single, weights[None])[1].mean()) if single.rankable else None
    facts = {
        "labels": SETS,
        "rule": rule.as_json(),
        "pictures": len(cases),
        "cases": len(truth),
        "several_classes": 0,
        "examples": [],
        "figures": figures,
        "single_picture": Estimate(alone, len(cases), len(truth), reason=ALIKE).as_json(),
        "rules": {name: _precision(fold, classes).as_json() for name, fold in folds.items()},
        "beside_surest": {name: getattr(beside, name) for name in ("value", "low", "high", "p", "reason")},
    }
    return _written(truth, classes), _written(said.given, classes), answers[rule.rule], facts


def _precision(fold: LabelFold, classes: Sequence[str]) -> Estimate:
    drawn = LabelDraws.of(fold, np.zeros_like(fold.members), 2000, 0)
    return mean_over_labels(fold, drawn, "average_precision", classes)


def _written(members: Members, classes: Sequence[str]) -> list[str]:
    return [write_set(np.array(classes)[has].tolist()) for has in members]
