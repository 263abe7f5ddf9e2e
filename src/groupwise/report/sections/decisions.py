"""What the network answers and what it leaves to a person: coverage, sets, flags, operating point."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from groupwise.evaluation.promises import check_promises
from groupwise.report import plots
from groupwise.report.rendering import Section
from groupwise.report.thumbnails import Chart
from groupwise.report.words import (
    percent,
    percent_bound,
    plain_interval,
    plain_text,
    share_interval,
    share_text,
)
from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import Estimate
from groupwise.text import count

VERDICTS = {
    "kept": "Kept",
    "broken": "Broken, do not lean on it",
    "open": "Open",
}
EACH_ALIKE = "the same, each source alike"  # what the promise bounds


@dataclass(frozen=True)
class Rule:
    """A rule that the selection fold decided: its promise, and whether the fold of the number kept it.

    `figures` are the measured ones with their names; a rule that was refused has a `reason` and none.
    `standing` is `kept`, `broken` or `open`, or empty where nothing is promised of a figure.
    """

    title: str
    promise: str
    figures: tuple[tuple[str, str, str], ...] = ()
    reason: str = ""
    standing: str = ""

    @property
    def verdict(self) -> str:
        """Whether the promise was kept, in a word or two; empty without one."""
        return VERDICTS.get(self.standing, "")


def build(files: RunFiles) -> Section | None:
    """Curve and rules; nothing where none was measured."""
    measured = files.metrics[files.fold]
    curve = measured.get("risk_coverage")
    standings = {one["rule"]: one["standing"] for one in check_promises(measured)}
    rules = [
        replace(tell(measured[key]), standing=standings.get(key, ""))
        for key, tell in TOLD.items()
        if measured.get(key)
    ]
    if not curve and not rules:
        return None
    values = {
        "gist": _gist(rules),
        "rules": _told_once(rules),
        "select_fold": files.select_fold,
        "fold": files.fold,
        "coverage": None,
    }
    if not curve:
        return Section(values)
    chart = Chart.draw(partial(plots.coverage, curve["points"]))
    surest = [(percent(one["coverage"]), Estimate.from_json(one)) for one in curve["accuracy_at"].values()]
    return Section(values | {"coverage": chart, "surest": surest}, {"coverage.png": chart.light})


def _told_once(rules: Sequence[Rule]) -> list[Rule]:
    """The rules, a reason that several were refused for told with the first alone."""
    told: set[str] = set()
    said = []
    for rule in rules:
        said.append(replace(rule, reason="the same reason") if rule.reason in told else rule)
        told |= {rule.reason} - {""}
    return said


def _gist(rules: Sequence[Rule]) -> str:
    made = [rule for rule in rules if not rule.reason]
    broken = sum(rule.standing == "broken" for rule in made)
    unsettled = sum(rule.standing == "open" for rule in made)
    told = f"{unsettled} not settled by so few sources" if unsettled else "none broken"
    told = f"{broken} did not hold" if broken else told
    return f"{count(len(made), 'rule')}, {told}" if made else "how right it is where it is sure"


def _abstention(part: Mapping[str, Any]) -> Rule:
    return Rule(
        "When to leave it to a person",
        f"At most {percent_bound(part['error_rate'], 'most')} of all images are answered wrongly.",
        _shares(
            part,
            answered="answered",
            accuracy="right among them",
            wrong="answered wrongly",
            wrong_of_sources=EACH_ALIKE,
        ),
        _reason(part),
    )


def _conformal(part: Mapping[str, Any]) -> Rule:
    figures = _shares(
        part,
        coverage="have the true class in their set",
        coverage_of_sources=EACH_ALIKE,
        singletons="have a set of a single class",
    )
    size = Estimate.from_json(part.get("mean_size"))
    if size.value is not None:
        figures += (("classes in a set, on average", f"{size.value:.2f}", _interval(size)),)
    promised = percent_bound(1 - part["alpha"], "least")
    promise = f"A set of classes holds the true one for at least {promised} of images."
    return Rule("Sets of classes instead of one", promise, figures, _reason(part))


def _ood(part: Mapping[str, Any]) -> Rule:
    rate = percent_bound(part["false_flag_rate"], "most")
    return Rule(
        "Images unlike the training data",
        f"At most {rate} of images like the training data are flagged as unlike them.",
        _shares(part, flagged="were flagged", flagged_of_sources=EACH_ALIKE),
        _reason(part),
    )


def _operating_point(part: Mapping[str, Any]) -> Rule:
    name, promised = part["class"], part.get("promised_sensitivity", part["target_sensitivity"])
    promise = f"At least {percent_bound(promised, 'least')} of the images of {name} are called so"
    at = f" at a prevalence of {percent(part['prevalence'])}" if "prevalence" in part else ""
    figures = _shares(
        part,
        sensitivity="sensitivity",
        sensitivity_of_sources=EACH_ALIKE,
        specificity="specificity",
        ppv=f"positive predictive value{at}",
        npv=f"negative predictive value{at}",
    )
    threshold = f", from a probability of {part['threshold']:.3f} on." if "threshold" in part else "."
    return Rule(f"Operating point of {name}", promise + threshold, figures, _reason(part))


def _cost(part: Mapping[str, Any]) -> Rule:
    """What answers cost; the figures are means, in the unit of the cost matrix."""
    names = {"decided": "an image as it is decided", "most_probable": "by its most probable class"}
    figures = tuple(
        (name, plain_text(figure), plain_interval(figure) or figure.reason or "")
        for key, name in names.items()
        for figure in [Estimate.from_json(part[key])]
    )
    constant = part["constant"]
    always = (f"where “{constant['class']}” is always answered", f"{constant['cost']:.3f}", "")
    promise = "The class of the least expected cost is answered, by the cost matrix."
    return Rule("What answers cost", promise, (*figures, always))


TOLD: Mapping[str, Callable[[Mapping[str, Any]], Rule]] = {
    "operating_point": _operating_point,
    "cost": _cost,
    "abstention": _abstention,
    "conformal": _conformal,
    "unlike": _ood,
}


def _shares(part: Mapping[str, Any], **names: str) -> tuple[tuple[str, str, str], ...]:
    """(what, value, interval) of the figures that are there; one that equals the last says nothing new."""
    rows: list[tuple[str, str, str]] = []
    for key, name in names.items():
        figure = Estimate.from_json(part.get(key))
        value, interval = share_text(figure), share_interval(figure) or figure.reason or ""
        repeated = key.endswith("_of_sources") and rows and rows[-1][1:] == (value, interval)
        if part.get(key) and not repeated:
            rows.append((name, value, interval))
    return tuple(rows)


def _interval(figure: Estimate) -> str:
    return "" if figure.low is None or figure.high is None else f"{figure.low:.2f} to {figure.high:.2f}"


def _reason(part: Mapping[str, Any]) -> str:
    return str(part.get("reason") or "")
