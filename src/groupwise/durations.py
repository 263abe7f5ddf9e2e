"""Reads and writes how long something takes, as a person does: 20min, 90s, 1h30min."""

from __future__ import annotations

import re

from groupwise.errors import UsageError

UNITS_S = {"h": 3600, "min": 60, "m": 60, "s": 1}
NBSP = "\N{NO-BREAK SPACE}"
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
