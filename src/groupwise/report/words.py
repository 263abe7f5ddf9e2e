"""The page's words for figures: shares in per cent, intervals, and what was chosen by them."""

from __future__ import annotations

from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import Estimate
from groupwise.text import NBSP, bound, percentage


def percent(share: float) -> str:
    """A share in [0, 1] with one decimal; what is not whole is never rounded to 0 or 100 %."""
    return f"{percentage(share)}{NBSP}%"


def percent_bound(share: float, side: str) -> str:
    """A share that is promised at `least` or at `most`, with one decimal, rounded to that side."""
    return f"{bound(share, side)}{NBSP}%"


def share_text(estimate: Estimate) -> str:
    """The value in per cent."""
    return "n/a" if estimate.value is None else percent(estimate.value)


def share_interval(estimate: Estimate) -> str:
    """The limits in per cent, or nothing."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{percent(estimate.low).removesuffix(NBSP + '%')}{NBSP}to{NBSP}{percent(estimate.high)}"


def plain_text(estimate: Estimate) -> str:
    """The value with three decimals."""
    return "n/a" if estimate.value is None else _three_decimals(estimate.value)


def plain_interval(estimate: Estimate) -> str:
    """The limits with three decimals, or nothing."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{_three_decimals(estimate.low)}{NBSP}to{NBSP}{_three_decimals(estimate.high)}"


def _three_decimals(value: float) -> str:
    # For most scores 1 is perfect, and what is not should not look so.
    text = f"{value:.3f}"
    return "over 0.999" if text == "1.000" and value < 1 else text


def as_sentence(text: str) -> str:
    """`text` with a capital at its head and a full stop at its end."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def as_clause(text: str) -> str:
    """`text` without a capital at its head, to stand within a sentence."""
    return f"{text[:1].lower()}{text[1:]}"


def what_is_chosen(files: RunFiles) -> str:
    """What a fold chooses among several: the epoch, or of a probe, which has none, the penalty."""
    return "penalty" if files.probe else "epoch"
