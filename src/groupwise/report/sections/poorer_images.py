"""How the network bears poorer images, from `robustness.json`: one curve a corruption."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from groupwise.report import plots
from groupwise.report.rendering import Section
from groupwise.report.thumbnails import Chart
from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import SETS, Estimate

TITLES = {"blur": "Blur", "jpeg": "JPEG", "brightness": "Brightness", "noise": "Noise"}


@dataclass(frozen=True)
class Corruption:
    """One kind of damage: its chart, and for each severity its size and the accuracy."""

    name: str
    unit: str
    chart: Chart
    steps: list[tuple[str, Estimate]]


def build(files: RunFiles) -> Section | None:
    """The curves; nothing where it was not measured."""
    facts = files.robustness
    if not facts:
        return None
    floor = (files.metrics[files.fold].get("majority") or {}).get("accuracy", 0.0)
    charted = [_chart(name, one, facts["clean"], floor) for name, one in facts["corruptions"].items()]
    names = ", ".join(one.name.lower() if one.name != "JPEG" else one.name for one in charted)
    values = {
        "gist": names,
        "corruptions": charted,
        "clean": Estimate.from_json(facts["clean"]),
        "severities": range(1, 1 + max(len(one.steps) for one in charted)),
        "fold": facts["fold"],
        "several": facts.get("labels") == SETS,
    }
    return Section(values, {f"robustness_{one.name.lower()}.png": one.chart.light for one in charted})


def _chart(name: str, facts: Mapping[str, Any], clean: Mapping[str, Any], floor: float) -> Corruption:
    sizes, title = [f"{size:g}" for size in facts["sizes"]], TITLES.get(name, name)
    return Corruption(
        title,
        facts["unit"],
        Chart.draw(partial(plots.robustness, title, clean, facts["accuracy"], floor=floor)),
        list(zip(sizes, map(Estimate.from_json, facts["accuracy"]), strict=True)),
    )
