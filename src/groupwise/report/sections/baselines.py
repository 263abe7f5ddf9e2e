"""What trivial models score on the same images, and the network's lead over each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from groupwise.report.baseline_words import NAMES, baseline_name, lead_text
from groupwise.report.rendering import Section
from groupwise.report.words import percent
from groupwise.runs.baselines import LARGEST_CLASS, PREVALENCE, Baseline, Baselines
from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import Estimate
from groupwise.text import count, duration

SHOWN = {"accuracy": "Right", "balanced_accuracy": "Balanced"}
SHOWN_OF_SETS = {"average_precision": "Mean average precision"}
UNFITTED = (LARGEST_CLASS, PREVALENCE)


@dataclass(frozen=True)
class BaselineRow:
    """One model of the table; `lead` is empty for the network itself, and `behind` says who is not beaten."""

    name: str
    figures: tuple[Estimate, ...]
    lead: str
    behind: bool


def build(files: RunFiles) -> Section | None:
    """The network and its baselines, the strongest first; nothing where none was measured on the fold."""
    found, fold = files.baselines, files.fold
    if found is None or not found.covers(fold):
        return None
    figures = files.metrics[fold]
    shown = SHOWN_OF_SETS if files.several else SHOWN
    network = tuple(Estimate.from_json(figures.get(name)) for name in shown)
    rows = sorted(
        (_row(one, fold, found.measure, shown) for one in found.baselines),
        key=lambda row: -(row.figures[0].value or 0),
    )
    return Section(
        {
            "gist": f"{count(len(rows), 'model')} that cost next to nothing",
            "rows": [BaselineRow("the network", network, "", False), *rows],
            "titles": list(shown.values()),
            "fold": fold,
            "measure": found.measure.replace("_", " "),
            "made": [_made(one) for one in found.baselines if one.name not in UNFITTED],
            "skipped": [f"{NAMES[name]}, {why}" for name, why in found.skipped.items()],
            "cost": _cost(found, files),
        }
    )


def _row(one: Baseline, fold: str, measure: str, shown: Iterable[str]) -> BaselineRow:
    score = one.scores[fold]
    lead = score.leads[measure]
    return BaselineRow(
        baseline_name(one),
        tuple(score.figures[name] for name in shown),
        lead_text(lead),
        lead.standing != "beats",
    )


def _made(one: Baseline) -> str:
    """How a baseline came about: `a plain network ...: 14 epochs of 2,754 images, 11 s`."""
    epochs = "" if one.epochs is None else f"{one.epochs:.1f} epochs of "
    return f"{NAMES[one.name]}: {epochs}{count(one.learnt_from, 'image')}, {duration(one.seconds)}"


def _cost(found: Baselines, files: RunFiles) -> str:
    """What fitting took: `9 s, 6.2 % of the 145 s of training`."""
    training_s = sum(row["seconds"] for row in files.history)
    took = duration(found.seconds)
    return (
        f"{took}, {percent(found.seconds / training_s)} of training’s {duration(training_s)}"
        if training_s
        else took
    )
