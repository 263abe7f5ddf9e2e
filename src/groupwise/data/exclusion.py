"""Files that the user leaves out, by a list: one path a line, or a CSV with a column `path`."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from groupwise.data.file_notes import to_plain
from groupwise.data.manifest import Sample
from groupwise.errors import GroupwiseError
from groupwise.files import read_csv

COLUMN = "path"
CODE = "excluded"
_NAMED = 3  # unknown paths in a message


def read_exclusion(file: Path) -> list[str]:
    """The paths that `file` lists, in its order; raises GroupwiseError where it lists none."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise GroupwiseError("no such file", place=f"--exclude {file}", remedy="Check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise GroupwiseError(
            f"cannot be read as text ({to_plain(error)})",
            place=f"--exclude {file}",
            remedy="Give one path a line, or a CSV with a column `path`, in UTF-8.",
        ) from None
    header = next(csv.reader(lines[:1]), [])
    if COLUMN in header:
        paths = [row[COLUMN] for row in read_csv(file, (COLUMN,))]
    else:
        paths = [line.strip() for line in lines]
    paths = [path for path in paths if path]
    if not paths:
        raise GroupwiseError(
            "names no file", place=f"--exclude {file}", remedy="Tick some, or leave --exclude out."
        )
    return paths


def exclude(samples: Sequence[Sample], file: Path, root: Path) -> list[Sample]:
    """The samples, those that `file` lists as ignored; raises GroupwiseError for paths that are not there."""
    wanted = {_below(path, root) for path in read_exclusion(file)}
    unknown = sorted(wanted - {sample.path for sample in samples})
    if unknown:
        named = ", ".join(map(repr, unknown[:_NAMED])) + (", ..." if len(unknown) > _NAMED else "")
        raise GroupwiseError(
            f"{len(unknown):,} of its {len(wanted):,} paths {'are' if len(unknown) > 1 else 'is'} not among"
            f" the data: {named}",
            place=f"--exclude {file}",
            remedy=f"Paths are relative to {root}, as `groupwise scan --out` lists them.",
        )
    reason = f"{CODE}: left out by {to_plain(file.name)}"
    return [
        replace(sample, status="ignored", reason=reason) if sample.path in wanted else sample
        for sample in samples
    ]


def _below(path: str, root: Path) -> str:
    """The path relative to `root`, where it is absolute and lies below."""
    absolute = Path(path)
    if absolute.is_absolute() and absolute.is_relative_to(root):
        return absolute.relative_to(root).as_posix()
    return path.removeprefix("./")
