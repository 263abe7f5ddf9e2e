"""Rows of a CSV file for predictions as they come, which goes on with a file left unfinished."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import IO

from groupwise.errors import GroupwiseError, UsageError
from groupwise.files import PARTIAL, read_json, write_json, write_rows
from groupwise.inference.stream import Prediction
from groupwise.inference.text import answer_cells, answer_header

MARKER = ".model.json"


class PredictionTable:
    """An open CSV file; `done` are the paths whose answers were in it already.

    `rows` is how many rows it has now.
    """

    def __init__(self, file: IO[str], done: set[str], width: int) -> None:
        self.done = done
        self.rows = len(done)
        self._file = file
        self._width = width

    def write(self, prediction: Prediction) -> None:
        """Append one row, and hand it to the operating system at once."""
        self._append((prediction.path, *answer_cells(prediction.answer), ""))

    def write_error(self, error: GroupwiseError) -> None:
        """Append the row of a file that could not be read, whose answer is empty."""
        self._append((error.place, *[""] * (self._width - 2), str(error)))

    def _append(self, row: tuple[str, ...]) -> None:
        write_rows(self._file, [row])
        self._file.flush()
        self.rows += 1


@contextmanager
def open_table(
    path: Path, classes: Sequence[str], model: str, *, resume: bool = False
) -> Iterator[PredictionTable]:
    """Create the file, or with `resume` go on behind its last whole row.

    `model` names the network and its decision; it is kept beside the file, so that no other goes on with it.
    What a crash left of a row is cut off, and so are the rows of files that could not be read, which are to
    be tried again. The paths of the others are kept in memory, about 150 bytes each. Raises `UsageError` for
    a file that is there without `resume`, and `GroupwiseError` for one with other columns or of another
    model.
    """
    header = ["path", *answer_header(classes), "error"]
    if path.exists() and not resume:
        raise UsageError(
            "is there already", place=path, remedy="Add --resume to go on with it, or give another name."
        )
    marker = path.with_name(path.name + MARKER)
    if path.exists():
        _refuse_others(path, header, marker, model)
    write_json(marker, {"model": model})  # first, so that no row is ever without it
    with _open(path, "a+") as file:
        file.truncate(_whole_bytes(path))
    _drop_errors(path)
    with _open(path, "a+") as file:
        file.seek(0)
        rows = csv.reader(file)
        found = next(rows, None)
        table = PredictionTable(file, {row[0] for row in rows}, len(header))
        if found is None:
            write_rows(file, [header])
        yield table


def _drop_errors(path: Path) -> None:
    """Write the file anew without the rows that hold an error, where there are any."""
    with _open(path, "r") as file:
        if not any(row[-1] for row in islice(csv.reader(file), 1, None)):
            return
    kept = path.with_name(f".{path.name}{PARTIAL}")
    with _open(path, "r") as file, _open(kept, "w") as new:
        rows = csv.reader(file)
        write_rows(new, chain([next(rows)], (row for row in rows if not row[-1])))
    kept.replace(path)


def _refuse_others(path: Path, header: list[str], marker: Path, model: str) -> None:
    """Raise `GroupwiseError` for a file with other columns, or whose rows another model wrote."""
    remedy = "Give the file that the same model was writing, or another name."
    with _open(path, "r") as file:
        found = next(csv.reader(file), None) if _whole_bytes(path) else None
    if found not in (None, header):
        raise GroupwiseError(
            f"its columns are not those of this model ({', '.join(header)})", place=path, remedy=remedy
        )
    if found and not (marker.is_file() and read_json(marker) == {"model": model}):
        raise GroupwiseError(
            f"its answers are of another model or another decision, by {marker.name}"
            if marker.is_file()
            else f"{marker.name}, which names the model of its answers, is missing",
            place=path,
            remedy=remedy,
        )


def _open(path: Path, mode: str) -> IO[str]:
    # A name that is not UTF-8 keeps its bytes.
    return path.open(mode, newline="", encoding="utf-8", errors="surrogateescape")


def _whole_bytes(path: Path) -> int:
    """How many bytes its whole rows take: up to the last line end that stands outside quotes."""
    whole = read = quotes = 0
    with path.open("rb") as file:
        for line in file:
            read += len(line)
            quotes += line.count(b'"')
            if line.endswith(b"\n") and quotes % 2 == 0:
                whole = read
    return whole
