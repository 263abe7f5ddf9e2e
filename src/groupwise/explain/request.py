"""What was asked of `groupwise explain`, as files and a class, before torch is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from groupwise.data.cache import Images, load_image
from groupwise.data.decode import Preprocessing
from groupwise.data.inputs import image_files
from groupwise.data.split import Assignment
from groupwise.errors import GroupwiseError, UsageError
from groupwise.evaluation.predictions import read_predictions
from groupwise.inference.stream import OnBad
from groupwise.runs.run import Run

MOST_WRONG = 12


@dataclass(frozen=True)
class Asked:
    """An image file to explain: as it was named, where it lies, and its class where that is known."""

    name: str
    file: Path
    truth: str | None = None


def asked_images(run: Run, named: Sequence[str]) -> Iterator[Asked]:
    """The image files that are named, as by `image_files`; without names the most wrong of the test fold."""
    if named:
        yield from (Asked(name, Path(name)) for name in image_files(named))
        return
    root = data_root(run)
    yield from (Asked(row.path, root / row.path, row.label) for row in most_wrong(run))


def load_asked(
    asked: Iterable[Asked], preprocessing: Preprocessing, on_bad: OnBad
) -> Iterator[tuple[Asked, Images]]:
    """Each with its pixels (S, S, 3), but for those that cannot be read, which are told to `on_bad`."""
    for one in asked:
        try:
            image = load_image(one.file, preprocessing)
        except GroupwiseError as error:
            on_bad(error)
            continue
        yield one, image


def most_wrong(run: Run, fold: str = "test") -> list[Assignment]:
    """The misclassified images of a fold to whose own class the network gave the least probability."""
    predictions = read_predictions(run.require("predictions.csv")).of_fold(fold)
    own = predictions.labels
    probs = predictions.probs[np.arange(len(own)), own]
    wrong = np.flatnonzero(predictions.probs.argmax(axis=1) != own)
    return [predictions.rows[i] for i in wrong[np.argsort(probs[wrong], kind="stable")][:MOST_WRONG]]


def data_root(run: Run) -> Path:
    """Where the run's images lay when it was trained."""
    return run.manifest().root


def refuse_unknown_class(run: Run, class_name: str) -> None:
    """Raise `UsageError` for a class that the run does not tell apart."""
    classes = run.split().classes
    if class_name not in classes:
        raise UsageError(
            f"no class {class_name!r}", place="--class", remedy=f"Choose one of {', '.join(classes)}."
        )
