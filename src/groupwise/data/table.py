"""The user's table of paths and labels as one sample a row, and what the rows say against one another."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from groupwise.data.annotations import is_flag, is_yes
from groupwise.data.column_names import names_presence
from groupwise.data.columns import Columns, choose_columns
from groupwise.data.fold_columns import note_folds, read_folds, tells_class
from groupwise.data.fold_names import name_folds
from groupwise.data.group_columns import note_group_columns
from groupwise.data.label_cells import judge
from groupwise.data.label_sets import SetsRead
from groupwise.data.layout import FOLDERS, POOL
from groupwise.data.manifest import COLUMNS, GIVEN_FOLD, Sample
from groupwise.data.places import OUTSIDE_ROOT, Places
from groupwise.data.reading import ReadOptions
from groupwise.data.table_files import Row, Table, read_table
from groupwise.errors import GroupwiseError, UsageError

LINK_OUTSIDE = "link-outside"


@dataclass(frozen=True)
class Contents:
    """One sample a row below `root`, in words what the table was taken for, and what was not certain.

    `several` says that its labels are sets.
    """

    samples: tuple[Sample, ...]
    root: Path
    words: str
    notes: tuple[str, ...] = ()
    several: bool = False


def read_contents(file: Path, options: ReadOptions = ReadOptions()) -> Contents:  # noqa: B008  # frozen
    """Read one sample a row, in their order, paths relative to the root that is given or the table's folder.

    A manifest is such a table too: what `scan` measured is measured again, but a row whose status is
    `ignored` stays so, and its column `group` is used where no other is named, nor a pattern. In any other
    table, columns that bear a manifest's names are kept as `user_width` and the like. A file listed twice
    with one label counts once; with two labels all of its rows are quarantined, because at least one is
    wrong, unless images have several as `options` say or by what the cells hold.
    """
    table = read_table(file)
    places = Places(file, None if table.holds_images else options.root)
    group_column, given, labels = options.group_column, options.given, options.labels
    aside = {name for name in (group_column, given) if name is not None}
    table, columns = choose_columns(
        file,
        table,
        options.path_column,
        options.label_column,
        places.leads_to_image,
        labels=labels,
        aside=aside,
    )
    header, rows = table.columns, table.rows
    _require_group_column(file, table, group_column)
    is_manifest = set(COLUMNS) <= set(header)
    is_grouped = group_column is not None or options.group_regex is not None
    group_column = group_column or ("group" if "group" in header and not is_grouped else None)
    used = {columns.path, columns.label} | ({"group"} if group_column == "group" else set())
    names = _name_extras(header, is_manifest, used)
    folds = _given_folds(file, table, columns, given)
    samples = []
    for row, fold in zip(rows, folds, strict=True):
        extra = {name: row[column] for column, name in names.items()}
        if given is not None and given != POOL:
            extra[GIVEN_FOLD] = fold
        group = row[group_column] if group_column else ""
        sample = Sample(row[columns.path], row[columns.label], group, extra=extra)
        sample = sample if table.holds_images else places.locate(sample)
        if is_manifest and row["status"] == "ignored":
            sample = replace(
                sample, status="ignored", reason=row["reason"] or "by-user: ignored in the manifest"
            )
        samples.append(sample)
    further = [column for column in header if column not in (columns.path, columns.label)]
    notes = [
        *_note_columns(columns),
        *places.notes(),
        *columns.notes,
        *note_folds(rows, further, given, [row[columns.label] for row in rows]),
        *([] if group_column or is_grouped else note_group_columns(rows, further, columns.label)),
        *([] if is_grouped or is_manifest else _note_bound(samples)),
    ]
    judged, sets = judge(samples, labels)
    notes += [*_note_contradictions(judged), *_note_presence(rows, further)]
    return Contents(
        tuple(judged), places.root, _words(table, columns, sets), (*notes, *sets.notes), sets.several
    )


def require_any(file: Path, samples: Sequence[Sample]) -> None:
    """Raise `GroupwiseError` where a table names files, and none is there, or folders alone."""
    if samples and all(sample.codes in (("missing",), ("folder",)) for sample in samples):
        raise GroupwiseError(
            f"none of the {len(samples)} files that it names exists, such as {samples[0].path!r}",
            place=file,
            remedy="Paths are relative to the CSV's folder: name that of the images with --root, move the CSV"
            " or correct the paths.",
        )


def _require_group_column(file: Path, table: Table, column: str | None) -> None:
    if column is not None and table.rows and column not in table.columns:
        raise UsageError(
            f"{file.name} has no column {column!r}, only {', '.join(table.columns)}",
            place="--group-column",
            remedy="Name one of those columns.",
        )


def _words(table: Table, columns: Columns, sets: SetsRead) -> str:
    classes = "" if columns.joined else f" and classes in {columns.label!r}"
    found = f"{table.kind}, paths in {columns.path!r}{classes}"
    return f"{found}, {sets.words}" if sets.several else found


def _note_columns(columns: Columns) -> list[str]:
    if not columns.guessed:
        return []
    return [
        f"Paths are taken from the column {columns.path!r} and classes from {columns.label!r}. Others are"
        " named by --path-column and --label-column."
    ]


def _note_bound(samples: Sequence[Sample]) -> list[str]:
    """That the column `group`, as in Groupwise's own tables, binds although nobody asked for it."""
    groups = {sample.group for sample in samples if sample.group.strip()}
    if not groups:
        return []
    return [
        f"The column 'group' says what belongs together, with {len(groups):,} values. If it means something"
        " else, rename it, or name another by --group-column."
    ]


