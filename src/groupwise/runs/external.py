"""`external/NAME/` of a run: what was measured on labelled data that the run has never seen.

manifest.csv      every file that was found, as the run's own manifest has it
copies.csv        `path,of,fold`: what was left out as a copy, of which picture of the run, in which fold
predictions.csv   as the run's own, of the images that were measured
metrics.json      every figure, under `external`
cases.csv         one answer a case, where it was asked for
external.json     what was read, left out, compared and found; see `evaluation/external.py`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groupwise.errors import GroupwiseError
from groupwise.files import read_json
from groupwise.stats.estimate import Estimate, headline_measure, upgrade

FOLDER, FOLD = "external", "external"
FACTS, METRICS = "external.json", "metrics.json"
# What is set beside the figures of the run itself.
COMPARED = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "log_loss", "brier", "ece")
COMPARED_SETS = ("average_precision", "auroc", "macro_f1", "micro_f1", "accuracy")
NEEDED = {"name", "data", "n", "sources", "left_out", "copies", "classes", "internal", "promises", "drift"}


def compared(figures: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the figures that are compared, where these are; of sets of labels others."""
    return COMPARED_SETS if headline_measure(figures) == "average_precision" else COMPARED


@dataclass(frozen=True)
class External:
    """The facts and the figures of one set of new data."""

    facts: Mapping[str, Any]
    figures: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What it is called in the run."""
        return str(self.facts["name"])

    @property
    def measure(self) -> str:
        """The name of its number: accuracy, or of sets of labels mean average precision."""
        return headline_measure(self.figures)

    @property
    def number(self) -> Estimate:
        """That figure."""
        return Estimate.from_json(self.figures[self.measure])

    @property
    def shortfall(self) -> float | None:
        """By how much that figure is below the run's own, where the difference's interval shows it."""
        differences = self.facts["internal"].get("differences") or {}
        difference = Estimate.from_json(differences.get(self.measure))
        if difference.value is None or difference.high is None or difference.high >= 0:
            return None
        return -difference.value

    @property
    def drifted(self) -> tuple[str, ...]:
        """What was found to differ: `pixels`, `features`, `classes`."""
        tests = self.facts["drift"].get("tests") or {}
        return tuple(name for name, test in tests.items() if test.get("told"))

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return {**self.facts, "figures": dict(self.figures)}


def read_external(run: Path) -> tuple[External, ...]:
    """Every set of new data that `run` was measured on, by name."""
    return tuple(_read(file.parent) for file in sorted(run.glob(f"{FOLDER}/*/{FACTS}")))


def _read(folder: Path) -> External:
    facts, metrics = upgrade(read_json(folder / FACTS)), upgrade(read_json(folder / METRICS))
    remedy = "Measure it again: `groupwise evaluate RUN --external`."
    if not isinstance(facts, dict) or not set(facts) >= NEEDED:
        raise GroupwiseError("is incomplete", place=folder / FACTS, remedy=remedy)
    if not isinstance(metrics, dict) or "accuracy" not in metrics.get(FOLD, {}):
        raise GroupwiseError("holds no figures", place=folder / METRICS, remedy=remedy)
    return External(facts, metrics[FOLD])
