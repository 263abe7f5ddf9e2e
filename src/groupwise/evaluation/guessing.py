"""Says of the figures of a fold whether they show that the network is better than guessing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOTHING_ON_LABELS = "not shown to be better than guessing, so it cannot judge the labels"


def may_be_guessing(figures: Mapping[str, Any]) -> bool:
    """Whether the interval of accuracy reaches down to what always answering the largest class gives.

    `figures` are those of one fold of `metrics.json`. Without an interval nothing is said: False.
    """
    low = figures["accuracy"].get("low")
    majority = (figures.get("majority") or {}).get("accuracy")
    return low is not None and majority is not None and low <= majority
