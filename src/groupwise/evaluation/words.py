"""Turns a figure of `metrics.json` into a sentence that a reader can quote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What a share of images is a share of, after "86.1 % of 366 images from 41 sources".
SHARES = {
    "accuracy": "were classified correctly",
    "precision": "predicted so belong to the class",
    "recall": "of the class were recognised",
    "specificity": "of other classes were told apart from it",
}
NAMES = {
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro F1",
    "f1": "F1",
    "auroc": "AUROC",
    "average_precision": "Average precision",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "ece": "Calibration error",
}


def sentence(metric: str, figure: Mapping[str, Any]) -> str:
    """Say what `figure` of `metrics.json` means, `metric` being its key there; KeyError for an unknown one.

    "86.1 % of 366 images from 41 sources were classified correctly; 95 % interval 80.2 to 90.9 %."
    """
    if figure["value"] is None:
        return f"{NAMES.get(metric) or metric.capitalize()} is undefined: {figure['reason']}."
    basis = f"{_count(figure['n'], 'image')} from {_count(figure['groups'], 'source')}"
    if metric in SHARES:
        return (
            f"{100 * figure['value']:.1f} % of {basis} {SHARES[metric]}; {_interval(figure, 100, 1, ' %')}."
        )
    of = f" ({figure['of']})" if "of" in figure else ""
    return f"{NAMES[metric]} {figure['value']:.3f}{of} on {basis}; {_interval(figure, 1, 3, '')}."


def _interval(figure: Mapping[str, Any], scale: float, digits: int, unit: str) -> str:
    if figure["low"] is None:
        return f"no interval: {figure['reason']}"
    low, high = scale * figure["low"], scale * figure["high"]
    return f"95 % interval {low:.{digits}f} to {high:.{digits}f}{unit}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


NOTHING_ON_LABELS = "not shown to be better than guessing, so it cannot judge the labels"


def may_be_guessing(figures: Mapping[str, Any]) -> bool:
    """Whether the interval of accuracy reaches down to what always answering the largest class gives.

    `figures` are those of one fold of `metrics.json`. Without an interval nothing is said: False.
    """
    low = figures["accuracy"].get("low")
    majority = (figures.get("majority") or {}).get("accuracy")
    return low is not None and majority is not None and low <= majority
