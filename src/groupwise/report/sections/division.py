"""How the images were divided: images and sources of each class in each fold, and the proof."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from groupwise.report.rendering import Section
from groupwise.report.validity import sources_known
from groupwise.runs.files import RunFiles
from groupwise.text import count, verb


def build(files: RunFiles) -> Section:
    """The split as a table."""
    folds = files.split["folds"].items()
    gist = ", ".join(f"{name} {count(fold['n'], 'image')}" for name, fold in folds)
    return Section({"gist": gist, "split": fold_table(files), "several": files.several})


@dataclass(frozen=True)
class FoldTable:
    """Images and sources of each class in each fold, and what the proof says of them."""

    folds: list[str]
    rows: list[tuple[str, list[dict[str, int]]]]
    totals: list[dict[str, Any]]
    proof: str
    examples: list[str]


def fold_table(files: RunFiles) -> FoldTable:
    """The split as a table."""
    folds: dict[str, Any] = files.split["folds"]
    labels = sorted({label for fold in folds.values() for label in fold["classes"]})
    none = {"n": 0, "sources": 0}
    spanning, sources = files.split["spanning_sources"], files.split["sources"]
    if spanning:
        proof = (
            f"{spanning:,} of {count(sources, 'source')} {verb(spanning, 'spans', 'span')} two folds or more."
        )
    elif sources_known(files):
        proof = f"No source spans two folds: each of the {sources:,} lies in one fold as a whole."
    else:
        proof = "No source is known to hold more than one image, so none can span two folds."
    return FoldTable(
        folds=list(folds),
        rows=[(label, [fold["classes"].get(label, none) for fold in folds.values()]) for label in labels],
        totals=list(folds.values()),
        proof=proof,
        examples=[", ".join(map(str, names)) for names in files.split.get("spanning_examples") or ()][:5],
    )
