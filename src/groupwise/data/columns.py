"""Which columns of a table hold path and class: named by the user, by custom, or one column a class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from groupwise.data.annotations import SEVERAL, is_vectors, read_attributes, read_choice
from groupwise.data.fold_names import is_ready_split, name_folds
from groupwise.data.label_sets import CERTAIN
from groupwise.data.reading import AUTO, Labels
from groupwise.data.reading import SEVERAL as SETS
from groupwise.data.table_files import Row, Table, is_image_name
from groupwise.data.targets import write_set
from groupwise.errors import GroupwiseError

PATH, LABEL = "path", "label"
_LOOK = 20
"""Rows whose cells are looked at to tell what a column holds."""

_FEW_CLASSES = 50
_SHOWN = 12  # names of columns at most
_PIXELS_REMEDY = (
    "Its pixels stand in the table itself, which is not read so: write each row as a PNG into a folder of its"
    " class."
)

# In the order in which they are looked for; compared without case, blanks, hyphens and underscores.
_PATH_NAMES = (  # noqa: SIM905  # shorter so
    "path filename filepath file image imagepath imagefile imagefilename imagename imgpath img imgname"
    " imageid imageindex idcode imgid photo picture fname isicid sourceref uri url gcsuri name id"
).split()
_LABEL_NAMES = (  # noqa: SIM905  # shorter so
    "label class labels category classname labelname target diagnosis dx choice classification"
    " categoryname classid labelid species breed grade finding findinglabels condition y"
).split()
_GROUP_NAMES = (  # noqa: SIM905  # shorter so
    "patient patientid subject subjectid person personid participant participantid student studentid"
    " sender senderid lesionid lesion animal animalid individual individualid specimen specimenid user"
    " userid author authorid owner donor slide slideid case caseid session sessionid sequence sequenceid"
    " video videoid clip burst visit study studyid camera cameraid site location locationid place plot"
    " tree plant plantid sample sampleid batch lot part partid source sourceid group groupid"
).split()
_FOLD_NAMES = (  # noqa: SIM905  # shorter so
    "split fold subset set partition evalpartition phase usage mluse givenfold dataset datasplit stage"
    " istrain istest isval isvalid kfold"
).split()
# What is said of a picture and is no class of it, where a table has one column of 0 and 1 a class.
_FURTHER_NAMES = (  # noqa: SIM905  # shorter so
    "sex gender age augmented isaugmented hasmask isduplicate duplicate issynthetic synthetic reviewed"
).split()
_NOUNS = frozenset({*_GROUP_NAMES, "train"}) - {name for name in _GROUP_NAMES if name.endswith("id")}
"""Names of groups, or of a fold, that may be those of classes as well: `person`, `tree`, `train`."""
_UNSURE = {"-1", "-1.0"}
_FILE_ATTRIBUTES = "file_attributes"  # VIA's column of JSON


@dataclass(frozen=True)
class Columns:
    """The columns of path and class, and whether any of them was guessed from its name."""

    path: str
    label: str
    guessed: tuple[str, ...] = ()


def plain_name(column: str) -> str:
    """A column's name without what people write differently."""
    return "".join(character for character in column.casefold() if character.isalnum())


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
    Columns `aside` are of another use, and no classes.
    Raises `GroupwiseError` with the options that help.
    """
    table = _spread_attributes(table)
    path = _choose(table, path_column, PATH, table.path_column, _PATH_NAMES)
    if path is None and path_column == PATH:
        path = next((name for name in table.columns if _holds_paths(table, name, is_there)), None)
    label = _choose(table, label_column, LABEL, table.label_column, _LABEL_NAMES)
    if path is not None and label is None and label_column == LABEL:
        table, label = _join_one_hot(file, table, path, labels, aside)
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
    rows = tuple({**row, label: read_choice(row[label])} for row in table.rows)
    table = replace(table, rows=rows)
    known = {table.path_column, table.label_column, PATH, LABEL, path_column, label_column}
    return table, Columns(path, label, tuple(name for name in (path, label) if name not in known))


def list_paths(file: Path, table: Table) -> list[str]:
    """The first paths of a table that has a column of classes as well, by the names of its columns alone.

    Raises `GroupwiseError` where it has not.
    """
    table, columns = choose_columns(file, table, PATH, LABEL, lambda _: False)
    return [row[columns.path] for row in table.rows[:_LOOK]]


def _choose(
    table: Table, asked: str, usual: str, by_format: str | None, customary: Sequence[str]
) -> str | None:
    if asked in table.columns:
        return asked
    if asked != usual:
        return None  # the user's own word is not replaced by a guess
    if by_format in table.columns:
        return by_format
    names = {plain_name(column): column for column in reversed(table.columns)}
    found = [names[name] for name in customary if name in names]
    if customary is _PATH_NAMES:  # of `image_id` and `image_path` the one that looks like a file
        found.sort(key=lambda column: not any(is_image_name(row[column]) for row in table.rows[:_LOOK]))
    return found[0] if found else None


def _holds_paths(table: Table, column: str, is_there: Callable[[str], bool]) -> bool:
    cells = list(dict.fromkeys(row[column] for row in table.rows[:_LOOK] if row[column].strip()))
    return bool(cells) and (all(map(is_image_name, cells)) or all(map(is_there, cells)))


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
    others = [name for name in table.columns if name != path and plain_name(name) not in _FOLD_NAMES]
    values = {name: len({row[name] for row in table.rows}) for name in others}
    few = [
        f"{name!r} ({n} values)"
        for name, n in values.items()
        if 1 < n <= min(_FEW_CLASSES, len(table.rows) / 2)
    ]
    return f" The class may stand in {', '.join(few[:5])}." if few else ""


def _spread_attributes(table: Table) -> Table:
    """VIA's CSV: the attributes of each file as columns of their own, one row a file."""
    if _FILE_ATTRIBUTES not in table.columns:
        return table
    rows = {row["filename"]: row | read_attributes(row[_FILE_ATTRIBUTES]) for row in table.rows}
    names = dict.fromkeys(name for row in rows.values() for name in row if name not in table.columns)
    columns = (*table.columns, *names)
    filled = tuple({name: row.get(name, "") for name in columns} for row in rows.values())
    return Table(columns, filled, "VIA's table", "filename", next(iter(names), None))


