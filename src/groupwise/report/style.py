"""The colours, letters and file format that all figures share.

A figure is an object of its own, never pyplot's, so that drawing leaves no state behind. Colours are those of
Okabe and Ito (2008), which colour-blind readers can tell apart.
"""

from __future__ import annotations

import io
import logging
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager, get_font
from matplotlib.ticker import PercentFormatter
from matplotlib.typing import ColorType

Image = npt.NDArray[np.uint8]

DPI = 160
BAND = 0.22  # opacity of an interval
# Tried in this order, glyph by glyph; what is not installed is left out, because asking for it warns.
FALLBACKS = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "Hiragino Sans",
    "Malgun Gothic",
    "Noto Sans Arabic",
    "Noto Sans Devanagari",
    "Arial Unicode MS",
)


@dataclass(frozen=True)
class Theme:
    """Colours of a figure for one background."""

    paper: str
    ink: str
    faint: str
    train: str
    select: str
    full: str
    wrong: str


LIGHT = Theme(
    paper="#ffffff",
    ink="#1c1f23",
    faint="#d9dce0",
    train="#0072b2",
    select="#c4500b",
    full="#08519c",
    wrong="#d55e00",
)
DARK = Theme(
    paper="#17191c",
    ink="#e4e6e9",
    faint="#3a3f45",
    train="#56b4e9",
    select="#f0a04b",
    full="#8cc4f0",
    wrong="#f0a04b",
)


@contextmanager
def style(theme: Theme) -> Iterator[None]:
    """Draw within it in the colours of `theme`."""
    settings: Any = {
        "font.family": list(font_families()),
        "font.size": 10,
        "text.parse_math": False,  # a class may be called $x$
        "text.color": theme.ink,
        "axes.labelcolor": theme.ink,
        "axes.edgecolor": theme.faint,
        "axes.facecolor": theme.paper,
        "figure.facecolor": theme.paper,
        "xtick.color": theme.ink,
        "ytick.color": theme.ink,
        "grid.color": theme.faint,
        "lines.linewidth": 1.8,
    }
    with matplotlib.rc_context(settings), _quiet_about_fonts():
        yield


def finish_shares(axes: Axes, x: str, y: str, *, left: float) -> None:
    """Name the axes of two shares, from `left` to 1, in per cent."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_xlim(left, 1.005)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=None, symbol=" %"))
    axes.grid(linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=0, pad=7)  # so that the two zeros at the origin stand apart


@dataclass(frozen=True)
class Output:
    """The kind of file that figures become, and its resolution where it has one."""

    suffix: str
    dpi: int = DPI


PAGE = Output("png")
PRINT = (Output("svg"), Output("png", dpi=300))
_OUTPUT: ContextVar[Output] = ContextVar("output", default=PAGE)


@contextmanager
def drawn_as(output: Output) -> Iterator[None]:
    """Let figures drawn within it become such files."""
    token = _OUTPUT.set(output)
    try:
        yield
    finally:
        _OUTPUT.reset(token)


def encode(figure: Figure, *, tight: bool = False) -> bytes:
    """The figure as a file of the present `Output`, of the page unless told; `tight` cuts its margins off."""
    canvas, buffer, output = FigureCanvasAgg(figure), io.BytesIO(), _OUTPUT.get()
    # Without the version of matplotlib, a date and random names, equal figures are equal files.
    if output.suffix == "png" and not tight:
        figure.dpi = output.dpi
        # `savefig` would lay it out twice.
        canvas.print_png(buffer, metadata={"Software": None})  # type: ignore[no-untyped-call]
        return buffer.getvalue()
    metadata = {"Software": None} if output.suffix == "png" else {"Date": None, "Creator": None}
    with matplotlib.rc_context({"svg.hashsalt": "groupwise"}):
        figure.savefig(
            buffer,
            format=output.suffix,
            dpi=output.dpi,
            metadata=metadata,
            bbox_inches="tight" if tight else None,
        )
    return buffer.getvalue()


def contrast(one: ColorType, other: ColorType) -> float:
    """How well two colours are told apart, 1 to 21; WCAG 2.2 (1.4.3) asks 4.5 of small text."""
    dark, light = sorted(_luminance(colour) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: ColorType) -> float:
    """WCAG's relative luminance of an sRGB colour, 0 to 1."""
    srgb = np.array(to_rgb(colour))
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@cache
def font_families() -> tuple[str, ...]:
    """The fonts of `FALLBACKS` that are installed; matplotlib ships the first."""
    installed = {entry.name for entry in fontManager.ttflist}
    return tuple(name for name in FALLBACKS if name in installed)


@contextmanager
def _quiet_about_fonts() -> Iterator[None]:
    """matplotlib warns of an installed font without a normal weight, such as WenQuanYi's, and takes it."""
    logger = logging.getLogger("matplotlib.font_manager")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


@cache
def _has_glyph(character: str) -> bool:
    with _quiet_about_fonts():
        paths = [fontManager.findfont(FontProperties(family=name)) for name in font_families()]
    return any(get_font(path).get_char_index(ord(character)) for path in paths)


def drawable(text: str, *, instead: str) -> str:
    """`text` on one line, or `instead` where a glyph is missing: a row of empty boxes is no name."""
    line = " ".join("".join(c if unicodedata.category(c)[0] != "C" else " " for c in text).split())
    return line if line and all(map(_has_glyph, line)) else instead


def drawable_names(classes: Iterable[str]) -> dict[str, str]:
    """For each class what a figure calls it: its name, or "class 3" by its place, counted from 1."""
    return {name: drawable(name, instead=f"class {i}") for i, name in enumerate(classes, start=1)}


def shorten(text: str, longest: int) -> str:
    """At most `longest` characters; the middle goes, because names of a kind differ at their ends."""
    if len(text) <= longest:
        return text
    head = longest // 2
    return f"{text[:head]}…{text[len(text) - (longest - head - 1) :]}"
