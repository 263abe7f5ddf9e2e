"""What was asked of `groupwise explain`, as files and a class, before torch is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from groupwise.data.cache import Images, load_image
from groupwise.data.decode import Preprocessing
from groupwise.data.inputs import image_files
from groupwise.errors import GroupwiseError, UsageError
from groupwise.evaluation.predictions import read_predictions
from groupwise.inference.stream import OnBad
from groupwise.runs.run import Run

MOST_WRONG = 12


@dataclass(frozen=True)
class Asked:
    """An image file to explain: as it was named, where it lies, and its class where that is known.

    `shown` is the class that the heat is for, None for the most probable one.
    """

    name: str
    file: Path
    truth: str | None = None
    shown: str | None = None


def asked_images(run: Run, named: Sequence[str]) -> Iterator[Asked]:
    """The image files that are named, as by `image_files`; without names the most wrong of the test fold."""
    if named:
        yield from (Asked(name, Path(name)) for name in image_files(named))
        return
    yield from most_wrong(run)


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


def most_wrong(run: Run, fold: str = "test") -> list[Asked]:
    """The images of a fold that were given a wrong answer, the one of least probability first.

    With several labels an image that is the least probability of what is true of a label that was wrongly
    given or left out, and that label is shown. Raises `UsageError` for a run that has no image of the fold.
    """
    if run.is_refit or run.is_ensemble:
        _refuse_unnamed(run)
    predictions = read_predictions(run.require("predictions.csv")).of_fold(fold)
    if not predictions.rows:
        raise UsageError(
            f"has no answers to images of its {fold} fold",
            place=run.folder,
            remedy="Name the images to explain.",
        )
    if predictions.targets.several:
        members = predictions.targets.members.astype(bool)
        of_truth = np.where(members, predictions.probs, 1 - predictions.probs)
        of_truth[predictions.given == members] = np.inf
        worst = of_truth.argmin(axis=1)
        own = of_truth.min(axis=1)
        shown = [predictions.classes[k] for k in worst]
    else:
        own = predictions.probs[np.arange(len(predictions.rows)), predictions.labels]
        shown = [None] * len(own)
    root = data_root(run)
    wrong = np.flatnonzero(~predictions.right)
    chosen = wrong[np.argsort(own[wrong], kind="stable")][:MOST_WRONG]
    rows = predictions.rows
    return [Asked(rows[i].path, root / rows[i].path, rows[i].label, shown[i]) for i in chosen]


def _refuse_unnamed(run: Run) -> None:
    """Raise `UsageError` for a run whose network has learnt from every image."""
    other = f"the run that was measured, {run.folder.parent}"
    if run.is_ensemble:
        other = f"one of its models, such as {run.path(run.ledger['members'][0])}"
    raise UsageError(
        "has learnt from every image, so that none was kept as a test",
        place=run.folder,
        remedy=f"Name the images to explain after it, or explain {other}.",
    )


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
