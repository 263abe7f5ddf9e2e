"""One measured figure with what it rests on and its limits, and how the files of a run hold it.

Schema 2 of those files calls the number of sources `sources`. Schema 1, which had no number, called it
`groups`; whatever reads them takes both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

SCHEMA = 2
SETS = "several"  # what `labels` says of the figures of a fold whose images have sets of them


@dataclass(frozen=True)
class Estimate:
    """One figure, the images and sources it rests on and, where they can be given, its 95 % limits.

    `reason` says why the limits, or the figure itself, are None; `of` says what the figure is of, where its
    name leaves that open. `effective_n` is None where the method does not use one.
    """

    value: float | None
    n: int = 0
    sources: int = 0
    low: float | None = None
    high: float | None = None
    effective_n: float | None = None
    method: str | None = None
    reason: str | None = None
    of: str | None = None

    @property
    def has_interval(self) -> bool:
        """Whether there are limits."""
        return self.low is not None and self.high is not None

    def is_apart_from(self, other: Estimate) -> bool:
        """Whether both have an interval, and no value lies in both."""
        if self.low is None or self.high is None or other.low is None or other.high is None:
            return False
        return self.low > other.high or self.high < other.low

    def as_json(self) -> dict[str, Any]:
        """All fields, but `reason` and `of` only where they say something."""
        return {
            name: value
            for name, value in asdict(self).items()
            if value is not None or name not in ("reason", "of")
        }

    @classmethod
    def from_json(cls, figure: Any) -> Estimate:
        """From what `as_json` gave under any schema; from a bare number or None; further keys are let be."""
        if not isinstance(figure, Mapping):
            return cls(figure if isinstance(figure, int | float) else None)
        known = {name: figure.get(name) for name in ("low", "high", "effective_n", "method", "reason", "of")}
        sources = figure.get("sources", figure.get("groups")) or 0
        return cls(figure.get("value"), figure.get("n") or 0, sources, **known)


def upgrade(held: Any) -> Any:
    """What a file of any schema holds, with the keys of the newest."""
    if isinstance(held, list):
        return [upgrade(one) for one in held]
    if not isinstance(held, dict):
        return held
    # Of a dictionary by class, a class may be called `groups`; what stands there is no number.
    old = isinstance(held.get("groups"), int) and "sources" not in held
    return {"sources" if old and key == "groups" else key: upgrade(value) for key, value in held.items()}


def headline_measure(figures: Mapping[str, Any]) -> str:
    """Which figure of a fold is its number: accuracy, or of sets of labels mean average precision."""
    return "average_precision" if figures.get("labels") == SETS else "accuracy"


def headline_figure(figures: Mapping[str, Any]) -> Estimate:
    """The number of a fold, which `headline_measure` names."""
    return Estimate.from_json(figures[headline_measure(figures)])
