"""Turns figures into the words of the page: shares in per cent, counts with their noun, intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from groupwise.text import percentage

NBSP = "\N{NO-BREAK SPACE}"


def percent(share: float) -> str:
    """A share in [0, 1] with one decimal; what is not whole is never rounded to 0 or 100 %."""
    return f"{percentage(share)}{NBSP}%"


def count(n: int, noun: str) -> str:
    """`1 image`, `2,062 images`, for nouns that take an s."""
    return f"{n:,} {noun}{'s' * (n != 1)}"


def verb(n: int, singular: str, plural: str) -> str:
    """The form that fits `n` things."""
    return singular if n == 1 else plural


@dataclass(frozen=True)
class Estimate:
    """One figure of `metrics.json` as the page shows it; `value` is None where it could not be had."""

    value: float | None
    low: float | None
    high: float | None
    reason: str
    method: str
    of: str

    @classmethod
    def read(cls, figure: Any) -> Estimate:
        """From a mapping with value, low, high, method or reason; from a bare number; from None."""
        if not isinstance(figure, Mapping):
            return cls(figure if isinstance(figure, int | float) else None, None, None, "", "", "")
        value, low, high = (figure.get(key) for key in ("value", "low", "high"))
        reason, method, of = (str(figure.get(key) or "") for key in ("reason", "method", "of"))
        return cls(value, low, high, reason, method, of)

    @property
    def has_interval(self) -> bool:
        return self.low is not None and self.high is not None

    def share(self) -> str:
        """The value in per cent."""
        return "n/a" if self.value is None else percent(self.value)

    def share_interval(self) -> str:
        """The limits in per cent, or nothing."""
        if self.low is None or self.high is None:
            return ""
        return f"{percent(self.low).removesuffix(NBSP + '%')}{NBSP}to{NBSP}{percent(self.high)}"

    def plain(self) -> str:
        """The value with three decimals."""
        return "n/a" if self.value is None else _three_decimals(self.value)

    def plain_interval(self) -> str:
        """The limits with three decimals, or nothing."""
        if self.low is None or self.high is None:
            return ""
        return f"{_three_decimals(self.low)}{NBSP}to{NBSP}{_three_decimals(self.high)}"


def _three_decimals(value: float) -> str:
    # For most scores 1 is perfect, and what is not should not look so.
    text = f"{value:.3f}"
    return "over 0.999" if text == "1.000" and value < 1 else text


def as_sentence(text: str) -> str:
    """`text` with a capital at its head and a full stop at its end."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
