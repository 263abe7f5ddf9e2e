"""Columns of a table that name the folds of a ready split, by their names or by what they hold."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from groupwise.data.annotations import is_flag, is_yes
from groupwise.data.column_names import names_folds, names_use
from groupwise.data.fold_names import TEST, TRAIN, VAL, is_ready_split, name_folds
from groupwise.data.table_files import Row

_YES, _NO = frozenset(["yes", "y", "ja", "oui", "si", "x"]), frozenset(["no", "n", "nein", "non"])
_MOST_FOLDS = 20
_FEW_FOLDS = 3  # numbers that may stand for train, val and test; the fewest of a cross-validation
_NUMBER = re.compile(r"(?:[^\d]*[^\d.])?(\d+)(?:\.0*)?(?:\s*(?:/|of|von|de)\s*\d+)?")


def read_folds(cells: Sequence[str], column: str) -> dict[str, str] | None:
    """The fold that each different cell of a column means; None where they are no folds.

    Blank and UNASSIGNED cells are in no fold. In a column such as `is_test` the cells say yes and no; small
    whole numbers, and in a column called as one of folds also letters, are the folds of a cross-validation.
    """
    values = {cell.strip() for cell in cells}
    blank = {value for value in values if value.casefold() in ("", "nan", "na", "none", "unassigned")}
    named = values - blank
    folds = name_folds(named)
    if folds.keys() == named and named:
        return folds | dict.fromkeys(blank, "")
    own = _own_fold(column)
    if own is not None and named and all(is_flag(value) or value.casefold() in _YES | _NO for value in named):
        other = TEST if own == TRAIN else TRAIN
        yes = {value for value in named if is_yes(value) or value.casefold() in _YES}
        return {value: own if value in yes else other for value in named} | dict.fromkeys(blank, "")
    numbered = _number(named, called_so=names_folds(column))
    return None if numbered is None else numbered | dict.fromkeys(blank, "")


def _own_fold(column: str) -> str | None:
    """The fold that a column such as `is_test` or `holdout` asks about in each row."""
    own = set(name_folds([column, column.casefold().removeprefix("is")]).values())
    return own.pop() if len(own) == 1 and own <= {TRAIN, VAL, TEST} else None


def _number(values: Collection[str], *, called_so: bool) -> dict[str, str] | None:
    """Numbered folds of cells such as 0, 1.0, `f2`, `3/5` or, in a column called so, A and B."""
    if not 1 < len(values) <= _MOST_FOLDS:
        return None
    if all(re.fullmatch(r"\d+(?:\.0*)?", value) for value in values):
        return {value: f"fold-{int(float(value))}" for value in values}
    if not called_so:
        return None
    found = {value: match[1] for value in values if (match := _NUMBER.fullmatch(value))}
    if len(found) == len(values) and len(set(map(int, found.values()))) == len(values):
        return {value: f"fold-{int(number)}" for value, number in found.items()}
    if all(len(value) == 1 and value.isalpha() for value in values):
        return {value: f"fold-{number}" for number, value in enumerate(sorted(values), start=1)}
    return None


def find_fold_columns(rows: Sequence[Row], columns: Sequence[str]) -> dict[str, Mapping[str, int]]:
    """Columns that name the folds of a ready split, with the number of rows of each fold.

    A column of any name does where its cells are words such as train and test; numbers count where the name
    speaks of folds, and yes and no where it names one.
    """
    found: dict[str, Mapping[str, int]] = {}
    for column in columns:
        cells = [row[column].strip() for row in rows]
        if not 1 <= len(set(cells)) <= _MOST_FOLDS + 1:
            continue
        folds = read_folds(cells, column)
        if folds is None:
            continue
        kinds = set(folds.values()) - {""}
        in_words = len(name_folds(set(cells))) == sum(map(bool, folds.values()))
        called = (
            names_use(column) or _own_fold(column) is not None
            if in_words or not _are_numbered(kinds)
            else names_folds(column)
        )
        if (is_ready_split(kinds) and (in_words or called)) or (called and len(kinds) == 1):
            found[column] = Counter(folds[cell] for cell in cells if folds[cell])
    return found


def tells_class(cells: Sequence[str], labels: Sequence[str]) -> bool:
    """Whether a column names the classes once more, such as their numbers, whatever it is called.

    Folds that hold one class each, which no other has, divide nothing.
    """
    pairs = Counter((cell.strip(), label) for cell, label in zip(cells, labels, strict=True) if cell.strip())
    named, classes = {cell for cell, _ in pairs}, {label for _, label in pairs}
    return 1 < len(named) == len(classes) == len(pairs) < pairs.total()


def _are_numbered(kinds: Collection[str]) -> bool:
    return any(kind.startswith("fold-") for kind in kinds)


def note_folds(
    rows: Sequence[Row], columns: Sequence[str], given: str | None, labels: Sequence[str]
) -> list[str]:
    """That columns name folds and are not used, with what uses them and what says that they are none.

    `labels` are the classes of the rows.
    """
    found = find_fold_columns(rows, columns) if given is None else {}
    notes = []
    for column, counts in list(found.items())[:3]:
        if tells_class([row[column] for row in rows], labels):
            notes.append(
                f"The column {column!r} is called as one of folds, and names the classes once more: it is not"
                " used."
            )
            continue
        numbers = ", ".join(f"{fold} {n:,}" for fold, n in sorted(counts.items()))
        use = f"--split.given {shlex.quote(column)}"
        how = _use_numbered(use, len(counts)) if _are_numbered(counts) else f"add {use}"
        notes.append(
            f"The column {column!r} names folds ({numbers}) and is not used: the images are divided anew. To"
            f" use it as it is, {how}; --split.given pool says that it is not meant."
        )
    return notes


def _use_numbered(use: str, folds: int) -> str:
    """How folds that are numbered are used; two are too few for a cross-validation."""
    if folds < _FEW_FOLDS:
        return f"write train and test for its numbers and add {use}"
    few = folds == _FEW_FOLDS
    return (
        f"add --cv {folds} {use}" + " (if its numbers stand for train, val and test, write those words)" * few
    )
