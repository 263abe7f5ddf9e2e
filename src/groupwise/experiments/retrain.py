"""One more network on another split of a run's images, and its answers after every epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from torch import nn

from groupwise.console import Console
from groupwise.data.cache import Images
from groupwise.data.decode import Preprocessing
from groupwise.data.split import Split, make_split, participants_of
from groupwise.distributed.world import World, choose_device
from groupwise.errors import Ended
from groupwise.evaluation.leakage import reported_fold
from groupwise.inference.predictor import predict_logits
from groupwise.models.resnext import ResNeXt
from groupwise.pipeline.images import open_images
from groupwise.pipeline.resume import stored_recipe
from groupwise.pipeline.train import new_model
from groupwise.recipe.recipe import Recipe
from groupwise.runs.run import Run
from groupwise.stats.arrays import Floats, Floats32, Ints, Mask
from groupwise.stats.label_rule import LabelRule
from groupwise.stats.label_sets import fit_label_rule, label_probabilities, undecided_rule
from groupwise.training.callbacks import BatchProgress, Callback
from groupwise.training.config import EpochRecord, FitConfig, FitData
from groupwise.training.signals import Terminated
from groupwise.training.trainer import Trainer

Labels = npt.NDArray[Any]  # class numbers, or memberships where images have several labels
Method = Literal["grouped", "random"]
METHODS: tuple[Method, ...] = ("grouped", "random")
STOPPED = "Stopped; what was trained for the study is gone, and the run is as it was."
ALPHA = 0.1  # of the set of possible labels, of which nothing is asked here


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
        return choosing_fold(self.recipe)

    def relabelled(self, labels: Sequence[str]) -> Split:
        """The run's own folds under other `labels`, one a row."""
        rows = zip(self.split.rows, labels, strict=True)
        return Split(tuple(row._replace(label=label) for row, label in rows))

    def split_again(self, *, method: Method, seed: int, labels: list[str] | None = None) -> Split:
        """Another split of the same images with the same shares, perhaps under other labels.

        Classes of few sources that the recipe learns without testing them are not tested there either.
        """
        again = self.split if labels is None else self.relabelled(labels)
        return make_split(
            [row[:3] for row in again.rows],
            participants_of(again, fewest_tested=self.recipe.split.fewest_tested),
            shares=self.recipe.split.shares,
            seed=seed,
            method=method,
        )


def choosing_fold(recipe: Recipe) -> str | None:
    """The fold that chooses the epoch of a network that is trained anew; None where the last is taken.

    That is never the reported one, whatever chose for the run's own network.
    """
    shares = recipe.split.shares
    return "val" if "val" in shares and reported_fold(shares) != "val" else None


def open_materials(run: Run, scratch: Path, console: Console, *, root: Path | None = None) -> Materials:
    """Open what `run` was made from; nothing is scanned or audited again.

    Images that the run no longer holds decoded are decoded into `scratch`; `root` is where they lie if not
    where they lay during training. Raises `GroupwiseError` for an image that vanished or changed.
    """
    recipe = stored_recipe(run)
    manifest = run.manifest(root)
    split = run.split()
    cache = run.path("cache") if run.path("cache").is_dir() else scratch / "cache"
    return Materials(recipe, split, open_images(recipe, cache, manifest, split, console))


@dataclass(frozen=True, eq=False)
class Asked:
    """What one network answered on the reported fold.

    `rows` (T,) of the split, their `labels`, the classes `predicted` after each epoch, and the epoch
    `chosen`, from 0, without looking at them. Labels are class numbers (T,) and predictions (E, T); with
    several labels an image they are memberships, (T, K) and (E, T, K), and `probs` (E, T, K) is the
    probability of each.
    """

    rows: Ints
    labels: Labels
    predicted: Labels
    chosen: int
    probs: Floats32 | None = None

    @property
    def right(self) -> Mask:
        """Which images each epoch gets right, (E, T); of several labels all of them."""
        same = np.asarray(self.predicted == self.labels)
        return same if self.labels.ndim == 1 else np.asarray(same.all(axis=2))

    @property
    def best_on_test(self) -> int:
        """The epoch that scores highest on these very images."""
        return int(self.right.mean(axis=1).argmax())


class FoldAnswers(Callback):
    """The classes that each epoch predicts for the `rows` (T,) of the images of `data`.

    Labels are given from the threshold of highest F1 on the rows `chosen_on`, and without any of those where
    they are as probable as not.
    """

    def __init__(
        self, data: FitData, rows: Ints, chosen_on: Ints, sources: Ints, config: Preprocessing
    ) -> None:
        self._data, self._rows, self._chosen_on, self._sources = data, rows, chosen_on, sources
        self._config = config
        self.predicted: list[Labels] = []
        self.probs: list[Floats32] = []

    def on_epoch_end(self, _: Sequence[EpochRecord], model: nn.Module) -> None:
        assert isinstance(model, ResNeXt)
        logits = self._logits(model, self._rows)
        if self._data.labels.ndim == 1:
            self.predicted.append(logits.argmax(axis=1))
            return
        probs = label_probabilities(logits, 1.0)
        self.predicted.append(self._rule(model).given(probs))
        self.probs.append(probs.astype(np.float32))

    def _rule(self, model: ResNeXt) -> LabelRule:
        rows = self._chosen_on
        if not len(rows):
            return undecided_rule(self._data.num_classes, ALPHA, "no fold was held out")
        probs = label_probabilities(self._logits(model, rows), 1.0)
        return fit_label_rule(probs, self._data.labels[rows].astype(bool), self._sources[rows], ALPHA)

    def _logits(self, model: ResNeXt, rows: Ints) -> Floats:
        return predict_logits(model, self._data.images[rows], self._config)


def retrain(
    materials: Materials,
    split: Split,
    *,
    seed: int,
    scratch: Path,
    on_batch: Callable[[int, int], None],
) -> Asked:
    """Train on `split` by the run's recipe, and ask the reported fold after every epoch.

    Checkpoints go into `scratch` and away again. Raises `KeyboardInterrupt` after Ctrl-C, its kind `Ended`
    after SIGTERM.
    """
    recipe, fold = materials.recipe, materials.fold
    select: Literal["val", "test"] = "val" if "val" in recipe.split.shares else "test"
    recipe = replace(recipe, seed=seed, training=replace(recipe.training, select_fold=select))
    labels = split.targets.values
    costs = recipe.decision.cost_matrix(split.classes)
    data = FitData(materials.images, labels, split.indices("train"), split.indices(select), costs=costs)
    rows = split.indices(fold)
    held = split.indices(materials.chosen_on) if materials.chosen_on else rows[:0]
    answers = FoldAnswers(data, rows, held, split.sources, recipe.data)
    with TemporaryDirectory(dir=scratch) as folder:
        trainer = Trainer(
            new_model(recipe, len(split.classes)),
            data,
            FitConfig.of(recipe),
            world=World(device=choose_device(recipe.training.device)),
            checkpoints=Path(folder),
            callbacks=[BatchProgress(on_batch), answers],
        )
        try:
            interrupted = trainer.fit().interrupted
        except Terminated:
            raise Ended(STOPPED) from None
        except KeyboardInterrupt:
            raise KeyboardInterrupt(STOPPED) from None
    if interrupted:
        raise KeyboardInterrupt(STOPPED)
    chosen = trainer.best.epoch if materials.chosen_on else len(answers.predicted)
    probs = np.array(answers.probs) if answers.probs else None
    return Asked(rows, labels[rows], np.array(answers.predicted), chosen - 1, probs)
