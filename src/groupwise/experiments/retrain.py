"""Turns a recipe and another split of a run's images into one more network's answers, after every epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np
import numpy.typing as npt
from torch import nn

from groupwise.console import Console
from groupwise.data.cache import Images
from groupwise.data.manifest import read_manifest
from groupwise.data.split import EXCLUDED, Split, make_split, read_split
from groupwise.data.stratify import IntArray
from groupwise.distributed.world import World, choose_device
from groupwise.evaluation.leakage import reported_fold
from groupwise.inference.predictor import predict_logits
from groupwise.models.resnext import ResNeXt
from groupwise.pipeline.fit import fit_config
from groupwise.pipeline.images import open_images
from groupwise.pipeline.resume import stored_recipe
from groupwise.pipeline.train import new_model
from groupwise.recipe.recipe import Recipe
from groupwise.runs.run import Run
from groupwise.training.config import FitData
from groupwise.training.loop import fit

Method = Literal["grouped", "random"]
METHODS: tuple[Method, ...] = ("grouped", "random")


@dataclass(frozen=True, eq=False)
class Materials:
    """What a run was made from: recipe, split, and images (N, S, S, 3), one for each row of the split."""

    recipe: Recipe
    split: Split
    images: Images

    @property
    def fold(self) -> str:
        """The fold whose figure is reported."""
        return reported_fold(self.recipe.split.shares)

    @property
    def chosen_on(self) -> str | None:
        """The fold that chooses the epoch where that is not the reported one; None: the last is taken."""
        return "val" if "val" in self.recipe.split.shares and self.fold != "val" else None

    def split_again(self, *, method: Method, seed: int, labels: list[str] | None = None) -> Split:
        """Another split of the same images with the same shares, perhaps under other labels."""
        names = labels or [row.label for row in self.split.rows]
        return make_split(
            [(row.path, name, row.group) for row, name in zip(self.split.rows, names, strict=True)],
            [row.cluster for row in self.split.rows],
            shares=self.recipe.split.shares,
            seed=seed,
            method=method,
            excluded=[row.path for row in self.split.rows if row.fold == EXCLUDED],
        )


def open_materials(run: Run, scratch: Path, console: Console, *, root: Path | None = None) -> Materials:
    """Open what `run` was made from; nothing is scanned or audited again.

    Images that the run no longer holds decoded are decoded into `scratch`; `root` is where they lie if not
    where they lay during training. Raises `GroupwiseError` for an image that vanished or changed.
    """
    recipe = stored_recipe(run)
    manifest = read_manifest(run.require("manifest.csv"), root or Path(run.ledger["root"]))
    split = read_split(run.require("split.csv"))
    cache = run.path("cache") if run.path("cache").is_dir() else scratch / "cache"
    return Materials(recipe, split, open_images(recipe, cache, manifest, split, console))


@dataclass(frozen=True, eq=False)
class Asked:
    """What one network answered on the reported fold.

    `rows` (T,) of the split, their class numbers `labels` (T,), the classes `predicted` (E, T) after each
    epoch, and the epoch `chosen`, from 0, without looking at them.
    """

    rows: IntArray
    labels: IntArray
    predicted: IntArray
    chosen: int

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Which images each epoch gets right, (E, T)."""
        return np.asarray(self.predicted == self.labels)

    @property
    def luckiest(self) -> int:
        """The epoch that scores highest on these very images."""
        return int(self.right.mean(axis=1).argmax())


def retrain(
    materials: Materials,
    split: Split,
    *,
    seed: int,
    scratch: Path,
    on_batch: Callable[[int, int], None],
) -> Asked:
    """Train on `split` by the run's recipe, and ask the reported fold after every epoch.

    Checkpoints go into `scratch` and away again. Raises `KeyboardInterrupt` after Ctrl-C.
    """
    recipe, fold = materials.recipe, materials.fold
    select: Literal["val", "test"] = "val" if "val" in recipe.split.shares else "test"
    recipe = replace(recipe, seed=seed, training=replace(recipe.training, select_fold=select))
    classes, labels = _number(split)
    data = FitData(materials.images, labels, split.indices("train"), split.indices(select))
    rows, predicted = split.indices(fold), []

    def ask(model: nn.Module) -> None:
        assert isinstance(model, ResNeXt)
        predicted.append(predict_logits(model, data.images[rows], recipe.data).argmax(axis=1))

    with TemporaryDirectory(dir=scratch) as folder:
        fitted = fit(
            new_model(recipe, classes),
            data,
            fit_config(recipe),
            world=World(device=choose_device(recipe.training.device)),
            checkpoints=Path(folder),
            on_batch=on_batch,
            on_scored=ask,
        )
    if fitted.interrupted:
        raise KeyboardInterrupt("Stopped; what was trained for the study is gone, and the run is as it was.")
    chosen = fitted.best.epoch if materials.chosen_on else len(predicted)
    return Asked(rows, labels[rows], np.array(predicted), chosen - 1)


def _number(split: Split) -> tuple[int, IntArray]:
    """How many classes take part, and the number of each row's, -1 where it does not."""
    classes = sorted({row.label for row in split.rows if row.fold != EXCLUDED})
    number = {name: k for k, name in enumerate(classes)}
    return len(classes), np.array([number.get(row.label, -1) for row in split.rows])
