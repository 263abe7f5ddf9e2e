"""Plots of how a network ranks, what acting on it is worth, and what more data would be.

Each takes an entry of `curves` in `metrics.json` (`stats.score_curves`), the last `learning_curve.json`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure

from groupwise.report.style import BAND, LIGHT, Theme, drawable_names, encode, finish_shares, shorten, style

Points = Sequence[Mapping[str, Any]]

DOTTED = (0, (2, 3))
MOST_NAMES = 40


def roc(points: Points, *, theme: Theme = LIGHT) -> bytes:
    """Sensitivity against the false positive rate, with its band and the line of chance."""
    with style(theme):
        figure, axes = _square()
        axes.plot([0, 1], [0, 1], color=theme.ink, linewidth=1, linestyle=DOTTED)
        _banded(axes, points, "fpr", theme.train)
        finish_shares(axes, "false positive rate", "sensitivity", left=0)
        axes.set_ylim(0, 1.02)
        return encode(figure)


def precision_recall(points: Points, prevalence: float | None, *, theme: Theme = LIGHT) -> bytes:
    """Precision against recall, with its band; the line of chance is the prevalence, where there is one."""
    with style(theme):
        figure, axes = _square()
        if prevalence is not None:
            axes.axhline(prevalence, color=theme.ink, linewidth=1, linestyle=DOTTED)
        _banded(axes, points, "recall", theme.train)
        finish_shares(axes, "recall", "precision", left=0)
        axes.set_ylim(0, 1.02)
        return encode(figure)


def net_benefit(points: Points, *, theme: Theme = LIGHT) -> bytes:
    """Net benefit against the threshold: of the network, of treating all and of treating none."""
    with style(theme):
        figure, axes = _square()
        thresholds = [point["threshold"] for point in points]
        treat_all = [point["treat_all"] for point in points]
        axes.plot(thresholds, treat_all, color=theme.select, linewidth=1.4, linestyle="--", label="all")
        axes.axhline(0, color=theme.ink, linewidth=1, linestyle=DOTTED, label="none")
        _banded(axes, points, "threshold", theme.train, label="by the network")
        finish_shares(axes, "threshold probability", "net benefit", left=0)
        top = max(max(point["value"] for point in points), treat_all[0], 0.01)
        # Treating all falls without end; what lies far below treating none need not be told apart.
        axes.set_ylim(-0.35 * top, 1.15 * top)
        axes.legend(frameon=False, fontsize=9, loc="lower left")
        return encode(figure)


def spread(counts: Mapping[str, Sequence[int]], *, theme: Theme = LIGHT) -> bytes:
    """How a probability is distributed in each true class, a row each, darker where more of its images lie.

    The bins are of equal width, from 0 to 1.
    """
    table = np.array(list(counts.values()), dtype=np.float64)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    names = [shorten(name, 24) for name in drawable_names(counts).values()]
    with style(theme):
        height = float(np.clip(0.26 * len(names), 0.5, 8)) + 0.6
        figure = Figure(figsize=(4.5, height))
        axes = figure.add_subplot()
        shades = LinearSegmentedColormap.from_list("share", [theme.paper, theme.full])
        axes.imshow(
            shades(PowerNorm(0.5, vmin=0, vmax=1)(shares)),
            aspect="auto",
            interpolation="nearest",
            extent=(0, 1, len(names) - 0.5, -0.5),
        )
        finish_shares(axes, "probability", "", left=0)
        axes.set_xlim(0, 1)
        axes.grid(visible=False)
        axes.set_yticks(range(len(names)) if len(names) <= MOST_NAMES else [])
        if len(names) <= MOST_NAMES:
            axes.set_yticklabels(names)
        axes.set_yticks(np.arange(len(names) + 1) - 0.5, minor=True)
        axes.grid(which="minor", axis="y", linewidth=0.6)
        axes.tick_params(which="both", length=0)
        return encode(figure, tight=True)


def learning_curve(points: Points, fitted: Points, *, theme: Theme = LIGHT) -> bytes:
    """Accuracy against sources learnt from, on a logarithmic axis: points, curve and band."""
    with style(theme):
        figure, axes = _square()
        along = sorted(fitted, key=lambda one: float(one["sources"]))
        places = [one["sources"] for one in along]
        value, low, high = ([one["accuracy"][name] for one in along] for name in ("value", "low", "high"))
        axes.fill_between(places, low, high, color=theme.train, alpha=BAND, linewidth=0)
        axes.plot(places, value, color=theme.train)
        for point in points:
            scores = point["scores"]
            axes.plot([point["sources"]] * len(scores), scores, "o", ms=4, color=theme.select)
        finish_shares(axes, "sources learnt from", "right", left=0)
        axes.set_xscale("log")
        axes.set_xlim(0.9 * places[0], 1.1 * places[-1])
        shown = sorted({point["sources"] for point in points} | {round(places[-1])})
        axes.set_xticks(shown, [f"{place:,}" for place in shown])
        axes.minorticks_off()
        return encode(figure)


def _square() -> tuple[Figure, Axes]:
    # Margins by hand: to have them worked out takes longer than the drawing.
    figure = Figure(figsize=(4.5, 3.6))
    return figure, figure.add_axes((0.16, 0.15, 0.78, 0.82))


def _banded(axes: Axes, points: Points, along: str, colour: str, label: str | None = None) -> None:
    known = [point for point in points if point["value"] is not None]
    axes.plot([one[along] for one in known], [one["value"] for one in known], color=colour, label=label)
    banded = [point for point in known if point["low"] is not None]
    places, low, high = ([one[name] for one in banded] for name in (along, "low", "high"))
    axes.fill_between(places, low, high, color=colour, alpha=BAND, linewidth=0)
