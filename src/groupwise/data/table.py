"""The user's table of paths and labels as one sample a row, and what the rows say against one another."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from groupwise.data.columns import Columns, choose_columns
from groupwise.data.finder import AmbiguousNameError, Finder
from groupwise.data.fold_columns import note_folds, read_folds
from groupwise.data.fold_names import name_folds
from groupwise.data.folder import judge_kind
from groupwise.data.group_columns import note_group_columns
from groupwise.data.label_cells import judge
from groupwise.data.label_sets import SetsRead
from groupwise.data.layout import FOLDERS, POOL
from groupwise.data.manifest import COLUMNS, GIVEN_FOLD, Sample
from groupwise.data.reading import Labels
from groupwise.data.table_files import Table, read_table
from groupwise.errors import UsageError

OUTSIDE_ROOT = "outside-root"
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


def read_contents(
    file: Path,
    *,
    path_column: str = "path",
    label_column: str = "label",
    group_column: str | None = None,
    root: Path | None = None,
    given: str | None = None,
    labels: Labels = "auto",
) -> Contents:
    """Read one sample a row, in their order, paths relative to `root` or else to the table's folder.

    A manifest is such a table too: what `scan` measured is measured again, but a row whose status is
    `ignored` stays so, and its column `group` is used where no other is named. In any other table, columns
    that bear a manifest's names are kept as `user_width` and the like. `given` is the column that says which
    fold a row is in, if that is to be used. A file listed twice with one label counts once; with two labels
    all of its rows are quarantined, because at least one is wrong, unless images have several by `labels` or
    by what the cells hold.
    """
    table = read_table(file)
    places = _Places(file, None if table.holds_images else root)
    aside = {name for name in (group_column, given) if name is not None}
    table, columns = choose_columns(
        file, table, path_column, label_column, places.leads_to_image, labels=labels, aside=aside
    )
    header, rows = table.columns, table.rows
    _require_group_column(file, table, group_column)
    is_manifest = set(COLUMNS) <= set(header)
    asked = group_column is not None
    group_column = group_column or ("group" if "group" in header else None)
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
        *note_folds(rows, further, given),
        *([] if group_column else note_group_columns(rows, further, columns.label)),
        *([] if asked or is_manifest else _note_bound(samples)),
    ]
    judged, sets = judge(samples, labels)
    return Contents(
        tuple(judged), places.root, _words(table, columns, sets), (*notes, *sets.notes), sets.several
    )


def _require_group_column(file: Path, table: Table, column: str | None) -> None:
    if column is not None and table.rows and column not in table.columns:
        raise UsageError(
            f"{file.name} has no column {column!r}, only {', '.join(table.columns)}",
            place="--group-column",
            remedy="Name one of those columns.",
        )


def _words(table: Table, columns: Columns, sets: SetsRead) -> str:
    found = f"{table.kind}, paths in {columns.path!r} and classes in {columns.label!r}"
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
        read = read_folds([row[given] for row in table.rows], given) or {}
        folds = [read.get(row[given].strip(), "") for row in table.rows]
    if not any(folds):
        raise UsageError(
            "names no folds such as train, val and test",
            place=f"--split.given {given}",
            remedy="Name a column that does, or leave it out.",
        )
    return folds


def _name_extras(header: Sequence[str], is_manifest: bool, used: set[str]) -> Mapping[str, str]:
    """Map each further column of the CSV to its name in the manifest."""
    further = [column for column in header if column not in used]
    if is_manifest:
        return {column: column for column in further if column not in COLUMNS}
    names: dict[str, str] = {}
    for column in further:
        name = column
        while name in (*COLUMNS, GIVEN_FOLD) or (name != column and name in header):
            name = f"user_{name}"
        names[column] = name
    return names


class _Places:
    """Where the paths of a table lead: below `root`, as written or under another spelling."""

    def __init__(self, file: Path, root: Path | None) -> None:
        self._base = Path(os.path.abspath(file.parent))  # noqa: PTH100  # resolve() would follow links
        self._asked = root.resolve() if root is not None else None
        self.root = self._asked or self._base.resolve()
        self._finder = Finder(self.root)
        self._found: list[tuple[str, str]] = []

    def locate(self, sample: Sample) -> Sample:
        """The sample with its path below the root, or with what is wrong with it."""
        cell = sample.path
        if not cell or "\0" in cell:
            return replace(sample, status="quarantined", reason="missing: the row names no file")
        written = self._as_written(cell)
        relative = self._find_relative(cell if written is None else written)
        if written is None:
            try:
                found = self._finder.find(cell)
            except AmbiguousNameError as error:
                first, second = map(str, error.args)
                reason = f"ambiguous: {first} and {second} are both called so".replace(";", ",")
                return replace(sample, status="quarantined", reason=reason)
            if found is not None:
                self._found.append((cell, found))
                relative = found
        if relative is None:
            reason = f"{OUTSIDE_ROOT}: the path leads out of the CSV's folder"
            return replace(sample, status="quarantined", reason=reason)
        status, reason = judge_kind(self.root, self.root / relative) or ("ok", "")
        return replace(sample, path=relative, status=status, reason=reason)

    def leads_to_image(self, cell: str) -> bool:
        """Whether a cell leads to one image, as written or by its name."""
        try:
            return bool(cell) and self._finder.find(cell) is not None
        except AmbiguousNameError:
            return False

    def _as_written(self, cell: str) -> str | None:
        """The cell, or with the slashes of this system, whichever is there."""
        for way in dict.fromkeys((cell, cell.replace("\\", "/"))):
            if any(os.path.lexists(base / way) for base in (self.root, self._base)):
                return way
        return None

    def _find_relative(self, cell: str) -> str | None:
        # An absolute path may name the folder as the user does or as it really is.
        bases = (self.root,) if self._asked else (self._base, self.root)
        for base in bases:
            relative = os.path.relpath(os.path.join(base, cell), base)  # noqa: PTH118  # no pathlib twin
            if Path(relative).parts[:1] != (os.pardir,) and (
                not self._asked or os.path.lexists(base / relative)
            ):
                return Path(relative).as_posix()
        if self._asked and os.path.lexists(self._base / cell):
            real = Path(os.path.realpath(self._base / cell))
            if real.is_relative_to(self.root):
                return real.relative_to(self.root).as_posix()
        return None

    def notes(self) -> list[str]:
        """That some paths were found under another spelling."""
        if not self._found:
            return []
        cell, found = self._found[0]
        return [
            f"{len(self._found):,} paths are not there as written, and were found by their names, such as"
            f" {cell!r} as {found!r}."
        ]


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
