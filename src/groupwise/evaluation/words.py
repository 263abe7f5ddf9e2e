"""Sentences to quote for the figures of `metrics.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groupwise.stats.estimate import SETS, Estimate

# What a share of images is a share of, after "86.1 % of 366 images from 41 sources".
SHARES = {
    "accuracy": "were classified correctly",
    "exact": "have exactly the right labels",
    "precision": "predicted so belong to the class",
    "recall": "of the class were recognised",
    "specificity": "of other classes were told apart from it",
}
NAMES = {
    "exact": "The share with exactly the right labels",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro F1",
    "mcc": "Matthews correlation",
    "micro_f1": "Micro F1",
    "f1": "F1",
    "auroc": "AUROC",
    "average_precision": "Average precision",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "ece": "Calibration error",
    "linear": "Weighted kappa, linear,",
    "quadratic": "Weighted kappa, quadratic,",
}
NOTHING_ON_LABELS = "not shown to be better than guessing, so it cannot judge the labels"


def sentence(metric: str, figure: Mapping[str, Any]) -> str:
    """Say what `figure` of `metrics.json` means, `metric` being its key there; KeyError for an unknown one.

    "86.1 % of 366 images from 41 sources were classified correctly; 95 % interval 80.2 to 90.9 %."
    """
    estimate = Estimate.from_json(figure)
    if estimate.value is None:
        return f"{NAMES.get(metric) or metric.capitalize()} is undefined: {estimate.reason}."
    basis = f"{_count(estimate.n, 'image')} from {_count(estimate.sources, 'source')}"
    if metric in SHARES:
        said = f"{100 * estimate.value:.1f} % of {basis} {SHARES[metric]}"
        return f"{said}; {_interval(estimate, 100, 1, ' %')}."
    of = f" ({estimate.of})" if estimate.of else ""
    if metric == "average_precision":  # whose chance is a share of the images
        said = f"{NAMES[metric]} {100 * estimate.value:.1f} %{of} on {basis}"
        return f"{said}; {_interval(estimate, 100, 1, ' %')}."
    return f"{NAMES[metric]} {estimate.value:.3f}{of} on {basis}; {_interval(estimate, 1, 3, '')}."


def kappa_sentences(figures: Mapping[str, Any]) -> list[str]:
    """The weighted kappas of a fold; none where its classes have no order."""
    kappa = figures.get("kappa")
    return [sentence(name, kappa[name]) for name in ("linear", "quadratic")] if kappa else []


def case_sentence(facts: Mapping[str, Any]) -> str:
    """What `cases.json` says: how often cases are answered rightly, and how often a single picture is."""
    single, several = Estimate.from_json(facts["single_picture"]), facts.get("labels") == "several"
    if several:
        number = Estimate.from_json(facts["figures"]["average_precision"])
        cases = f"{_count(facts['cases'], 'case')} of {_count(facts['pictures'], 'picture')}"
        value, alone = (_share_of_labels(one) for one in (number, single))
        return (
            f"One answer a case ({RULES[facts['rule']['rule']]}): mean average precision {value} on {cases};"
            f" {_interval(number, 100, 1, ' %')}. A single picture: {alone}."
        )
    accuracy = Estimate.from_json(facts["figures"]["accuracy"])
    assert accuracy.value is not None
    assert single.value is not None
    cases = f"{_count(facts['cases'], 'case')} of {_count(facts['pictures'], 'picture')}"
    left_out = facts["several_classes"]
    more = f" {_count(left_out, 'case')} of several classes left out." if left_out else ""
    return (
        f"One answer a case ({RULES[facts['rule']['rule']]}): {100 * accuracy.value:.1f} % of {cases} were"
        f" classified correctly; {_interval(accuracy, 100, 1, ' %')}. A single picture:"
        f" {100 * single.value:.1f} %.{more}"
    )


def _share_of_labels(figure: Estimate) -> str:
    return "undefined" if figure.value is None else f"{100 * figure.value:.1f} %"


RULES = {"mean": "the mean of its pictures", "max": "its surest picture", "vote": "the vote of its pictures"}


def _interval(estimate: Estimate, scale: float, digits: int, unit: str) -> str:
    if estimate.low is None or estimate.high is None:
        return f"no interval: {estimate.reason}"
    low, high = scale * estimate.low, scale * estimate.high
    return f"95 % interval {low:.{digits}f} to {high:.{digits}f}{unit}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def lower_limits(figures: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """The lower limit of each figure that shows whether a network knows anything, and what chance has of it.

    Of accuracy that is the share of the largest class, of balanced accuracy one in the classes that are
    there, and of AUROC a half. A figure without an interval is left out, and of sets of labels all but AUROC.
    """
    chances: dict[str, float | None] = {"auroc": 0.5}
    if figures.get("labels") != SETS:
        present = sum(any(row) for row in figures["confusion"])
        majority = (figures.get("majority") or {}).get("accuracy")
        chances = {"accuracy": majority, "balanced_accuracy": 1 / present} | chances
    lows = {name: Estimate.from_json(figures.get(name)).low for name in chances}
    return {
        name: (low, chance)
        for name, chance in chances.items()
        if chance is not None and (low := lows[name]) is not None
    }


def may_be_guessing(figures: Mapping[str, Any]) -> bool:
    """Whether the network is not shown to know more than nothing, by the `figures` of a fold.

    That is so where every one of `lower_limits` is at its chance or below: of unequal classes a network that
    tells them apart well may still be right less often than one that always answers the largest. Without an
    interval nothing is said: False.
    """
    limits = lower_limits(figures).values()
    return bool(limits) and all(low <= chance for low, chance in limits)
