"""Explanations: where each answer comes from, and the nearest training images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from groupwise.data.samples import show_bands
from groupwise.data.targets import say
from groupwise.errors import UsageError
from groupwise.evaluation.decide import reference_rows
from groupwise.explain.cam import heat_maps
from groupwise.explain.overlay import overlay, photograph, picture_name, png
from groupwise.explain.request import Asked, load_asked
from groupwise.files import write_atomic, write_json
from groupwise.inference.decision import ClassPrediction
from groupwise.inference.heatmaps import Method, border_share, is_coarse
from groupwise.inference.occlusion import occlusion_maps
from groupwise.inference.predictor import Predictor, predict_outputs
from groupwise.inference.stream import OnBad
from groupwise.inference.text import answer_line
from groupwise.models.ensemble import trained_networks
from groupwise.recipe.recipe import read_fields
from groupwise.report.rendering import render
from groupwise.report.thumbnails import Thumbnail, image_uri, load_thumbnail, png_uri
from groupwise.runs.run import Run
from groupwise.stats.arrays import Pixels, Reals

if TYPE_CHECKING:
    from groupwise.data.decode import Preprocessing

NEAREST = 6
AT_ONCE = 16  # images, whose maps are in memory together
# An even map has 36 % of its heat on the border; half of it there is a background more than an object.
MUCH_ON_BORDER = 0.5
PAGE, LISTING = "explain.html", "heatmaps.json"


@dataclass(frozen=True)
class Neighbour:
    """A training image, and its cosine similarity to the image in question."""

    path: str
    label: str
    similarity: float


@dataclass(frozen=True, eq=False)
class Explanation:
    """One image, uint8 (S, S, C), its answer, the class that is shown, and the heat (h, w) for it."""

    asked: Asked
    image: Pixels
    answer: ClassPrediction
    shown: str
    heat: Reals
    nearest: tuple[Neighbour, ...]

    @property
    def line(self) -> str:
        """What a terminal says of it."""
        truth = f"; in truth {say(self.asked.truth)}" if self.asked.truth else ""
        return f"{self.asked.name}: {answer_line(self.answer)}{truth}; heat for {self.shown}"

    @property
    def border(self) -> float | None:
        """The share of the heat in the outer tenth of the image; None where the map is too coarse to tell."""
        return None if is_coarse(self.heat.shape) else border_share(self.heat)

    @property
    def warning(self) -> str | None:
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
    asked: Iterable[Asked],
    *,
    class_name: str | None = None,
    stage: str | None = None,
    method: Method = "gradcam",
    on_bad: OnBad,
) -> Iterator[Explanation]:
    """Explain each image, for `class_name`, else the class that was asked of it or its most probable one.

    A file that is no image is told to `on_bad` and left out. Raises `UsageError` for an unknown stage.
    """
    read = load_asked(asked, predictor.preprocessing, on_bad)
    while batch := tuple(islice(read, AT_ONCE)):
        images = np.stack([image for _, image in batch])
        outputs = predict_outputs(predictor.model, images, predictor.preprocessing)
        answers = predictor.decision.answers(*outputs, predictor.reference)
        shown = [
            class_name or one.shown or answer.top for (one, _), answer in zip(batch, answers, strict=True)
        ]
        numbers = [predictor.classes.index(name) for name in shown]
        nets = trained_networks(predictor.model)
        if nets:
            inputs = predictor.preprocessing.normalise(images)
            heat = np.mean(
                [heat_maps(net, inputs, numbers, stage=stage, method=method) for net in nets], axis=0
            )
        else:
            heat = _occluded(predictor, images, numbers, stage, method)
        nearest = nearest_training_images(run, predictor, outputs.features)
        for (one, image), *parts in zip(batch, answers, shown, heat, nearest, strict=True):
            yield Explanation(one, image, *parts)


def _occluded(
    predictor: Predictor, images: Pixels, numbers: list[int], stage: str | None, method: Method
) -> Reals:
    """The heat of a probe, whose frozen features have no gradient: what is lost when a place is hidden."""
    if stage is not None or method != "gradcam":
        raise UsageError(
            "a probe has no stages and no gradient, so its heat maps are made by hiding places",
            place="--stage" if stage is not None else "--method",
            remedy="Leave it out.",
        )

    def probs(shown: Pixels) -> Reals:
        outputs = predict_outputs(predictor.model, shown, predictor.preprocessing)
        return predictor.decision.probs(outputs.logits)

    return occlusion_maps(images, numbers, probs)


def nearest_training_images(run: Run, predictor: Predictor, features: Reals) -> list[tuple[Neighbour, ...]]:
    """The training images most like each row of features (N, C), by cosine, among those of the reference.

    None where the run keeps no reference, such as one that chose its epoch on the test fold.
    """
    if predictor.reference is None:
        return [()] * len(features)
    split = run.split()
    rows = reference_rows(split, read_fields(run.require("recipe.yaml"))["seed"])
    assert len(rows) == len(predictor.reference)
    similarity = _unit(features) @ _unit(predictor.reference).T
    return [
        tuple(
            Neighbour(split.rows[rows[i]].path, split.rows[rows[i]].label, float(line[i]))
            for i in np.argsort(-line, kind="stable")[:NEAREST]
        )
        for line in similarity
    ]


def _unit(features: Reals) -> Reals:
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.where(lengths > 0, lengths, 1)


def write_explanations(
    folder: Path, explanations: Iterable[Explanation], root: Path, preprocessing: Preprocessing
) -> Path:
    """Write one overlay an image, `heatmaps.json` (name -> file), and the page; returns the page.

    `root` is where the training images lie, and `preprocessing` how images become the network's input.
    """
    overlays, reading = {}, preprocessing.reading
    items = []
    for found in explanations:
        picture = overlay(photograph(found.asked.file, reading), found.heat, preprocessing.resize)
        file = overlays[_in_utf8(found.asked.name)] = picture_name(found.asked.name)
        write_atomic(folder / file, png(picture))
        nearest = [
            Thumbnail(near.path, load_thumbnail(root / near.path, reading), near.label, prob=near.similarity)
            for near in found.nearest
        ]
        items.append((found, png_uri(png(show_bands(found.image))), image_uri(picture), nearest))
    write_json(folder / LISTING, overlays)
    write_atomic(folder / PAGE, _in_utf8(render("explain.html", items=items)))
    return folder / PAGE


def _in_utf8(text: str) -> str:
    """With each byte of a file name that is no UTF-8, which could not be written, as an escape."""
    return text.encode(errors="backslashreplace").decode()
