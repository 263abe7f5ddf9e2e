"""Streams of answers for streams of image files: threads decode ahead while the network computes."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from groupwise.data.cache import Images, Picture, load_picture
from groupwise.data.decode import Preprocessing
from groupwise.data.file_notes import Note
from groupwise.errors import GroupwiseError
from groupwise.inference.decision import ClassPrediction

BATCH_SIZE = 64
AHEAD = 2 * BATCH_SIZE  # images decoded before the network asks for them

OnBad = Callable[[GroupwiseError], None]


@dataclass(frozen=True)
class Prediction:
    """The answer to one image file, with what `scan` would remark of the file, and the SHA-256 of it."""

    path: str
    answer: ClassPrediction
    remarks: tuple[Note, ...] = ()
    sha256: str = ""

    @property
    def label(self) -> str:
        """The most probable class."""
        return self.answer.label

    @property
    def probability(self) -> float:
        """The probability of that class."""
        return self.answer.probability

    @property
    def probabilities(self) -> Mapping[str, float]:
        """The probability of every class."""
        return self.answer.probabilities


def stream_predictions(
    paths: Iterable[str | Path],
    answer_images: Callable[[Images], list[ClassPrediction]],
    preprocessing: Preprocessing,
    *,
    on_bad: OnBad | None = None,
    batch_size: int = BATCH_SIZE,
) -> Iterator[Prediction]:
    """Answer image files in order, whatever their number: at most `AHEAD` and a batch are in memory.

    With `on_bad`, a file that cannot be read is told to it and left out, and the rest goes on; without,
    `GroupwiseError` is raised. Its place is the path as it was given, and so is that of an answer.
    """
    images = _decode_ahead(map(str, paths), preprocessing, on_bad)
    while batch := tuple(islice(images, batch_size)):
        answers = answer_images(np.stack([picture.pixels for _, picture in batch]))
        for (path, picture), answer in zip(batch, answers, strict=True):
            yield Prediction(path, answer, picture.remarks, picture.sha256)


def _decode_ahead(
    paths: Iterator[str], preprocessing: Preprocessing, on_bad: OnBad | None
) -> Iterator[tuple[str, Picture]]:
    waiting: deque[tuple[str, Future[Picture]]] = deque()
    # Pillow lets go of the interpreter lock while it decodes, so threads are enough.
    pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="decode")
    try:
        while True:
            for path in islice(paths, AHEAD - len(waiting)):
                waiting.append((path, pool.submit(load_picture, Path(path), preprocessing)))
            if not waiting:
                return
            path, picture = waiting.popleft()
            try:
                decoded = picture.result()
            except GroupwiseError as error:
                error.move_to(path)  # it may name the archive, or the path without what is idle in it
                if on_bad is None:
                    raise
                on_bad(error)
                continue
            yield path, decoded
    finally:
        pool.shutdown(cancel_futures=True)