def _join_one_hot(
    file: Path, table: Table, path: str, labels: Labels, aside: Collection[str]
) -> tuple[Table, str | None]:
    """A table with one column a class, 1 in the column of its class, as Roboflow and ISIC write it.

    Rows of several ones, as in NIH's and CheXpert's tables, are sets of labels, unless they are so few that
    they may be a slip. Columns of a group, a fold or the like stay what they are.
    """
    flags = [
        column
        for column in table.columns
        if column != path and table.rows and all(_is_flag(row[column]) for row in table.rows)
    ]
    classes = _leave_further(table, flags, aside)
    _refuse_uncertain(file, table, {path, *aside, *filter(_says_further, table.columns)} - set(classes))
    used = [column for column in classes if any(_is_set(row[column]) for row in table.rows)]
    ones = [sum(_is_set(row[column]) for column in used) for row in table.rows]
    if len(used) < 2 or max(ones, default=0) == 0:
        return table, None
    several = labels == SETS or (labels == AUTO and sum(n > 1 for n in ones) >= CERTAIN * len(ones))
    join = write_set if several else SEVERAL.join
    rows = tuple(
        {**row, LABEL: join(column for column in used if _is_set(row[column]))} for row in table.rows
    )
    kept = (*(column for column in table.columns if column not in classes), LABEL)
    slim = tuple({name: row[name] for name in kept} for row in rows)
    words = f"{table.kind}, one column a class: {_list_names(used)}"
    if further := [name for name in flags if name not in classes]:
        words += f" (not taken for classes: {_list_names(further)})"
    return Table(kept, slim, words, table.path_column, LABEL), LABEL


