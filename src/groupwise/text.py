"""Words for figures and lists: counts with their noun, durations, shares in per cent, the first of many."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import ceil, floor

from groupwise.errors import UsageError

UNITS_S = {"h": 3600, "min": 60, "m": 60, "s": 1}
NBSP = "\N{NO-BREAK SPACE}"
ROUNDING = 1e-6  # of 1 - 0.975, which is 0.02500000000000002
PART = re.compile(r"(\d+(?:\.\d+)?)\s*(h|min|m|s)\s*")


def parse_duration(text: str, option: str) -> float:
    """Seconds in `text`, a positive sum of hours, minutes and seconds; raises `UsageError`."""
    parts = PART.findall(text)
    seconds = sum(float(number) * UNITS_S[unit] for number, unit in parts)
    if PART.sub("", text) or seconds <= 0:
        raise UsageError(f"{text!r} is no duration", place=option, remedy="As in 20min, 90s or 1h30min.")
    return seconds


def duration(seconds: float) -> str:
    """`48 s`, `12 min`, `3 h 20 min`."""
    if seconds < 120:
        return f"{seconds:.0f}{NBSP}s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes}{NBSP}min"
    return f"{minutes // 60}{NBSP}h {minutes % 60}{NBSP}min"


def percentage(share: float) -> str:
    """A share in [0, 1] with one decimal; what is not whole is never rounded to 0 or 100."""
    text = f"{100 * share:.1f}"
    if text in ("0.0", "100.0"):
        return text.removesuffix(".0") if share in (0, 1) else "under 0.1" if share < 0.5 else "over 99.9"
    return text


def bound(share: float, side: str) -> str:
    """A share in [0, 1] in per cent with one decimal, as what is promised at `least` or at `most`.

    It is rounded down or up, so that no more is promised than is meant.
    """
    tenths = floor(1000 * share + ROUNDING) if side == "least" else ceil(1000 * share - ROUNDING)
    return f"{tenths / 10:.1f}"


def count(n: int, noun: str) -> str:
    """`1 image`, `2,062 images`, for nouns that take an s."""
    return f"{n:,} {noun}{'s' * (n != 1)}"


def verb(n: int, singular: str, plural: str) -> str:
    """The form that fits `n` things."""
    return singular if n == 1 else plural


def p_text(p: float) -> str:
    """What stands behind the letter: `= 0.012`, `< 0.001`."""
    return "< 0.001" if p < 0.001 else f"= {p:.2g}"


def listed(names: Sequence[str], most: int) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
