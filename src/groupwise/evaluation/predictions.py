"""`predictions.csv` as the rows, classes and probabilities it was written from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from groupwise.data.split import Assignment
from groupwise.data.targets import Targets, refuse_sets
from groupwise.errors import GroupwiseError
from groupwise.files import read_csv
from groupwise.stats.arrays import Floats, Ints, Mask

PROBABILITY = "prob_"  # begins the names of the columns that hold probabilities


@dataclass(frozen=True, eq=False)
class Predictions:
    """Rows of a split with the class probabilities (N, K) that a model gave for them.

    `predicted` are its answers as they were written, a class or a set of labels each; empty where they were
    not.
    """

    rows: tuple[Assignment, ...]
    classes: tuple[str, ...]
    probs: Floats
    predicted: tuple[str, ...] = ()

    @property
    def labels(self) -> Ints:
        """The class number of each row, (N,); raises `UsageError` where images have sets of labels."""
        refuse_sets((row.label for row in self.rows), "this command")
        return np.array([self.classes.index(row.label) for row in self.rows], dtype=np.int64)

    @property
    def targets(self) -> Targets:
        """What each row is to be called."""
        return Targets.of([row.label for row in self.rows], self.classes)

    @property
    def given(self) -> Mask:
        """Which labels each image was given, (N, K)."""
        return Targets.of(self.predicted, self.classes).members.astype(bool)

    @property
    def right(self) -> Mask:
        """Whether each row was given its label, (N,): its most probable class, or exactly its set."""
        if self.targets.several:
            return np.asarray((self.given == self.targets.members).all(axis=1))
        return np.asarray(self.probs.argmax(axis=1) == self.labels)

    def of_fold(self, fold: str) -> Predictions:
        """Those of one fold."""
        chosen = [i for i, row in enumerate(self.rows) if row.fold == fold]
        predicted = tuple(self.predicted[i] for i in chosen) if self.predicted else ()
        return Predictions(tuple(self.rows[i] for i in chosen), self.classes, self.probs[chosen], predicted)


def read_predictions(path: Path) -> Predictions:
    """Read a `predictions.csv`; raises `GroupwiseError` for a file that is none."""
    table = read_csv(path, (*Assignment._fields, "predicted"))
    columns = [name for name in (table[0] if table else ()) if name.startswith(PROBABILITY)]
    try:
        probs = [[float(row[name]) for name in columns] for row in table]
        rows = [
            Assignment(row["path"], row["label"], row["group"], int(row["cluster"]), row["fold"])
            for row in table
        ]
    except ValueError as error:
        raise GroupwiseError(
            f"not a number ({error})", place=path, remedy="Run `groupwise evaluate` again."
        ) from None
    classes = tuple(name.removeprefix(PROBABILITY) for name in columns)
    predicted = tuple(row["predicted"] for row in table)
    return Predictions(tuple(rows), classes, np.array(probs).reshape(len(rows), len(classes)), predicted)
