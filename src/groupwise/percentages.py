"""Turns a share into the figure before a per cent sign."""

from __future__ import annotations


def percentage(share: float) -> str:
    """A share in [0, 1] with one decimal; what is not whole is never rounded to 0 or 100."""
    text = f"{100 * share:.1f}"
    if text in ("0.0", "100.0"):
        return text.removesuffix(".0") if share in (0, 1) else "under 0.1" if share < 0.5 else "over 99.9"
    return text
