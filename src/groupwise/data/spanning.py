"""Photographs and named groups that a split has on two sides, each with its files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groupwise.data.fold_names import TRAIN
from groupwise.data.split import EXCLUDED, Assignment, Split
from groupwise.files import write_csv

SPANNING = "spanning.csv"
COLUMNS = ("kind", "name", "fold", "path", "label")


@dataclass(frozen=True)
class Spanning:
    """A photograph (its cluster) or a group that stands in several folds; `kind` says which."""

    kind: str
    name: str
    rows: tuple[Assignment, ...]


def find_spanning(split: Split) -> list[Spanning]:
    """The photographs and then the groups on two sides of `split`, in the order of its rows."""
    taking_part = [row for row in split.rows if row.fold != EXCLUDED]
    photographs = _across("photograph", [(str(row.cluster), row) for row in taking_part])
    return photographs + _across("group", [(row.group, row) for row in taking_part if row.group])


def _across(kind: str, named: Sequence[tuple[str, Assignment]]) -> list[Spanning]:
    members: dict[str, list[Assignment]] = defaultdict(list)
    for name, row in named:
        members[name].append(row)
    return [
        Spanning(kind, name, tuple(rows))
        for name, rows in members.items()
        if len({row.fold for row in rows}) > 1
    ]


def count_spanning(found: Sequence[Spanning], kind: str) -> dict[str, Any]:
    """How many of a kind there are, and how many images of each fold that is no training they touch."""
    own = [one for one in found if one.kind == kind]
    touched: dict[str, int] = defaultdict(int)
    for one in own:
        if any(row.fold == TRAIN for row in one.rows):
            for row in one.rows:
                touched[row.fold] += row.fold != TRAIN
    return {"n": len(own), "touched": {fold: n for fold, n in touched.items() if fold != TRAIN}}


def write_spanning(file: Path, found: Sequence[Spanning]) -> None:
    """Write one row a file of all of them."""
    rows = ((one.kind, one.name, row.fold, row.path, row.label) for one in found for row in one.rows)
    write_csv(file, COLUMNS, rows)
