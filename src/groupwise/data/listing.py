"""Reads the user's CSV of paths and labels into one sample a row, and judges the rows among themselves."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from groupwise.data.manifest import COLUMNS, Sample
from groupwise.data.walk import judge_kind
from groupwise.errors import GroupwiseError, UsageError
from groupwise.files import read_csv

OUTSIDE_ROOT = "outside-root"


def read_listing(
    file: Path, *, path_column: str = "path", label_column: str = "label", group_column: str | None = None
) -> list[Sample]:
    """Return one sample a row, in the order of the rows, paths relative to the CSV's folder.

    A manifest is such a CSV too: what `scan` measured is measured again, but a row whose status is `ignored`
    stays so, and its column `group` is used where no other is named. In any other CSV, columns that bear a
    manifest's names are kept as `user_width` and the like. A file listed twice with one label counts once;
    with two labels all of its rows are quarantined, because at least one is wrong.
    """
    rows = _read_rows(file, path_column, label_column)
    header = list(rows[0]) if rows else []
    if group_column is not None and rows and group_column not in header:
        raise UsageError(
            f"{file.name} has no column {group_column!r}, only {', '.join(header)}",
            place="--group-column",
            remedy="Name one of those columns.",
        )
    is_manifest = set(COLUMNS) <= set(header)
    group_column = group_column or ("group" if "group" in header else None)
    used = {path_column, label_column} | ({"group"} if group_column == "group" else set())
    names = _name_extras(header, is_manifest, used)
    base = Path(os.path.abspath(file.parent))  # noqa: PTH100  # resolve() would follow links
    samples = []
    for row in rows:
        extra = {name: row[column] for column, name in names.items()}
        group = row[group_column] if group_column else ""
        sample = _judge_path(base, Sample(row[path_column], row[label_column], group, extra=extra))
        if is_manifest and row["status"] == "ignored":
            sample = replace(
                sample, status="ignored", reason=row["reason"] or "by-user: ignored in the manifest"
            )
        samples.append(sample)
    return _judge_repeats(samples)


def _read_rows(file: Path, path_column: str, label_column: str) -> list[dict[str, str]]:
    try:
        return read_csv(file, (path_column, label_column))
    except OSError as error:
        raise GroupwiseError(
            f"the file cannot be read ({error.strerror})", place=file, remedy="Check its permissions."
        ) from None


def _name_extras(header: Sequence[str], is_manifest: bool, used: set[str]) -> Mapping[str, str]:
    """Map each further column of the CSV to its name in the manifest."""
    further = [column for column in header if column not in used]
    if is_manifest:
        return {column: column for column in further if column not in COLUMNS}
    names: dict[str, str] = {}
    for column in further:
        name = column
        while name in COLUMNS or (name != column and name in header):
            name = f"user_{name}"
        names[column] = name
    return names


def _judge_path(base: Path, sample: Sample) -> Sample:
    cell = sample.path
    if not cell or "\0" in cell:
        return replace(sample, status="quarantined", reason="missing: the row names no file")
    from_windows = cell.replace("\\", "/")
    if not os.path.lexists(base / cell) and os.path.lexists(base / from_windows):
        cell = from_windows
    relative = _find_relative(base, cell)
    if relative is None:
        reason = f"{OUTSIDE_ROOT}: the path leads out of the CSV's folder"
        return replace(sample, status="quarantined", reason=reason)
    status, reason = judge_kind(base.resolve(), base.resolve() / relative) or ("ok", "")
    return replace(sample, path=relative, status=status, reason=reason)


def _find_relative(base: Path, cell: str) -> str | None:
    # An absolute path may name the folder as the user does or as it really is.
    for root in (base, base.resolve()):
        relative = os.path.relpath(os.path.join(root, cell), root)  # noqa: PTH118  # no pathlib twin of relpath
        if Path(relative).parts[:1] != (os.pardir,):
            return Path(relative).as_posix()
    return None


def _judge_repeats(samples: list[Sample]) -> list[Sample]:
    labels: dict[str, set[str]] = defaultdict(set)
    for sample in samples:
        if sample.status == "ok":
            labels[sample.path].add(sample.label)
    seen: set[str] = set()
    return [_judge_repeat(sample, labels[sample.path], seen) for sample in samples]


def _judge_repeat(sample: Sample, labels: set[str], seen: set[str]) -> Sample:
    if sample.status != "ok":
        return sample
    if len(labels) > 1:
        reason = f"two-labels: listed as {', '.join(map(repr, sorted(labels)))}".replace(";", ",")
        return replace(sample, status="quarantined", reason=reason)
    if sample.path in seen:
        return replace(sample, status="ignored", reason="listed-twice: an earlier row names the same file")
    seen.add(sample.path)
    return sample
