"""What the number hangs on: the fold that was measured, single sources, and sources that nobody stated."""

from __future__ import annotations

from typing import Any

from groupwise.report.rendering import Section
from groupwise.report.words import percent, share_interval, share_text, what_is_chosen
from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import Estimate
from groupwise.text import count, verb

# What each fold had to do with the network, for the table.
ROLES = {"train": "learnt from, shown without augmentation", "test": "took no part"}


def build(files: RunFiles) -> Section | None:
    """The folds side by side, and what leaving out a source does; nothing for runs that hold neither."""
    measured = files.metrics[files.fold]
    folds = fold_rows(files)
    said = [*influence(measured), *unstated(measured)]
    if not said and len(folds) < 2:
        return None
    return Section(
        {"gist": _gist(measured), "folds": folds if len(folds) > 1 else [], "said": said, "all": _all(files)}
    )


def _gist(measured: dict[str, Any]) -> str:
    facts = measured.get("influence")
    if not facts:
        return "the folds side by side"
    low, high = (percent(facts[end]["value"]) for end in ("lowest", "highest"))
    return f"{low} to {high} where one source is left out" if low != high else f"{low} without any one source"


def _all(files: RunFiles) -> bool:
    return bool(files.training_fold.get("all", True))


def fold_rows(files: RunFiles) -> list[tuple[str, str, Estimate]]:
    """(fold, its role, accuracy) of every fold that was measured, that of training first."""
    measured = {name: Estimate.from_json(one["accuracy"]) for name, one in files.metrics.items()}
    if files.training_fold:
        measured = {"train": Estimate.from_json(files.training_fold["accuracy"]), **measured}
    chose = f"chose the {what_is_chosen(files)}"
    role = chose if files.looks > 1 else "set the temperature of the probabilities"
    roles = ROLES | {files.select_fold: role}
    return [(name, roles.get(name, ""), accuracy) for name, accuracy in measured.items()]


def influence(measured: dict[str, Any]) -> list[str]:
    """How far a single source moves the accuracy."""
    facts = measured.get("influence")
    if not facts:
        return []
    low, high = facts["lowest"], facts["highest"]
    value = measured["accuracy"]["value"]
    if low["value"] == high["value"]:
        return [f"Without any one source accuracy is {percent(value)} as well."]
    return [
        f"Without any one of its sources accuracy is between {percent(low['value'])} and"
        f" {percent(high['value'])}: the lower without “{low['without']}”"
        f" ({count(low['images'], 'image')}), the higher without “{high['without']}”"
        f" ({count(high['images'], 'image')})."
    ]


def unstated(measured: dict[str, Any]) -> list[str]:
    """The interval if all images without a group were of one source."""
    facts = measured.get("unstated")
    if not facts:
        return []
    accuracy = Estimate.from_json(facts["accuracy"])
    n = facts["images"]
    said = f"Of {count(n, 'image')} nobody said whose {verb(n, 'it is', 'they are')}."
    if not accuracy.has_interval:
        return [f"{said} Were they of one source, there would be no interval: {accuracy.reason}."]
    return [
        f"{said} Were they of one source, the 95 % interval would be {share_interval(accuracy)}"
        f" of {count(accuracy.sources, 'source')}, around the same {share_text(accuracy)}."
    ]
