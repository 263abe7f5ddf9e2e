"""How well it tells the classes apart, and what acting on it is worth: ROC, precision-recall, net benefit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from groupwise.report import score_plots
from groupwise.report.rendering import Section
from groupwise.report.thumbnails import Chart
from groupwise.report.words import plain_text
from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import Estimate
from groupwise.text import NBSP


def build(files: RunFiles) -> Section | None:
    """The charts; nothing where the fold has no curves."""
    measured = files.metrics[files.fold]
    curves = measured.get("curves")
    if not curves:
        return None
    name, prevalence = curves["class"], curves["prevalence"]
    charts = {
        "roc": Chart.draw(partial(score_plots.roc, curves["roc"])),
        "precision_recall": Chart.draw(
            partial(score_plots.precision_recall, curves["precision_recall"], prevalence)
        ),
        "probabilities": Chart.draw(partial(score_plots.spread, curves["probabilities"]["counts"])),
    }
    if curves["net_benefit"] is not None:
        charts["net_benefit"] = Chart.draw(partial(score_plots.net_benefit, curves["net_benefit"]))
    values = {
        "gist": f"AUROC {plain_text(_subject(measured, name, 'auroc'))}",
        "charts": charts,
        "name": name,
        "of": curves["of"],
        "prevalence": prevalence,
        "fold": files.fold,
        "auroc": _subject(measured, name, "auroc"),
        "average_precision": _subject(measured, name, "average_precision"),
        "worth": [] if curves["net_benefit"] is None else worth(curves["net_benefit"]),
        "first_class": files.class_names[0],
    }
    return Section(values, {f"{key}.png": chart.light for key, chart in charts.items()})


def _subject(measured: Mapping[str, Any], name: str | None, figure: str) -> Estimate:
    of_class = measured if name is None else measured["per_class"][name]
    return Estimate.from_json(of_class.get(figure))


def worth(points: Sequence[Mapping[str, Any]]) -> list[str]:
    """At which thresholds the network is better than acting on all and on none, in two sentences."""
    better = _spans(points, [point["gain"]["value"] > 0 for point in points])
    if not better:
        return ["At no threshold is acting on the network better than acting on all or on none."]
    shown = _spans(points, [(point["gain"]["low"] or 0) > 0 for point in points])
    certain = f"The interval of that gain is above 0 {shown}." if shown else "No interval excludes 0."
    return [f"Acting on the network is better than acting on all and on none {better}.", certain]


def _spans(points: Sequence[Mapping[str, Any]], holds: Sequence[bool]) -> str:
    """Where `holds` is true along the thresholds: "from 3 to 40 and at 52 %"; empty where nowhere."""
    spans: list[list[float]] = []
    for i, held in enumerate(holds):
        if held and i and holds[i - 1]:
            spans[-1][1] = points[i]["threshold"]
        elif held:
            spans.append([points[i]["threshold"]] * 2)
    said = [
        f"at {100 * first:.0f}" if first == last else f"from {100 * first:.0f} to {100 * last:.0f}"
        for first, last in spans
    ]
    joined = " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)
    return joined and f"{joined}{NBSP}%"
