"""Tables with one column of 0 and 1 a class, as Roboflow, ISIC, NIH and CheXpert write them."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from groupwise.data.annotations import SEVERAL, is_flag, is_yes
from groupwise.data.column_names import is_group_word, says_further
from groupwise.data.fold_names import TRAIN
from groupwise.data.label_sets import CERTAIN, split_cell
from groupwise.data.reading import AUTO, Labels
from groupwise.data.reading import SEVERAL as SETS
from groupwise.data.table_files import Table
from groupwise.data.targets import BAR, write_set
from groupwise.errors import GroupwiseError, UsageError
from groupwise.text import listed

LABEL = "label"
_SHOWN = 12  # names of columns at most
_UNSURE = {"-1", "-1.0"}


@dataclass(frozen=True)
class OneHot:
    """The table with its classes in the column `LABEL`, and what to say of columns that are none of them."""

    table: Table
    notes: tuple[str, ...] = ()


def split_columns(asked: str, table: Table) -> list[str]:
    """The columns that `--label-column cat,dog` names; none where it names one, or one that is absent."""
    names = [name.strip() for name in asked.split(",")]
    named = asked not in table.columns and len(names) > 1 and set(names) <= set(table.columns)
    return list(dict.fromkeys(names)) if named else []


def join_named(file: Path, table: Table, classes: Sequence[str], labels: Labels) -> OneHot:
    """The columns that the user named as classes; raises `GroupwiseError` where one is not of 0 and 1."""
    _refuse_uncertain(file, {name: {row[name].strip() for row in table.rows} for name in classes})
    for name in classes:
        odd = next((row[name] for row in table.rows if not is_flag(row[name])), None)
        if odd is not None:
            raise UsageError(
                f"the column {name!r} holds {odd!r}, where each class has a column of 0 and 1",
                place=f"--label-column {','.join(classes)}",
                remedy="Name columns of 0 and 1 alone, or the one column that holds the names of classes.",
            )
    return OneHot(_join(file, table, classes, classes, labels))


def find_one_hot(
    file: Path, table: Table, path: str, labels: Labels, aside: Collection[str]
) -> OneHot | None:
    """The columns of 0 and 1 that are classes; None where there are no two of them.

    Rows of several ones, as in NIH's and CheXpert's tables, are sets of labels, unless they are so few that
    they may be a slip. Columns of a group, a fold or the like stay what they are, which is said.
    """
    table = _read_signs(table, path)
    flags = [
        column
        for column in table.columns
        if column != path and table.rows and all(is_flag(row[column]) for row in table.rows)
    ]
    classes = _leave_further(table, flags, aside)
    others = {path, *aside, *filter(says_further, table.columns)} - set(classes)
    _refuse_uncertain(
        file,
        {name: {row[name].strip() for row in table.rows} for name in table.columns if name not in others},
    )
    used = [column for column in classes if any(is_yes(row[column]) for row in table.rows)]
    if len(used) < 2:
        return None
    joined = _join(file, table, classes, used, labels)
    never = [name for name in classes if name not in used]
    notes = [f"No row has a 1 in {listed(never, _SHOWN)}, so no class is made of it."] if never else []
    left_out = [name for name in flags if name not in classes]
    if not left_out:
        return OneHot(joined, tuple(notes))
    words = f"{joined.kind} (not taken for classes: {listed(left_out, _SHOWN)})"
    asked = [name for name in left_out if name not in aside and "," not in name]
    further = [
        f"The column {', '.join(map(repr, asked[:_SHOWN]))} is called as a group, a fold or a property, and"
        " is not taken for a class. If it is one, name the columns of all classes: --label-column"
        f" {shlex.quote(','.join([*classes, *asked]))}."
    ]
    return OneHot(
        Table(joined.columns, joined.rows, words, joined.path_column, LABEL),
        tuple(notes + further if asked else notes),
    )


def _read_signs(table: Table, path: str) -> Table:
    """The table with 0 for -1 in columns that hold -1 and 1 alone, as CelebA's, where no column holds 0."""
    cells = {name: {row[name].strip() for row in table.rows} for name in table.columns if name != path}
    signs = {name for name, held in cells.items() if held and held <= _UNSURE | {"1", "1.0"}}
    if not any(cells[name] & _UNSURE for name in signs) or any(
        held and held <= {"", "0", "0.0", "1", "1.0", *_UNSURE}
        for name, held in cells.items()
        if name not in signs
    ):
        return table
    rows = tuple(
        {name: "0" if name in signs and cell.strip() in _UNSURE else cell for name, cell in row.items()}
        for row in table.rows
    )
    return replace(table, rows=rows, kind=f"{table.kind} with -1 for no")


def _join(file: Path, table: Table, classes: Sequence[str], used: Sequence[str], labels: Labels) -> Table:
    ones = [sum(is_yes(row[column]) for column in used) for row in table.rows]
    several = labels == SETS or (labels == AUTO and sum(n > 1 for n in ones) >= CERTAIN * len(ones))
    _refuse_cut_names(file, used, several)
    join = write_set if several else SEVERAL.join
    rows = tuple({**row, LABEL: join(name for name in used if is_yes(row[name]))} for row in table.rows)
    kept = (*(column for column in table.columns if column not in (*classes, LABEL)), LABEL)
    slim = tuple({name: row[name] for name in kept} for row in rows)
    words = f"{table.kind}, one column a class: {listed(used, _SHOWN)}"
    return Table(kept, slim, words, table.path_column, LABEL)


def _refuse_cut_names(file: Path, classes: Sequence[str], several: bool) -> None:
    """Raise `GroupwiseError` for the name of a class that would be read as several of them."""
    for name in classes:
        parts = split_cell(name)
        also = [part for part in parts if len(parts) > 1 and part in classes]
        if (several and BAR in name) or also:
            raise GroupwiseError(
                f"the class {name!r} would be read as several, {', '.join(parts)}",
                place=file,
                remedy=f"Rename its column{f', since another is called {also[0]!r}' if also else ''}.",
            )


def _leave_further(table: Table, flags: Sequence[str], aside: Collection[str]) -> list[str]:
    """The columns of 0 and 1 without those that by their names say something else of a picture.

    A name such as `person` or `tree` is a class where only with it each row is of exactly one.
    """
    plain = [name for name in flags if name not in aside and not says_further(name)]
    nouns = [
        name
        for name in flags
        if name not in aside and (is_group_word(name) or name.strip().casefold() == TRAIN)
    ]
    joint = [name for name in flags if name in plain or name in nouns]
    exact = all(sum(is_yes(row[name]) for name in joint) == 1 for row in table.rows)
    return joint if nouns and exact else plain


def _refuse_uncertain(file: Path, cells: dict[str, set[str]]) -> None:
    """Raise `GroupwiseError` where one of several columns of classes says -1, uncertain, as CheXpert's do."""
    flags = {name: held for name, held in cells.items() if all(is_flag(c) or c in _UNSURE for c in held)}
    unsure = [name for name, held in flags.items() if held & _UNSURE]
    if unsure and len(flags) > 1 and any(map(is_yes, set().union(*flags.values()))):
        raise GroupwiseError(
            f"the column {unsure[0]!r} holds -1, uncertain, beside 0 and 1",
            place=file,
            remedy="Write 0 or 1 for each, or leave these rows out: which is right, is yours to say.",
        )
