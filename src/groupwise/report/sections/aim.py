"""What was optimised, and accuracy beside balanced accuracy where the classes are unequal."""

from __future__ import annotations

from dataclasses import dataclass

from groupwise.recipe.aim import WORDS
from groupwise.report.rendering import Section
from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import Estimate

MEASURES = ("accuracy", "balanced_accuracy")


@dataclass(frozen=True)
class AimRow:
    """One choice of what to optimise, with both figures."""

    name: str
    accuracy: Estimate
    balanced: Estimate


def build(files: RunFiles) -> Section | None:
    """Both figures by either choice; nothing where the classes are about equal."""
    figures = files.metrics[files.fold]
    other = figures.get("other_aim")
    if not other:
        return None
    rows = [
        AimRow(f"{WORDS[aim]}{ending}", *(Estimate.from_json(held.get(name)) for name in MEASURES))
        for aim, ending, held in (
            (files.optimised_for, ", as it was", figures),
            (other["optimise"], ", an estimate", other),
        )
    ]
    return Section(
        {
            "gist": f"{WORDS[files.optimised_for]}; classes of {other['imbalance']:.1f} to 1 images",
            "rows": rows,
            "fold": files.fold,
            "other": other["optimise"],
        }
    )
