"""Columns of a table that by their names may say which images belong together."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence

from groupwise.data.column_names import names_group, names_subject
from groupwise.data.fold_names import fold_of_name
from groupwise.data.table_files import Row

_MOST_NAMED = 3


def find_group_columns(rows: Sequence[Row], columns: Sequence[str]) -> dict[str, int]:
    """Columns that by their names may say what belongs together, with the number of different values.

    First come those that name a patient, an animal or another subject. A column of folds names nothing.
    """
    found = {}
    named = [column for column in columns if names_group(column)]
    for column in sorted(named, key=lambda column: not names_subject(column)):
        values = {row[column].strip() for row in rows}
        folds = all(fold_of_name(value) for value in values if value)  # a part of the set, not of a machine
        if 1 < len(values) < len(rows) and not folds:
            found[column] = len(values)
    return found


def note_group_columns(rows: Sequence[Row], columns: Sequence[str], label: str) -> list[str]:
    """The columns that may say what belongs together, and the option that uses each.

    One that says no more than the column `label` is not named: its groups would be the classes.
    """
    classes = len({row[label].strip() for row in rows})
    notes = []
    for column, values in find_group_columns(rows, columns).items():
        pairs = len({(row[column].strip(), row[label].strip()) for row in rows})
        if pairs == values == classes:
            continue
        largest, size = Counter(row[column].strip() for row in rows).most_common(1)[0]
        notes.append(
            f"The column {column!r} has {values:,} values for {len(rows):,} images, {largest!r} {size:,}"
            f" times. If images of one value belong together, add --group-column {shlex.quote(column)}."
        )
    return notes[:_MOST_NAMED]
