"""Out-of-fold answers of images with sets of labels: what each fold model gave, by its own thresholds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from groupwise.evaluation.predictions import Predictions
from groupwise.inference.decision import read_decision
from groupwise.runs.run import Run
from groupwise.stats.label_rule import LabelAnswers, LabelRule, Members

REPEATS = "an image was answered by several models, whose mean has no threshold that was promised for"


def answer_sets(pooled: Predictions, tested: Sequence[tuple[Predictions, LabelRule]]) -> LabelAnswers:
    """What was said of the images of `pooled`, whose probabilities are the mean of those in `tested`.

    Each model, with its answers to the images that it never saw, comes with the rule that its own `val`
    chose. A label is given where the mean probability reaches the mean threshold of the models that answered.
    Where one model answered each image, its promise on missed labels can be checked.
    """
    place = {row.path: i for i, row in enumerate(pooled.rows)}
    rules = [rule for _, rule in tested]
    lines, counts = np.zeros(pooled.probs.shape), np.zeros(len(pooled.rows))
    possible: Members = np.zeros(pooled.probs.shape, dtype=bool)
    reason = next((rule.reason for rule in rules if rule.threshold is None), None)
    for answers, rule in tested:
        at = [place[row.path] for row in answers.rows]
        lines[at] += rule.thresholds
        counts[at] += 1
        if reason is None:
            possible[at] = rule.possible(answers.probs)
    if (counts > 1).any():
        reason = REPEATS
    # A mean of one is itself, bit by bit
    given = pooled.probs >= lines / counts[:, None]
    mean = np.mean([rule.thresholds for rule in rules], axis=0)
    thresholds = [] if reason else [rule.threshold for rule in rules if rule.threshold is not None]
    return LabelAnswers(
        given,
        None if reason else possible,
        tuple(mean.tolist()),
        rules[0].alpha,
        float(np.mean(thresholds)) if thresholds else None,
        reason,
    )


def rule_of(model: Run, classes: Sequence[str]) -> LabelRule:
    """The rule by which a fold model gives labels."""
    rule = read_decision(model, tuple(classes), 1.0)[0].label_sets
    assert rule is not None
    return rule
