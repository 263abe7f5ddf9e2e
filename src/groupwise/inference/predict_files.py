"""Answers for files, folders and lists, as lines on the terminal or rows of a CSV file."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from groupwise.console import Console
from groupwise.data.inputs import image_files
from groupwise.data.split import EXCLUDED
from groupwise.errors import GroupwiseError
from groupwise.inference.stream import OnBad, Prediction
from groupwise.inference.table import PredictionTable, open_table
from groupwise.inference.text import answer_line
from groupwise.runs.files import TEST
from groupwise.runs.run import LEDGER, Run
from groupwise.text import count


class Streams(Protocol):
    """What answers a stream of files: the predictor of a run or of a bundle."""

    @property
    def classes(self) -> tuple[str, ...]: ...
    def stream(self, paths: Iterable[str | Path], *, on_bad: OnBad | None = None) -> Iterator[Prediction]: ...


def known_files(folder: Path) -> frozenset[str]:
    """The SHA-256 of what taught the networks of a run, or chose their epoch; none of a bundle."""
    if not (folder / LEDGER).is_file():
        return frozenset()
    run = Run.open(folder)
    digests = {sample.path: sample.sha256 for sample in run.manifest().usable}
    unknown = {EXCLUDED} if run.is_ensemble else {EXCLUDED, TEST}
    return frozenset(digests[row.path] for row in run.split().rows if row.fold not in unknown)


class Remarks:
    """What is to be said of the files that were answered, once all are.

    How many of them taught the network, because how it does on those says little: their SHA-256 is `known`.
    And what `scan` would remark of them.
    """

    def __init__(self, known: Set[str]) -> None:
        self._known = known
        self._files = self._taught = 0
        self._noted: dict[str, list[str]] = defaultdict(list)

    def add(self, prediction: Prediction) -> None:
        """Take one answer in."""
        self._files += 1
        self._taught += prediction.sha256 in self._known
        for code, words in prediction.remarks:
            self._noted[code].append(f"{prediction.path}: {words}")

    def tell(self, console: Console) -> None:
        """Say of each remark how many files it is about, with the first of them, then how many taught."""
        for code, told in self._noted.items():
            more = f" (and {len(told) - 1:,} more)" if len(told) > 1 else ""
            console.warn(f"{code}: {told[0]}{more}")
        if self._taught:
            print(
                f"{self._taught:,} of these {self._files:,} files taught the network or chose its epoch: it"
                " may know them by heart, and how it does on them says nothing of new ones.",
                file=sys.stderr,  # apart from the answers, which programs read
            )


def predict_files(
    predictor: Streams,
    named: Sequence[str],
    console: Console,
    *,
    csv: Path | None,
    model: str,
    resume: bool,
    known: Set[str] = frozenset(),
) -> None:
    """Answer every image file; raises `GroupwiseError` at the end if some could not be read.

    With `csv` the answers go into that file as they come, `model` beside it, and with `resume` those that are
    there are passed over. However many files there are, few images are in memory at a time. Of `known` see
    `Remarks`.
    """
    bad, remarks = 0, Remarks(known)

    def tell(error: GroupwiseError) -> None:
        nonlocal bad
        bad += 1
        console.warn(str(error))
        if table:
            table.write_error(error)

    found = image_files(named)
    with ExitStack() as stack:
        table = stack.enter_context(open_table(csv, predictor.classes, model, resume=resume)) if csv else None
        paths = (path for path in found if table is None or path not in table.done)
        move = stack.enter_context(console.progress("Predicting")) if table else None
        start = time.perf_counter()
        n = 0
        try:
            for n, prediction in enumerate(predictor.stream(paths, on_bad=tell), start=1):
                _put(prediction, table, console, move, n)
                remarks.add(prediction)
        except KeyboardInterrupt as stopped:
            kept = f": {table.rows:,} answers are in {csv}; go on with --resume" if table else ""
            raise type(stopped)(f"Stopped{kept}.") from None
        speed = n / (time.perf_counter() - start)
    remarks.tell(console)
    if csv:
        console.say(f"Predicted {count(n, 'image')}, {speed:.1f} a second: {csv}")
    if bad:
        raise GroupwiseError(
            f"{bad:,} of {n + bad:,} files could not be read",
            place="predict",
            remedy="They are named above" + ("; the others were predicted." if n else "."),
        )


def _put(
    prediction: Prediction,
    table: PredictionTable | None,
    console: Console,
    move: Callable[[int, int | None], None] | None,
    n: int,
) -> None:
    if table is not None and move is not None:
        table.write(prediction)
        move(n, None)
        return
    console.say(f"{prediction.path}: {answer_line(prediction.answer)}")
