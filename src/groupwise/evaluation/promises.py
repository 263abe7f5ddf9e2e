"""The promises of a run's rules, and whether an interval measured elsewhere keeps or breaks them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from groupwise.stats.estimate import Estimate

# The figure of each rule that its promise bounds, and from which side.
PROMISES: tuple[tuple[str, str, str, Literal["least", "most"]], ...] = (
    ("conformal", "alpha", "coverage_of_sources", "least"),
    ("risk_control", "alpha", "missed_of_sources", "most"),
    ("abstention", "error_rate", "wrong_of_sources", "most"),
    ("unlike", "false_flag_rate", "flagged_of_sources", "most"),
    ("operating_point", "promised_sensitivity", "sensitivity_of_sources", "least"),
)


def check_promises(figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the run's rules promise, what came of it in `figures`, and whether the interval tells.

    A rule that was refused, or whose bounded figure was not measured, is left out.
    """
    told = []
    for rule, rate, measured, bound in PROMISES:
        part = figures.get(rule)
        if not part or part.get("reason") or part.get(measured) is None or rate not in part:
            continue
        promised = 1 - part[rate] if rule == "conformal" else part[rate]
        figure = Estimate.from_json(part[measured])
        told.append(
            {
                "rule": rule,
                "promised": promised,
                "bound": bound,
                "measured": figure.as_json(),
                "standing": _standing(promised, bound, figure),
            }
        )
    return told


def _standing(promised: float, bound: str, figure: Estimate) -> str:
    """`kept` or `broken` where the interval lies on one side of the promise, else `open`."""
    if figure.low is None or figure.high is None:
        return "open"
    if bound == "least":
        return "kept" if figure.low >= promised else "broken" if figure.high < promised else "open"
    return "kept" if figure.high <= promised else "broken" if figure.low > promised else "open"
