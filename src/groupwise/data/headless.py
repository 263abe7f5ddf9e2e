"""Tables without a header: which column holds the paths, which the classes, and which might hold them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from groupwise.data.fold_names import name_folds
from groupwise.data.image_lists import is_image_name

FOLD = "fold"
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d*)?(?:e[+-]?\d+)?", re.IGNORECASE)
_NAMED = 5  # columns in a note

Records = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Naming:
    """Names for the columns, those of paths and classes among them, and what to say of others.

    A column is called by its place, "column 2", and one of train, val and test "fold".
    """

    names: tuple[str, ...]
    path: str
    label: str | None
    notes: tuple[str, ...]


def is_headless(records: Records) -> bool:
    """Whether the first row is data already: it names an image where the second does."""
    first, second = records[0], records[min(1, len(records) - 1)]
    return any(is_image_name(a) and is_image_name(b) for a, b in zip(first, second, strict=False))


def name_columns(records: Records) -> Naming:
    """Columns in any order, as Vertex AI and RetinaNet write them: [fold,] path, label, [four numbers].

    The classes stand in the first column that neither holds folds nor names images; words of no more values
    go before numbers, which may be the sides of a box.
    """
    width = len(records[0])
    path = next(i for i, cell in enumerate(records[0]) if is_image_name(cell))
    whole = [record for record in records if len(record) == width]
    cells = {i: [record[i].strip() for record in whole] for i in range(width) if i != path}
    names = [f"column {i + 1}" for i in range(width)]
    fold = next((i for i, column in cells.items() if _names_folds(column)), None)
    if fold is not None:
        names[fold] = FOLD
    values = {i: dict.fromkeys(filter(None, column)) for i, column in cells.items() if i != fold}
    values = {i: column for i, column in values.items() if not any(map(is_image_name, column))}
    values = {i: column for i, column in values.items() if column} or values
    if not values:
        return Naming(tuple(names), names[path], None, ())
    first = next(iter(values))
    words = (i for i, column in values.items() if not all(map(_NUMBER.fullmatch, column)))
    label = next((i for i in words if len(values[i]) <= len(values[first])), first)
    others = [f"{names[i]!r} ({_examples(column)})" for i, column in values.items() if i != label]
    if not others:
        return Naming(tuple(names), names[path], names[label], ())
    more = f" and {len(others) - _NAMED:,} more" if len(others) > _NAMED else ""
    note = (
        f"The table has no header: {names[label]!r} ({_examples(values[label])}) is taken for the classes. If"
        f" they stand in another, name it with --label-column: {', '.join(others[:_NAMED])}{more}."
    )
    return Naming(tuple(names), names[path], names[label], (note,))


def _examples(values: Iterable[str]) -> str:
    return ", ".join(list(values)[:3]) + ", ..." * (len(list(values)) > 3)


def _names_folds(cells: Sequence[str]) -> bool:
    values = set(cells) - {"", "UNASSIGNED"}
    return bool(values) and name_folds(values).keys() == values
