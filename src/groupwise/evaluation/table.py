"""Turns predictions into rows of a CSV file as they come, and goes on with a file that was left unfinished.

The columns: `path,predicted,decided,abstain,unlike,prediction_set`, then `prob_<class>` for each class.
`prediction_set` is a JSON list; a cell is empty where nothing can be said.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from groupwise.errors import GroupwiseError, UsageError
from groupwise.evaluation.answering import Prediction
from groupwise.evaluation.predictions import PROBABILITY

COLUMNS = ("path", "predicted", "decided", "abstain", "unlike", "prediction_set")


class PredictionTable:
    """An open CSV file; `done` are the paths whose rows were in it already."""

    def __init__(self, file: IO[str], done: set[str]) -> None:
        self.done = done
        self._file = file
        self._rows = csv.writer(file, lineterminator="\n")

    def write(self, prediction: Prediction) -> None:
        """Append one row, and hand it to the operating system at once."""
        self._rows.writerow(row_of(prediction))
        self._file.flush()


def row_of(prediction: Prediction) -> list[object]:
    """The cells of one prediction, in the order of the columns."""
    answer = prediction.answer
    given = answer.prediction_set
    named = "" if given is None else json.dumps(given, ensure_ascii=False)
    unlike = "" if answer.unlike is None else answer.unlike
    head = [prediction.path, answer.label, answer.decided, answer.abstain, unlike, named]
    return [*head, *map(repr, answer.probabilities.values())]


@contextmanager
def open_table(path: Path, classes: Sequence[str], *, resume: bool = False) -> Iterator[PredictionTable]:
    """Create the file, or with `resume` go on behind its last whole row.

    What a crash left of a row is cut off. The paths of the rows that are there are kept in memory, about 150
    bytes each. Raises `UsageError` for a file that is there without `resume`, and `GroupwiseError` for one
    with other columns.
    """
    header = [*COLUMNS, *(f"{PROBABILITY}{name}" for name in classes)]
    if path.exists() and not resume:
        raise UsageError(
            "is there already", place=path, remedy="Add --resume to go on with it, or give another name."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", newline="", encoding="utf-8") as file:
        file.seek(0)
        file.truncate(_whole_bytes(file))
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


def _whole_bytes(file: IO[str]) -> int:
    """How many bytes its whole rows take: up to the last line end that stands outside quotes."""
    whole = read = quotes = 0
    for line in file:
        read += len(line.encode())
        quotes += line.count('"')
        if line.endswith("\n") and quotes % 2 == 0:
            whole = read
    return whole
