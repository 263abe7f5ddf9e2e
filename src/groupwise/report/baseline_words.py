"""Sentences about the baselines: what they are, what they score, and whether the network beats them."""

from __future__ import annotations

from groupwise.report.words import percent
from groupwise.runs.baselines import (
    FEATURES,
    LARGEST_CLASS,
    PLAIN_NETWORK,
    PREVALENCE,
    Baseline,
    Baselines,
    Lead,
)
from groupwise.stats.estimate import Estimate
from groupwise.text import duration

NAMES = {
    LARGEST_CLASS: "always the largest class",
    PREVALENCE: "the share of the images that have each label",
    FEATURES: "logistic regression on simple features of colour and shape",
    PLAIN_NETWORK: "a plain network of eight convolutions",
}
OPENINGS = {
    "loses": "The network loses to a baseline",
    "not_shown": "The network is not shown to beat its baselines",
    "beats": "The network beats its baselines",
}
MEASURES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "average_precision": "mean average precision",
}


def baseline_name(one: Baseline) -> str:
    """What a baseline is, in words."""
    return f"always answering “{one.answer}”" if one.answer is not None else NAMES[one.name]


def standing_sentence(found: Baselines, fold: str, network: Estimate) -> str:
    """Whether the network beats its baselines on a fold, with the figures; `network` is its own there.

    "The network loses to a baseline: always answering “free” has 69.1 % accuracy on the same images, the
    network 28.4 %: -40.7 points (95 % interval -48.2 to -33.1)."
    """
    one, standing = found.rival(fold), found.standing(fold)
    score = one.scores[fold]
    best = "the best of them, " if standing == "beats" and len(found.baselines) > 1 else ""
    theirs, ours = (
        "no figure" if figure.value is None else percent(figure.value)
        for figure in (score.figures[found.measure], network)
    )
    return (
        f"{OPENINGS[standing]}: {best}{baseline_name(one)}{',' if best else ''} has {theirs}"
        f" {MEASURES[found.measure]} on the same images, the network {ours}:"
        f" {lead_text(score.leads[found.measure])}."
    )


def lead_text(lead: Lead) -> str:
    """`+5.8 points (95 % interval 1.2 to 10.4)`."""
    limits = f"no interval: {lead.reason}"
    if lead.low is not None and lead.high is not None:
        limits = f"95 % interval {100 * lead.low:.1f} to {100 * lead.high:.1f}"
    return f"{100 * lead.value:+.1f} points ({limits})"


def fitted_line(found: Baselines) -> str:
    """What was fitted and what was not, for the terminal."""
    said = f"Baselines: {len(found.baselines)} fitted in {duration(found.seconds)}"
    return "; ".join([said, *(f"not {NAMES[name]}, {why}" for name, why in found.skipped.items())])
