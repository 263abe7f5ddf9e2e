"""The colours, letters and file format that all figures share.

A figure is an object of its own, never pyplot's, so that drawing leaves no state behind. Colours are those of
Okabe and Ito (2008), which colour-blind readers can tell apart.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.typing import ColorType

from groupwise.report.fonts import font_families

Image = npt.NDArray[np.uint8]

DPI = 160


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
    with matplotlib.rc_context(settings):
        yield


def to_png(figure: Figure, *, tight: bool = False) -> bytes:
    """The figure as a PNG file; `tight` cuts its margins off."""
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    # Without the version of matplotlib, equal figures are equal files.
    figure.savefig(
        buffer, format="png", dpi=DPI, metadata={"Software": None}, bbox_inches="tight" if tight else None
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
