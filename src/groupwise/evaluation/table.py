"""Turns predictions into rows of a CSV file as they come, and goes on with a file left unfinished."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from groupwise.errors import GroupwiseError, UsageError
from groupwise.evaluation.answer_words import answer_cells, answer_header
from groupwise.evaluation.answering import Prediction


class PredictionTable:
    """An open CSV file; `done` are the paths whose rows were in it already."""

    def __init__(self, file: IO[str], done: set[str]) -> None:
        self.done = done
        self._file = file
        self._rows = csv.writer(file, lineterminator="\n")

    def write(self, prediction: Prediction) -> None:
        """Append one row, and hand it to the operating system at once."""
        self._rows.writerow((prediction.path, *answer_cells(prediction.answer)))
        self._file.flush()


@contextmanager
def open_table(path: Path, classes: Sequence[str], *, resume: bool = False) -> Iterator[PredictionTable]:
    """Create the file, or with `resume` go on behind its last whole row.

    What a crash left of a row is cut off. The paths of the rows that are there are kept in memory, about 150
    bytes each. Raises `UsageError` for a file that is there without `resume`, and `GroupwiseError` for one
    with other columns.
    """
    header = ["path", *answer_header(classes)]
    if path.exists() and not resume:
        raise UsageError(
            "is there already", place=path, remedy="Add --resume to go on with it, or give another name."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name that is not UTF-8 keeps its bytes.
    with path.open("a+", newline="", encoding="utf-8", errors="surrogateescape") as file:
        file.truncate(_whole_bytes(path))
        file.seek(0)
        rows = csv.reader(file)
        found = next(rows, None)
        if found not in (None, header):
            raise GroupwiseError(
                f"its columns are not those of this model ({', '.join(header)})",
                place=path,
                remedy="Give the file that the same model was writing, or another name.",
            )
        table = PredictionTable(file, {row[0] for row in rows})
        if found is None:
            table._rows.writerow(header)
        yield table


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
