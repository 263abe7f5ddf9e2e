"""Plots of a report as PNG bytes: curves, confusion, grids of images, and lines with bands of intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter

from groupwise.report.style import (
    BAND,
    LIGHT,
    Image,
    Theme,
    contrast,
    drawable_names,
    encode,
    finish_shares,
    shorten,
    style,
)

# Beyond these numbers of classes the counts, and then the names, would be too small to read.
MOST_COUNTS, MOST_NAMES = 40, 80
# A smaller image is shown with its pixels visible instead of blurred.
TINY_PX = 64


def curves(
    history: Sequence[Mapping[str, float]],
    *,
    select_fold: str,
    chosen: int | None = None,
    panels: Sequence[str] = ("accuracy", "loss"),
    theme: Theme = LIGHT,
) -> bytes:
    """Accuracy and loss of the training fold and of the fold that selects, one point an epoch.

    `history` has the numeric columns of `history.csv`; `chosen` is the epoch to mark.
    `panels` lie side by side.
    """
    epochs = [row["epoch"] for row in history]
    with style(theme):
        figure = Figure(figsize=(4.5 * len(panels), 3.2), layout="constrained")
        places = figure.subplots(1, len(panels), squeeze=False).ravel()
        for axes, name in zip(places, panels, strict=True):
            for fold, column, colour, mark in (
                ("train", f"train_{name}", theme.train, "o"),
                (select_fold, f"select_{name}", theme.select, "s"),
            ):
                values = [row[column] for row in history]
                axes.plot(
                    epochs, values, color=colour, marker=mark, ms=3.5 if len(epochs) < 60 else 0, label=fold
                )
            _finish_curve(axes, name, chosen)
        return encode(figure)


def _finish_curve(axes: Axes, name: str, chosen: int | None) -> None:
    axes.set_title(name.capitalize(), loc="left", fontweight="bold", fontsize=11)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(axis="y", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=0)
    if name == "accuracy":
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None, symbol=" %"))
        lowest = axes.dataLim.y0
        axes.set_ylim(bottom=lowest - 0.05 * (1.02 - lowest), top=1.02)
    else:
        axes.set_ylim(bottom=0, top=1.05 * axes.dataLim.y1)
    if chosen is not None:
        axes.axvline(
            chosen, color=axes.xaxis.label.get_color(), linewidth=1, linestyle=(0, (2, 3)), label="chosen"
        )
    axes.legend(frameon=False, fontsize=9)


def rate_curve(
    rates: Sequence[float], losses: Sequence[float], suggestion: float, *, theme: Theme = LIGHT
) -> bytes:
    """Loss against learning rate on a logarithmic axis, with the suggested rate marked."""
    with style(theme):
        figure = Figure(figsize=(6, 3.4), layout="constrained")
        axes = figure.subplots()
        axes.semilogx(rates, losses, color=theme.train)
        axes.xaxis.set_major_formatter("{x:g}")  # its own would be formulas, which are not drawn
        axes.axvline(suggestion, color=theme.select, linestyle="--", label=f"suggested: {suggestion:.1e}")
        axes.set_title("Loss while the learning rate rises", loc="left", fontweight="bold", fontsize=11)
        axes.set_xlabel("learning rate")
        axes.set_ylabel("training loss, smoothed")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
        return encode(figure)


def confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str], *, theme: Theme = LIGHT) -> bytes:
    """The counts of a confusion matrix, rows true and columns predicted, shaded by the share of the row.

    What is right is blue, what is wrong is orange. A class whose name no installed font can draw is called by
    its number, counted from 1.
    """
    counts = np.asarray(matrix, dtype=np.int64)
    k = len(classes)
    if counts.shape != (k, k):
        raise ValueError(f"a matrix of shape {counts.shape} for {k} classes")
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = float(np.clip(0.42 * k, 2.4, 12))
    with style(theme):
        figure = Figure(figsize=(side + 1.6, side + 1.2))
        axes = figure.add_subplot()
        shown = PowerNorm(0.6, vmin=0, vmax=1)(shares)
        right, wrong = (
            LinearSegmentedColormap.from_list("share", [theme.paper, colour])(shown)
            for colour in (theme.full, theme.wrong)
        )
        cells = np.where(np.eye(k, dtype=bool)[..., None], right, wrong)  # (K, K, 4) RGBA
        axes.imshow(cells)
        if k <= MOST_COUNTS:
            _write_counts(axes, counts, cells, side / k, theme)
        _name_classes(axes, classes, side / k)
        axes.set_xticks(np.arange(k + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(k + 1) - 0.5, minor=True)
        axes.grid(which="minor", linewidth=0.6)
        axes.tick_params(which="both", length=0)
        return encode(figure, tight=True)


def _write_counts(axes: Axes, counts: Any, cells: Any, cell_inches: float, theme: Theme) -> None:
    widest = len(str(counts.max()))
    size = min(11.0, 72 * cell_inches / (0.75 * max(widest, 2)))
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = max(theme.paper, theme.ink, key=partial(contrast, cells[row, column]))
        weight = "bold" if row == column else "normal"
        count = str(counts[row, column])
        axes.text(
            column, row, count, ha="center", va="center", color=colour, fontsize=size, fontweight=weight
        )


def _name_classes(axes: Axes, classes: Sequence[str], cell_inches: float) -> None:
    names = [shorten(name, 24) for name in drawable_names(classes).values()]
    short = max(map(len, names)) * 0.09 < cell_inches
    size = min(10.0, 72 * cell_inches / 1.15)
    if len(classes) <= MOST_NAMES:
        axes.set_xticks(range(len(names)), names, rotation=0 if short else 90, fontsize=size)
        axes.set_yticks(range(len(names)), names, fontsize=size)
    else:
        axes.set_xticks([])
        axes.set_yticks([])
    axes.set_xlabel("predicted", fontweight="bold")
    axes.set_ylabel("true", fontweight="bold")


def sample_grid(images: Sequence[Image], titles: Sequence[str], rows: int = 2, cols: int = 8) -> bytes:
    """Images (H, W, 3) uint8 of any sizes in a grid, row by row, each below its title; fewer leave gaps."""
    names = drawable_names(sorted(set(titles)))
    return _draw_grid(images, [[names[title]] for title in titles], rows, cols, side_inches=1.2)


def most_wrong(
    images: Sequence[Image],
    true: Sequence[str],
    predicted: Sequence[str],
    probs: Sequence[float],
    cols: int = 6,
) -> bytes:
    """Misclassified images, each below its true class, the probability of the predicted one, and that."""
    names = drawable_names(sorted({*true, *predicted}))
    lines = [
        [f"true: {names[t]}", f"{prob:.0%} {names[p]}"]
        for t, p, prob in zip(true, predicted, probs, strict=True)
    ]
    return _draw_grid(images, lines, -(-max(len(images), 1) // cols), cols, side_inches=1.5)


def _draw_grid(
    images: Sequence[Image], titles: Sequence[Sequence[str]], rows: int, cols: int, *, side_inches: float
) -> bytes:
    if len(images) > rows * cols:
        raise ValueError(f"{len(images)} images for {rows} x {cols} places")
    gap, line = 0.12, 0.17
    head = gap + line * max((len(lines) for lines in titles), default=1)
    longest = int(side_inches / 0.078)
    with style(LIGHT):
        figure = Figure(figsize=(cols * (side_inches + gap) + gap, rows * (side_inches + head) + gap))
        # One pair of axes over the whole figure, in inches from its upper left corner, is fast to draw.
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        for i, (image, lines) in enumerate(zip(images, titles, strict=True)):
            left, top = gap + i % cols * (side_inches + gap), head + i // cols * (side_inches + head)
            _place(axes, image, left, top, side_inches)
            text = "\n".join(shorten(words, longest) for words in lines)
            axes.text(left + side_inches / 2, top - 0.04, text, ha="center", va="bottom", fontsize=9)
        width, height = figure.get_size_inches()
        axes.set(xlim=(0, width), ylim=(height, 0))
        return encode(figure)


def _place(axes: Axes, image: Image, left: float, top: float, side: float) -> None:
    """Draw `image` as large as a square of `side` allows, in its middle."""
    height, width = (side * length / max(image.shape[:2]) for length in image.shape[:2])
    x, y = left + (side - width) / 2, top + (side - height) / 2
    pixels_visible = max(image.shape[:2]) <= TINY_PX
    axes.imshow(
        image,
        extent=(x, x + width, y + height, y),
        aspect="auto",
        interpolation="nearest" if pixels_visible else "antialiased",
    )


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
        finish_shares(axes, "how sure the network was", "how often it was right", left=min(lowest, 0.9))
        axes.set_ylim(0, 1.02)
        return encode(figure)


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
        low, high = ([1 - point[name] for point in banded] for name in ("high", "low"))
        places = [point["coverage"] for point in banded]
        axes.fill_between(places, low, high, color=theme.train, alpha=BAND, linewidth=0)
        finish_shares(axes, "share of images answered", "right among them", left=0)
        lowest = min((1 - point["high"] for point in banded if point["coverage"] >= 0.1), default=0.0)
        axes.set_ylim(max(0.0, lowest - 0.05), 1.005)
        return encode(figure)


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
        low, high = ([figures[i][name] for i in banded] for name in ("low", "high"))
        axes.fill_between(banded, low, high, color=theme.train, alpha=BAND, linewidth=0)
        axes.set_title(title, loc="left", fontweight="bold", fontsize=11)
        finish_shares(axes, "severity", "", left=-0.2)
        axes.set_xlim(-0.2, len(figures) - 0.8)
        axes.set_xticks(places, [str(place) for place in places])
        axes.set_ylim(0, 1.02)
        return encode(figure)
