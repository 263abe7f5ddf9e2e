"""`baselines.json`: what trivial models score on the folds of a run, and the network's lead over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from groupwise.errors import GroupwiseError
from groupwise.files import read_json
from groupwise.stats.estimate import SCHEMA, Estimate

FILE, ANSWERS = "baselines.json", "baselines.csv"
LARGEST_CLASS, FEATURES, PLAIN_NETWORK = "largest_class", "features", "plain_network"
PREVALENCE = "prevalence"  # in place of the largest class, where images have sets of labels
NAMES = (PLAIN_NETWORK, FEATURES, LARGEST_CLASS, PREVALENCE)
MEASURES = ("accuracy", "balanced_accuracy")

Standing = Literal["beats", "not_shown", "loses"]


@dataclass(frozen=True)
class Lead:
    """A figure of the network less that of a baseline on the same images, with its paired 95 % limits.

    The limits are None where `reason` says why.
    """

    value: float
    low: float | None = None
    high: float | None = None
    reason: str | None = None

    @property
    def standing(self) -> Standing:
        """Whether the network is shown to be better, or worse, or neither; below 0 alone is worse."""
        if self.value < 0 and (self.high is None or self.high < 0):
            return "loses"
        return "beats" if self.low is not None and self.low > 0 else "not_shown"


@dataclass(frozen=True)
class BaselineScore:
    """Figures of a baseline on one fold, and the network's lead over it, by measure."""

    figures: Mapping[str, Estimate]
    leads: Mapping[str, Lead]


@dataclass(frozen=True)
class Baseline:
    """One baseline: how it was fitted, and its score on each fold that was measured.

    `answer` is the class that the largest class's baseline always gives.
    """

    name: str
    seconds: float
    learnt_from: int
    scores: Mapping[str, BaselineScore]
    epochs: float | None = None
    answer: str | None = None


@dataclass(frozen=True)
class Baselines:
    """All baselines of a run; `skipped` says why one is missing, by name."""

    baselines: tuple[Baseline, ...]
    measure: str = "accuracy"
    seconds: float = 0.0
    skipped: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of those that were fitted."""
        return tuple(one.name for one in self.baselines)

    def covers(self, fold: str) -> bool:
        """Whether every baseline was measured on a fold."""
        return all(fold in one.scores for one in self.baselines)

    def named(self, name: str) -> Baseline:
        """The baseline of that name."""
        return next(one for one in self.baselines if one.name == name)

    def rival(self, fold: str) -> Baseline:
        """The baseline that the verdict on a fold names: the one beside which the network stands worst.

        To have beaten the baselines is to have beaten each of them (an intersection-union test, which needs
        no correction; Berger 1982, Technometrics 24:295). That it is found on this very fold can only make
        the network look worse.
        """
        order: tuple[Standing, ...] = ("loses", "not_shown", "beats")

        def place(one: Baseline) -> tuple[int, float]:
            lead = one.scores[fold].leads[self.measure]
            return order.index(lead.standing), lead.value

        return min(self.baselines, key=place)

    def standing(self, fold: str) -> Standing:
        """Whether the network beats every baseline on a fold."""
        return self.rival(fold).scores[fold].leads[self.measure].standing

    def as_json(self) -> dict[str, Any]:
        """What the file holds."""
        return {
            "schema": SCHEMA,
            "measure": self.measure,
            "seconds": self.seconds,
            "skipped": dict(self.skipped),
            "baselines": [
                {
                    "name": one.name,
                    "answer": one.answer,
                    "seconds": one.seconds,
                    "learnt_from": one.learnt_from,
                    "epochs": one.epochs,
                    "folds": {fold: _score_as_json(score) for fold, score in one.scores.items()},
                }
                for one in self.baselines
            ],
        }

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> Baselines:
        """From what `as_json` gave."""
        baselines = tuple(
            Baseline(
                one["name"],
                one["seconds"],
                one["learnt_from"],
                {fold: _score_from_json(score) for fold, score in one["folds"].items()},
                one["epochs"],
                one["answer"],
            )
            for one in held["baselines"]
        )
        return cls(baselines, held["measure"], held["seconds"], held["skipped"])


def _score_as_json(score: BaselineScore) -> dict[str, Any]:
    return {
        "figures": {name: figure.as_json() for name, figure in score.figures.items()},
        "leads": {name: vars(lead) for name, lead in score.leads.items()},
    }


def _score_from_json(held: Mapping[str, Any]) -> BaselineScore:
    return BaselineScore(
        {name: Estimate.from_json(figure) for name, figure in held["figures"].items()},
        {name: Lead(**lead) for name, lead in held["leads"].items()},
    )


def read_baselines(path: Path) -> Baselines | None:
    """Read a `baselines.json`; None where there is none, as in runs without baselines and older ones."""
    if not path.exists():
        return None
    try:
        return Baselines.from_json(read_json(path))
    except (KeyError, TypeError, AttributeError, ValueError):
        raise GroupwiseError(
            "does not hold baselines", place=path, remedy="Restore the file, or remove it."
        ) from None
