"""Sentences about what a run was optimised for, and what the other choice would give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groupwise.recipe.aim import MEASURE, WORDS, Aim
from groupwise.report.words import plain_interval, plain_text, share_interval, share_text
from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import Estimate


def optimised_text(files: RunFiles) -> str:
    """What counted, its figure, and, where the classes are unequal, what the other choice would give.

    "Optimised for accuracy; the classes are unequal (30 to 1), and balanced accuracy is 27.4 %."
    """
    aim, figures = files.optimised_for, files.metrics[files.fold]
    if files.several and aim == "average_precision":  # the number itself
        return "Optimised for the mean average precision of the labels."
    other = figures.get("other_aim")
    told = f"Optimised for {WORDS[aim]}"
    if aim == "accuracy":
        balanced = Estimate.from_json(figures.get("balanced_accuracy"))
        if other and balanced.value is not None:
            told += (
                f"; the classes are unequal ({other['imbalance']:.0f} to 1 in training), and balanced"
                f" accuracy, to which every class counts alike, is {share_text(balanced)}"
            )
    elif aim == "cost":
        told += _costs(figures.get("cost"))
    else:
        figure = Estimate.from_json(figures.get(MEASURE[aim]))
        text, interval = (
            (plain_text(figure), plain_interval(figure))
            if aim in ("auroc", "average_precision")
            else (share_text(figure), share_interval(figure))
        )
        told += f", which is {text}" + (f" (95 % interval {interval})" if interval else "")
    return f"{told}." + (f" {other_text(other)}" if other else "")


def other_text(other: Mapping[str, Any]) -> str:
    """What the other of accuracy and balanced accuracy would give, as an estimate."""
    aim: Aim = other["optimise"]
    accuracy, balanced = (Estimate.from_json(other[name]) for name in ("accuracy", "balanced_accuracy"))
    return (
        f"Optimised for {WORDS[aim]} instead (`--optimise {aim}`), it would have about"
        f" {share_text(accuracy)} accuracy and {share_text(balanced)} balanced accuracy: an estimate from"
        " its own probabilities, corrected for the shares of the classes, without training again."
    )


def _costs(cost: Mapping[str, Any] | None) -> str:
    """What an image costs as decided, by the most probable class, and by the cheapest constant answer."""
    if not cost:
        return ""
    decided, probable = (Estimate.from_json(cost[name]) for name in ("decided", "most_probable"))
    interval = plain_interval(decided)
    return (
        f": an image costs {plain_text(decided)} on average"
        + (f" (95 % interval {interval})" if interval else "")
        + f" as it is decided, {plain_text(probable)} by its most probable class, and"
        f" {cost['constant']['cost']:.3f} where “{cost['constant']['class']}” is always answered"
    )
