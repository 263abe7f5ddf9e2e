"""Files that the user leaves out, by a list: one path a line, or a CSV with a column `path`."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from groupwise.data.file_notes import to_plain
from groupwise.data.manifest import Sample
from groupwise.data.table_text import read_table_text, split_lines
from groupwise.errors import GroupwiseError, UsageError

COLUMN = "path"
CODE = "excluded"
COMMENT = "#"
_SEPARATORS = ",;\t|"
_CELLS = re.compile(f"[{re.escape(_SEPARATORS)}]")
_NAMED = 3  # unknown paths in a message


class Entry(NamedTuple):
    """A path of a list, and the line where it stands."""

    line: int
    path: str


def read_exclusion(file: Path) -> list[Entry]:
    """What `file` lists, in its order, comments among it; raises GroupwiseError where it lists nothing."""
    try:
        lines = split_lines(read_table_text(file))
    except FileNotFoundError:
        raise UsageError("no such file", place=f"--exclude {file}", remedy="Check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise GroupwiseError(
            f"cannot be read as text ({to_plain(error)})",
            place=f"--exclude {file}",
            remedy="Give one path a line, or a CSV with a column `path`, in UTF-8.",
        ) from None
    above = next((i for i, line in enumerate(lines) if line.strip() and not _is_comment(line)), len(lines))
    for mark in _SEPARATORS:
        header = [name.strip() for name in next(csv.reader(lines[above : above + 1], delimiter=mark), [])]
        if COLUMN in header:
            break
    if COLUMN in header:
        rows = csv.reader(lines[above + 1 :], delimiter=mark)
        place = header.index(COLUMN)
        entries = [Entry(above + 1 + rows.line_num, (row[place : place + 1] or [""])[0]) for row in rows]
    else:
        entries = [Entry(number, line.strip()) for number, line in enumerate(lines, start=1)]
    entries = [entry for entry in entries if entry.path]
    if all(_is_comment(entry.path) for entry in entries):
        raise GroupwiseError(
            "names no file", place=f"--exclude {file}", remedy="Tick some, or leave --exclude out."
        )
    return entries


def exclude(samples: Sequence[Sample], file: Path, root: Path) -> list[Sample]:
    """The samples, those that `file` lists as ignored; raises GroupwiseError for paths that are not there.

    What follows a `#` is a comment, unless a file is called so.
    """
    known = {sample.path for sample in samples}
    found = [(entry, _find(entry.path, known, root)) for entry in read_exclusion(file)]
    unknown = [entry for entry, path in found if path is None and not _is_comment(entry.path)]
    if unknown:
        several = len(unknown) > 1
        named = ", ".join(f"{entry.path!r} (line {entry.line})" for entry in unknown[:_NAMED])
        listed = len(unknown) + sum(path is not None for _, path in found)
        if any(piece.strip() in known for entry in unknown for piece in re.split(_CELLS, entry.path)):
            raise GroupwiseError(
                f"is a table without a column `{COLUMN}`: its first line is {unknown[0].path!r}",
                place=f"--exclude {file}",
                remedy=f"Call the column of the files `{COLUMN}`, or give one path a line and no more.",
            )
        raise GroupwiseError(
            f"{len(unknown):,} of its {listed:,} paths {'are' if several else 'is'} not among"
            f" the data: {named}{', ...' if len(unknown) > _NAMED else ''}",
            place=f"--exclude {file}",
            remedy=f"Paths are relative to {root}, as `groupwise scan --out` lists them. Mend"
            f" {'those lines' if several else 'that line'}, or begin {'them' if several else 'it'} with #.",
        )
    wanted = {path for _, path in found}
    reason = f"{CODE}: left out by {to_plain(file.name)}"
    return [
        replace(sample, status="ignored", reason=reason) if sample.path in wanted else sample
        for sample in samples
    ]


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(COMMENT)


def _find(text: str, known: Collection[str], root: Path) -> str | None:
    """The file that a line names, as it stands, without a comment behind it, or with other slashes."""
    for way in (text, text.partition(f" {COMMENT}")[0].rstrip()):
        for spelt in (way, way.replace("\\", "/")):
            if (path := _below(spelt, root)) in known:
                return path
    return None


def _below(path: str, root: Path) -> str:
    """The path relative to `root`, where it is absolute and lies below."""
    absolute = Path(path)
    if absolute.is_absolute() and absolute.is_relative_to(root):
        return absolute.relative_to(root).as_posix()
    return path.removeprefix("./")