def _leave_further(table: Table, flags: Sequence[str], aside: Collection[str]) -> list[str]:
    """The columns of 0 and 1 without those that by their names say something else of a picture.

    A name such as `person` or `tree` is a class where only with it each row is of exactly one.
    """
    plain = [name for name in flags if name not in aside and not _says_further(name)]
    nouns = [name for name in flags if name not in aside and plain_name(name) in _NOUNS]
    joint = [name for name in flags if name in plain or name in nouns]
    return joint if nouns and all(sum(_is_set(row[c]) for c in joint) == 1 for row in table.rows) else plain


def _says_further(column: str) -> bool:
    known = plain_name(column) in (*_GROUP_NAMES, *_FOLD_NAMES, *_FURTHER_NAMES)
    return known or bool(name_folds([column, column.casefold().removeprefix("is")]))


def _list_names(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")


def _refuse_uncertain(file: Path, table: Table, further: Collection[str]) -> None:
    """Raise `GroupwiseError` where one of several columns of classes says -1, uncertain, as CheXpert's do."""
    cells = {name: {row[name].strip() for row in table.rows} for name in table.columns if name not in further}
    flags = {name: held for name, held in cells.items() if all(_is_flag(c) or c in _UNSURE for c in held)}
    unsure = [name for name, held in flags.items() if held & _UNSURE]
    if unsure and len(flags) > 1 and any(map(_is_set, set().union(*flags.values()))):
        raise GroupwiseError(
            f"the column {unsure[0]!r} holds -1, uncertain, beside 0 and 1",
            place=file,
            remedy="Write 0 or 1 for each, or leave these rows out: which is right, is yours to say.",
        )


def _is_flag(cell: str) -> bool:
    return cell.strip().casefold() in ("", "0", "1", "0.0", "1.0", "true", "false")


def _is_set(cell: str) -> bool:
    return cell.strip().casefold() in ("1", "1.0", "true")


def read_folds(cells: Sequence[str], column: str) -> dict[str, str] | None:
    """The fold that each different cell of a column means; None where they are no folds.

    Blank and UNASSIGNED cells are in no fold. In a column such as `is_test` the cells say yes and no; small
    whole numbers are the folds of a cross-validation.
    """
    values = {cell.strip() for cell in cells}
    blank = {value for value in values if value.casefold() in ("", "nan", "unassigned")}
    named = values - blank
    folds = name_folds(named)
    if folds.keys() == named and named:
        return folds | dict.fromkeys(blank, "")
    own = set(name_folds([column, column.casefold().removeprefix("is")]).values())
    if len(own) == 1 and all(_is_flag(value) for value in named):
        meant = own.pop()
        other = "test" if meant == "train" else "train"
        return {value: meant if _is_set(value) else other for value in named} | dict.fromkeys(blank, "")
    if len(named) > 1 and all(value.isdecimal() for value in named) and len(named) <= 20:
        return {value: f"fold-{value}" for value in named} | dict.fromkeys(blank, "")
    return None


def find_fold_column(rows: Sequence[Row], columns: Sequence[str]) -> tuple[str, Mapping[str, int]] | None:
    """A column that names the folds of a ready split, with the number of rows of each fold."""
    for column in columns:
        if plain_name(column) not in _FOLD_NAMES:
            continue
        cells = [row[column].strip() for row in rows]
        folds = read_folds(cells, column)
        if folds and (is_ready_split(folds.values()) or len(set(folds.values()) - {""}) == 1):
            return column, Counter(folds[cell] for cell in cells if folds[cell])
    return None


def find_group_columns(rows: Sequence[Row], columns: Sequence[str]) -> dict[str, int]:
    """Columns that by their names may say what belongs together, with the number of different values."""
    found = {}
    for column in columns:
        values = {row[column].strip() for row in rows}
        if plain_name(column) in _GROUP_NAMES and 1 < len(values) < len(rows):
            found[column] = len(values)
    return found