def _note_presence(rows: Sequence[Row], columns: Sequence[str]) -> list[str]:
    """That rows of 0 may say that an image has not the class: as `melt` of pandas and OpenImages write it."""
    for column in filter(names_presence, columns):
        cells = {row[column].strip() for row in rows}
        if "" not in cells and all(map(is_flag, cells)) and len({is_yes(cell) for cell in cells}) == 2:
            return [
                f"The column {column!r} holds 0 and 1, and is not looked at: if 0 says that an image does not"
                " have the class of its row, leave such rows out."
            ]
    return []


def _note_contradictions(samples: Sequence[Sample]) -> list[str]:
    """That files stand in several rows with different classes, which is how tables of several labels look."""
    files = {sample.path for sample in samples if sample.codes == ("two-labels",)}
    if not files:
        return []
    return [
        f"{len(files):,} files stand in several rows under different classes, such as {min(files)}, and are"
        " left out. If an image can have several labels, add --labels several."
    ]


def _given_folds(file: Path, table: Table, columns: Columns, given: str | None) -> list[str]:
    """The fold of each row, "" where it has none or none are asked for."""
    if given is None or given == POOL:
        return [""] * len(table.rows)
    if given == FOLDERS:
        parts = [row[columns.path].replace("\\", "/").split("/")[:-1] for row in table.rows]
        meant = name_folds({part for folders in parts for part in folders})
        folds = [next((meant[part] for part in folders if part in meant), "") for folders in parts]
    elif given not in table.columns:
        raise UsageError(
            f"{file.name} has no column {given!r}, only {', '.join(table.columns)}",
            place="--split.given",
            remedy="Name one of those columns, or `folders` where the paths hold the folds.",
        )
    else:
        cells = [row[given].strip() for row in table.rows]
        if tells_class(cells, [row[columns.label] for row in table.rows]):
            raise UsageError(
                "names the classes once more: each of its folds would hold one class, which no other has",
                place=f"--split.given {given}",
                remedy="Leave it out, and the images are divided anew.",
            )
        read = read_folds(cells, given)
        if read is None:
            _refuse_odd_folds(cells, given)
            read = {}
        folds = [read.get(row[given].strip(), "") for row in table.rows]
    if not any(folds):
        raise UsageError(
            "names no folds such as train, val and test",
            place=f"--split.given {given}",
            remedy="Name a column that does, or leave it out.",
        )
    return folds


def _refuse_odd_folds(cells: Sequence[str], column: str) -> None:
    """Raise for cells that name no fold beside others that do."""
    meant = name_folds(set(cells))
    odd = Counter(cell for cell in cells if cell and cell not in meant)
    if len(set(meant.values())) < 2:
        return
    named = ", ".join(f"{cell!r} ({count:,})" for cell, count in odd.most_common(4))
    raise UsageError(
        f"names folds ({', '.join(sorted(meant))}), but not in {odd.total():,} rows: {named}",
        place=f"--split.given {column}",
        remedy="Write train, val or test there, or leave these cells empty, whose images take no part.",
    )


def _name_extras(header: Sequence[str], is_manifest: bool, used: set[str]) -> Mapping[str, str]:
    """Map each further column of the CSV to its name in the manifest."""
    further = [column for column in header if column not in used]
    if is_manifest:
        return {column: column for column in further if column not in (*COLUMNS, GIVEN_FOLD)}
    names: dict[str, str] = {}
    for column in further:
        name = column
        while name in (*COLUMNS, GIVEN_FOLD) or (name != column and name in header):
            name = f"user_{name}"
        names[column] = name
    return names


def where_images_lie(root: Path, samples: Iterable[Sample]) -> Path | None:
    """The folder above all files that a table or links name outside of `root`; None where there is none."""
    outside = [
        os.path.realpath(root / sample.path)
        for sample in samples
        if sample.codes in ((OUTSIDE_ROOT,), (LINK_OUTSIDE,))
    ]
    # Links of a folder may lead to folders.
    there = {path: os.path.isdir(path) for path in outside if os.path.exists(path)}  # noqa: PTH110, PTH112
    if not there:
        return None
    dirname = os.path.dirname
    folders = sorted({path if is_folder else dirname(path) for path, is_folder in there.items()})
    common = Path(os.path.commonpath(folders))
    return common if common != Path(common.anchor) else None
