"""The proof of a split, as `split.json` holds it: what each fold has, and every source that stands in two."""

from __future__ import annotations

from typing import Any

from groupwise.data.split import EXCLUDED, Split
from groupwise.data.targets import read_names
from groupwise.stats.arrays import Ints


def proof(split: Split) -> dict[str, Any]:
    """What `split.json` holds: sizes of each fold, and every source that spans two (none, if grouped)."""
    sources = split.sources
    folds_of: dict[int, set[str]] = {}
    for row, source in zip(split.rows, sources, strict=True):
        if row.fold != EXCLUDED:
            folds_of.setdefault(int(source), set()).add(row.fold)
    spanning = {source for source, folds in folds_of.items() if len(folds) > 1}
    examples = [
        [f"{row.path} ({row.fold})" for row, s in zip(split.rows, sources, strict=True) if s == source][:6]
        for source in sorted(spanning)[:10]
    ]
    return {
        "folds": {fold: _fold_facts(split, sources, fold, folds_of) for fold in split.folds},
        "sources": len(folds_of),
        "excluded": len(split.indices(EXCLUDED)),
        "spanning_sources": len(spanning),
        "spanning_examples": examples,
    }


def _fold_facts(split: Split, sources: Ints, fold: str, folds_of: dict[int, set[str]]) -> dict[str, Any]:
    rows = split.indices(fold)
    classes: dict[str, dict[str, int]] = {}
    of_label: dict[str, list[int]] = {}
    for i in rows:
        for name in read_names(split.rows[i].label):
            of_label.setdefault(name, []).append(int(i))
    for label, members in sorted(of_label.items()):
        classes[label] = {"n": len(members), "sources": len(set(sources[members].tolist()))}
    return {
        "n": len(rows),
        "sources": len(set(sources[rows].tolist())),
        "with_sibling_in_train": sum(fold != "train" and "train" in folds_of[int(sources[i])] for i in rows),
        "classes": classes,
    }
