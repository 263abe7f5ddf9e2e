"""Turns images and a run into explanations: where each answer comes from, and the nearest training images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from groupwise.data.cache import load_image
from groupwise.data.manifest import read_manifest
from groupwise.data.split import Assignment, read_split
from groupwise.errors import UsageError
from groupwise.evaluation.decide import reference_rows
from groupwise.evaluation.decision import Answer
from groupwise.evaluation.ensemble import networks_of
from groupwise.evaluation.predict import Predictor, predict_outputs
from groupwise.evaluation.predictions import read_predictions
from groupwise.explanation.cam import Method, heat_maps
from groupwise.explanation.groups import filter_sheet, group_maps, group_sheet
from groupwise.explanation.heat import Floats, border_share, is_coarse
from groupwise.explanation.overlay import Pixels, png
from groupwise.files import write_atomic
from groupwise.recipe import read_recipe
from groupwise.run import Run

NEAREST = 6
MOST_WRONG = 12
# An even map has 36 % of its heat on the border; half of it there is a background more than an object.
MUCH_ON_BORDER = 0.5


@dataclass(frozen=True)
class Neighbour:
    """A training image, and its cosine similarity to the image in question."""

    path: str
    label: str
    similarity: float


@dataclass(frozen=True)
class Explanation:
    """One image, uint8 (S, S, 3), its answer, the class that is shown, and the heat (h, w) for it."""

    path: str
    image: Pixels
    answer: Answer
    shown: str
    heat: Floats
    nearest: tuple[Neighbour, ...]

    @property
    def border(self) -> float | None:
        """The share of the heat in the outer tenth of the image; None where the map is too coarse to tell."""
        return None if is_coarse(self.heat.shape) else border_share(self.heat)

    @property
    def caution(self) -> str | None:
        """What to look for where much of the heat lies on the border, or the map is too coarse."""
        if self.border is None:
            cells = "x".join(map(str, self.heat.shape))
            return f"only {cells} cells: the map is too coarse to say where, an earlier --stage has more"
        if self.border <= MUCH_ON_BORDER:
            return None
        return f"{self.border:.0%} of the heat lies on the border: the background may give the class away"


def explain_images(
    run: Run,
    predictor: Predictor,
    files: Sequence[Path],
    *,
    class_name: str | None = None,
    stage: str | None = None,
    method: Method = "gradcam",
) -> list[Explanation]:
    """Explain each file, for its most probable class or for `class_name`.

    Raises `UsageError` for an unknown class or stage, and `GroupwiseError` for a file that is no image.
    """
    if class_name is not None and class_name not in predictor.classes:
        raise UsageError(
            f"no class {class_name!r}",
            place="--class",
            remedy=f"Choose one of {', '.join(predictor.classes)}.",
        )
    images = np.stack([load_image(file, predictor.preprocessing) for file in files])
    outputs = predict_outputs(predictor.model, images, predictor.preprocessing)
    answers = predictor.decision.answers(*outputs, predictor.reference)
    shown = [class_name or answer.label for answer in answers]
    numbers = [predictor.classes.index(name) for name in shown]
    inputs = predictor.preprocessing.normalise(images)
    heat = np.mean(
        [heat_maps(net, inputs, numbers, stage=stage, method=method) for net in networks_of(predictor.model)],
        axis=0,
    )
    nearest = nearest_training_images(run, predictor, outputs.features)
    return [
        Explanation(str(file), *parts)
        for file, *parts in zip(files, images, answers, shown, heat, nearest, strict=True)
    ]


def nearest_training_images(run: Run, predictor: Predictor, features: Floats) -> list[tuple[Neighbour, ...]]:
    """The training images most like each row of features (N, C), by cosine, among those of the reference.

    None where the run keeps no reference, such as one that chose its epoch on the test fold.
    """
    if predictor.reference is None:
        return [()] * len(features)
    split = read_split(run.require("split.csv"))
    rows = reference_rows(split, read_recipe(run.require("recipe.yaml"))["seed"])
    assert len(rows) == len(predictor.reference)
    similarity = _unit(features) @ _unit(predictor.reference).T
    return [
        tuple(
            Neighbour(split.rows[rows[i]].path, split.rows[rows[i]].label, float(line[i]))
            for i in np.argsort(-line, kind="stable")[:NEAREST]
        )
        for line in similarity
    ]


def _unit(features: Floats) -> Floats:
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.where(lengths > 0, lengths, 1)


def write_groups(predictor: Predictor, files: Sequence[Path], block: str, folder: Path) -> list[Path]:
    """Write a sheet of each image's maps in `block` by group, and one of the first layer's filters.

    Of an ensemble the first member is shown. Raises as `group_maps` does.
    """
    net = networks_of(predictor.model)[0]
    sheets = {"filters.png": filter_sheet(net)}
    for file in files:
        image = load_image(file, predictor.preprocessing)[None]
        maps = group_maps(net, predictor.preprocessing.normalise(image)[0], block)
        sheets[f"{file.stem}-{block}.png"] = group_sheet(maps)
    for name, drawn in sheets.items():
        write_atomic(folder / name, png(drawn))
    return [folder / name for name in sheets]


def most_wrong(run: Run, fold: str = "test") -> list[Assignment]:
    """The misclassified images of a fold to whose own class the network gave the least probability."""
    predictions = read_predictions(run.require("predictions.csv")).of_fold(fold)
    own = [predictions.classes.index(row.label) for row in predictions.rows]
    probs = predictions.probs[np.arange(len(own)), own]
    wrong = np.flatnonzero(predictions.probs.argmax(axis=1) != own)
    return [predictions.rows[i] for i in wrong[np.argsort(probs[wrong], kind="stable")][:MOST_WRONG]]


def data_root(run: Run) -> Path:
    """Where the run's images lay when it was trained."""
    return read_manifest(run.require("manifest.csv"), Path(run.ledger["root"])).root
