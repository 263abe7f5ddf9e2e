"""Which columns of a table hold path and class: named by the user, by custom, or one column a class."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from groupwise.data.annotations import is_flag, is_vectors, read_attributes, read_choice
from groupwise.data.column_names import LABEL_NAMES, PATH_NAMES, names_use, plain_name
from groupwise.data.fold_names import name_folds
from groupwise.data.image_lists import is_image_name
from groupwise.data.one_hot import LABEL, find_one_hot, join_named, split_columns
from groupwise.data.reading import Labels
from groupwise.data.table_files import Table
from groupwise.errors import GroupwiseError

PATH = "path"
_LOOK = 20
"""Rows whose cells are looked at to tell what a column holds."""

_FEW_CLASSES = 50
_PIXELS_REMEDY = (
    "Its pixels stand in the table itself, which is not read so: write each row as a PNG into a folder of its"
    " class."
)

_FILE_ATTRIBUTES = "file_attributes"  # VIA's column of JSON


@dataclass(frozen=True)
class Columns:
    """The columns of path and class, which of them were guessed by name, and what to say of others.

    `joined` says that the classes had a column each.
    """

    path: str
    label: str
    guessed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    joined: bool = False


def choose_columns(
    file: Path,
    table: Table,
    path_column: str,
    label_column: str,
    is_there: Callable[[str], bool],
    *,
    labels: Labels = "auto",
    aside: Collection[str] = (),
) -> tuple[Table, Columns]:
    """The columns to use, and the table with its classes in one of them.

    What the user named has to be there. Where the usual names are not, the format's own or a customary name
    is taken, or for paths the column whose cells lead to images, by `is_there`; `guessed` then says so.
    Columns `aside` are of another use, and no classes. Several columns of classes are named with commas.
    Raises `GroupwiseError` with the options that help.
    """
    table = _spread_attributes(table)
    path = _choose(table, path_column, PATH, table.path_column, PATH_NAMES, is_there)
    if path is None and path_column == PATH:
        path = next((name for name in table.columns if _holds_paths(table, name, is_there)), None)
    if path is not None and path not in (PATH, path_column, table.path_column):
        path = _prefer_files(table, path, is_there)
    label = _choose(table, label_column, LABEL, table.label_column, LABEL_NAMES, is_there)
    one_hot = None
    if path is not None and (named := split_columns(label_column, table)):
        one_hot = join_named(file, table, named, labels)
    elif path is not None and label is None and label_column == LABEL:
        one_hot = find_one_hot(file, table, path, labels, aside)
    if one_hot is not None:
        table, label = one_hot.table, LABEL
    if path is None or label is None:
        raise _missing(file, table, path_column, label_column, path, label)
    cells = [row[label] for row in table.rows]
    if is_vectors(cells):
        raise GroupwiseError(
            f"the column {label!r} holds vectors of 0 and 1, such as {next(filter(None, cells))!r}, and no"
            " names",
            place=file,
            remedy="Write the names of the classes instead, or one column of 0 and 1 a class.",
        )
    read = list(map(read_choice, cells))
    table = replace(
        table, rows=tuple({**row, label: cell} for row, cell in zip(table.rows, read, strict=True))
    )
    known = {table.path_column, table.label_column, PATH, LABEL, path_column, label_column}
    guessed = tuple(name for name in (path, label) if name not in known)
    notes = one_hot.notes if one_hot is not None else _note_lists(cells, read)
    if label_column == LABEL and label == table.label_column:
        notes = (*table.notes, *notes)
    return table, Columns(path, label, guessed, notes, one_hot is not None)


def _note_lists(cells: Sequence[str], read: Sequence[str]) -> tuple[str, ...]:
    """That some cells begin as the lists of others do, and could not be read as one."""
    unread = [cell for cell, text in zip(cells, read, strict=True) if cell == text]
    odd = [cell for cell in unread if cell.startswith(("[", "{"))]
    if not odd or len(unread) == len(cells):
        return ()
    return (
        f"{len(odd):,} cells begin as a list and cannot be read as one, such as {odd[0]!r}: each counts as"
        " the name of a class.",
    )


def list_paths(file: Path, table: Table) -> list[str]:
    """The first paths of a table that has a column of classes as well, by the names of its columns alone.

    Raises `GroupwiseError` where it has not.
    """
    table, columns = choose_columns(file, table, PATH, LABEL, lambda _: False)
    return [row[columns.path] for row in table.rows[:_LOOK]]


def _choose(
    table: Table,
    asked: str,
    usual: str,
    by_format: str | None,
    customary: Sequence[str],
    is_there: Callable[[str], bool],
) -> str | None:
    if asked in table.columns:
        return asked
    if asked != usual:
        return None  # the user's own word is not replaced by a guess
    if by_format in table.columns:
        return by_format
    names = {plain_name(column): column for column in reversed(table.columns)}
    found = [names[name] for name in customary if name in names]
    if customary is LABEL_NAMES:  # `category` of Edge Impulse says training or testing
        found = [column for column in found if not _holds_folds(table, column)]
    if customary is PATH_NAMES and len(found) > 1:
        # Of `image_id` and `url` the one that leads to images, of `image_id` and `image_path` the file.
        names_none = {column for column in found if not _names_files(table, column)}
        found.sort(key=lambda column: (not _leads(table, column, is_there), column in names_none))
    return found[0] if found else None


def _holds_folds(table: Table, column: str) -> bool:
    cells = {row[column].strip() for row in table.rows}
    folds = name_folds(cells)
    return bool(cells) and folds.keys() == cells


def _prefer_files(table: Table, path: str, is_there: Callable[[str], bool]) -> str:
    """The column `path`, chosen by its name, or the first that names image files where it means none.

    Identifiers mean images where they lead to them: a column of masks beside them has the endings.
    """
    if _names_files(table, path) or _leads(table, path, is_there):
        return path
    return next((name for name in table.columns if _holds_paths(table, name, lambda _: False)), path)


def _names_files(table: Table, column: str) -> bool:
    return any(map(is_image_name, _first_cells(table, column)))


def _leads(table: Table, column: str, is_there: Callable[[str], bool]) -> bool:
    """Whether most of the first cells lead to images; of a few the file may be missing."""
    cells = _first_cells(table, column)
    return sum(map(is_there, cells)) > len(cells) / 2


def _holds_paths(table: Table, column: str, is_there: Callable[[str], bool]) -> bool:
    cells = _first_cells(table, column)
    return bool(cells) and (all(map(is_image_name, cells)) or all(map(is_there, cells)))


def _first_cells(table: Table, column: str) -> list[str]:
    return list(dict.fromkeys(row[column] for row in table.rows[:_LOOK] if row[column].strip()))


def _missing(
    file: Path, table: Table, path_column: str, label_column: str, path: str | None, label: str | None
) -> GroupwiseError:
    absent = [name for name, found in ((path_column, path), (label_column, label)) if found is None]
    options = [
        option for option, found in (("--path-column", path), ("--label-column", label)) if found is None
    ]
    return GroupwiseError(
        f"no column {', '.join(map(repr, absent))} among {', '.join(map(repr, table.columns)) or 'nothing'}",
        place=file,
        remedy=_PIXELS_REMEDY
        if path is None and any(plain_name(column).startswith("pixel") for column in table.columns)
        else f"Name the column that holds it with {' and '.join(options)}, or rename it."
        + _suggest_labels(table, path if label is None else None),
    )


def _suggest_labels(table: Table, path: str | None) -> str:
    """Columns of few values, which may hold the class of the paths in the column `path`."""
    if path is None:
        return ""
    others = [name for name in table.columns if name != path and not names_use(name)]
    values = {name: len({row[name] for row in table.rows}) for name in others}
    flags = [name for name in others if "," not in name and all(is_flag(row[name]) for row in table.rows)]
    if len(flags) > 1 and table.rows:
        return (
            f" Where each class has a column of 0 and 1, name them all: --label-column"
            f" {shlex.quote(','.join(flags[:_FEW_CLASSES]))}."
        )
    few = [
        f"{name!r} ({n} values)"
        for name, n in values.items()
        if 1 < n <= min(_FEW_CLASSES, len(table.rows) / 2)
    ]
    return f" The class may stand in {', '.join(few[:5])}." if few else ""


def _spread_attributes(table: Table) -> Table:
    """VIA's CSV: the attributes of each file as columns of their own, one row a file."""
    if not {"filename", _FILE_ATTRIBUTES} <= set(table.columns):
        return table
    rows = {row["filename"]: row | read_attributes(row[_FILE_ATTRIBUTES]) for row in table.rows}
    names = dict.fromkeys(name for row in rows.values() for name in row if name not in table.columns)
    columns = (*table.columns, *names)
    filled = tuple({name: row.get(name, "") for name in columns} for row in rows.values())
    return Table(columns, filled, "VIA's table", "filename", next(iter(names), None))
