"""Turns any text into one that the fonts of this machine can draw, and says which fonts those are."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache

from matplotlib.font_manager import FontProperties, fontManager, get_font

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


@cache
def font_families() -> tuple[str, ...]:
    """The fonts of `FALLBACKS` that are installed; matplotlib ships the first."""
    installed = {entry.name for entry in fontManager.ttflist}
    return tuple(name for name in FALLBACKS if name in installed)


@cache
def _has_glyph(character: str) -> bool:
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
