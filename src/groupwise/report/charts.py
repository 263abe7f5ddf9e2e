"""Turns reliability, coverage and robustness into PNG charts with the bands of their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from groupwise.report.style import LIGHT, Theme, style, to_png

BAND = 0.22  # opacity


def reliability(bins: Sequence[Mapping[str, Any]], *, theme: Theme = LIGHT) -> bytes:
    """Accuracy against confidence: a point a bin, and a box as wide as the bin and as high as its interval.

    `bins` are the entries of `reliability` in `metrics.json`.
    """
    with style(theme):
        figure = Figure(figsize=(4.5, 3.9), layout="constrained")
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=theme.ink, linewidth=1, linestyle=(0, (2, 3)))
        for one in bins:
            if one["low"] is not None:
                corner, width = (one["lowest"], one["low"]), max(one["highest"] - one["lowest"], 0.006)
                height = one["high"] - one["low"]
                axes.add_patch(Rectangle(corner, width, height, color=theme.train, alpha=BAND, lw=0))
        axes.plot(
            [one["confidence"] for one in bins],
            [one["value"] for one in bins],
            color=theme.train,
            marker="o",
            ms=4.5,
            linewidth=1,
            clip_on=False,
        )
        lowest = min((one["lowest"] for one in bins), default=0.0)
        _finish(axes, "how sure the network was", "how often it was right", left=min(lowest, 0.9))
        axes.set_ylim(0, 1.02)
        return to_png(figure)


def coverage(points: Sequence[Mapping[str, Any]], *, theme: Theme = LIGHT) -> bytes:
    """Accuracy among the answers given, against the share of images that are answered, the surest first.

    `points` are those of `risk_coverage` in `metrics.json`, whose value is the risk.
    """
    known = [point for point in points if point["value"] is not None]
    with style(theme):
        figure = Figure(figsize=(4.5, 3.2), layout="constrained")
        axes = figure.add_subplot()
        shares = [point["coverage"] for point in known]
        axes.plot(shares, [1 - point["value"] for point in known], color=theme.train)
        banded = [point for point in known if point["low"] is not None]
        axes.fill_between(
            [point["coverage"] for point in banded],
            [1 - point["high"] for point in banded],
            [1 - point["low"] for point in banded],
            color=theme.train,
            alpha=BAND,
            linewidth=0,
        )
        _finish(axes, "share of images answered", "right among them", left=0)
        lowest = min((1 - point["high"] for point in banded if point["coverage"] >= 0.1), default=0.0)
        axes.set_ylim(max(0.0, lowest - 0.05), 1.005)
        return to_png(figure)


def robustness(
    title: str,
    clean: Mapping[str, Any],
    steps: Sequence[Mapping[str, Any]],
    *,
    floor: float,
    theme: Theme = LIGHT,
) -> bytes:
    """Accuracy at severity 0 to 5 of one corruption; `floor` is what always guessing one class gives."""
    figures = [clean, *steps]
    with style(theme):
        figure = Figure(figsize=(2.35, 2.2), layout="constrained")
        axes = figure.add_subplot()
        axes.axhline(floor, color=theme.ink, linewidth=1, linestyle=(0, (2, 3)))
        places = list(range(len(figures)))
        axes.plot(places, [one["value"] for one in figures], color=theme.train, marker="o", ms=3.5)
        banded = [i for i in places if figures[i]["low"] is not None]
        axes.fill_between(
            banded,
            [figures[i]["low"] for i in banded],
            [figures[i]["high"] for i in banded],
            color=theme.train,
            alpha=BAND,
            linewidth=0,
        )
        axes.set_title(title, loc="left", fontweight="bold", fontsize=11)
        _finish(axes, "severity", "", left=-0.2)
        axes.set_xlim(-0.2, len(figures) - 0.8)
        axes.set_xticks(places, [str(place) for place in places])
        axes.set_ylim(0, 1.02)
        return to_png(figure)


def _finish(axes: Axes, x: str, y: str, *, left: float) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_xlim(left, 1.005)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=None, symbol=" %"))
    axes.grid(linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=0, pad=7)  # so that the two zeros at the origin stand apart
