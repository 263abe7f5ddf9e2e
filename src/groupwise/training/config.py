"""Inputs and results of a training run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

from groupwise.data.decode import Preprocessing
from groupwise.errors import GroupwiseError
from groupwise.recipe.augment import AugmentConfig
from groupwise.recipe.optimizer import OptimConfig
from groupwise.recipe.recipe import Recipe
from groupwise.recipe.training import LossConfig, TrainingConfig
from groupwise.stats.arrays import Floats, Ints


@dataclass(frozen=True)
class FitConfig:
    """Every choice that `Trainer` needs."""

    training: TrainingConfig
    optim: OptimConfig
    loss: LossConfig
    augment: AugmentConfig
    preprocessing: Preprocessing
    seed: int

    @classmethod
    def of(cls, recipe: Recipe) -> FitConfig:
        """The part of a recipe that training needs."""
        return cls(recipe.training, recipe.optim, recipe.loss, recipe.augment, recipe.data, recipe.seed)


@dataclass(frozen=True, eq=False)
class FitData:
    """Images of the cache, uint8 (N, S, S, C), their targets, and the rows of the two folds in use.

    `labels` are class numbers (N,), or 1 for each label of an image, uint8 (N, K).
    Without rows to select by, the last epoch is kept. `paths` names the rows, for messages; `costs` (K, K)
    are those of each answer, in columns, for each true class.
    """

    images: npt.NDArray[np.uint8]
    labels: Ints | npt.NDArray[np.uint8]
    train: Ints
    select: Ints
    paths: tuple[str, ...] = ()
    costs: Floats | None = None

    @property
    def num_classes(self) -> int:
        """The length of the logits."""
        return self.labels.shape[1] if self.labels.ndim == 2 else int(self.labels.max()) + 1


class Score(NamedTuple):
    """Mean loss and accuracy over `n` samples."""

    loss: float
    accuracy: float
    n: int

    @classmethod
    def of(cls, sums: Tensor) -> Score:
        """From the sums of loss, correct answers and samples (3,)."""
        loss, correct, n = sums.tolist()
        return cls(loss / n, correct / n, int(n))


@dataclass(frozen=True)
class EpochRecord:
    """One row of `history.csv`: means over the samples seen, and where the time went.

    `may_be_chosen` is false before the share of training that `training.select_from` names; such an epoch is
    scored by one look at an image, also where answers average that of the mirror image. The last four are
    None unless they are among what chooses the epoch, and defined.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    select_fold: str
    select_loss: float
    select_accuracy: float
    learning_rate: float
    seconds: float
    images_per_second: float
    waiting_seconds: float
    may_be_chosen: bool = True
    select_balanced_accuracy: float | None = None
    select_auroc: float | None = None
    select_cost: float | None = None
    select_average_precision: float | None = None


@dataclass(frozen=True)
class StrengthRecord:
    """One penalty of a logistic regression, as its inverse, and the figures of the fold that selects.

    The last four are None unless they are among what chooses the penalty, and defined.
    """

    inverse_penalty: float
    select_loss: float
    select_accuracy: float
    select_balanced_accuracy: float | None = None
    select_auroc: float | None = None
    select_cost: float | None = None
    select_average_precision: float | None = None


class Diverged(GroupwiseError):  # noqa: N818
    """The loss is not finite, also with half the learning rate."""


@dataclass(frozen=True, eq=False)
class FitResult:
    """What training leaves: every epoch, the weights of the best one, and remarks for its reader.

    `stopped` says where the time ended training, as {"epoch", "step", "steps"}; empty where it did not.
    """

    history: tuple[EpochRecord, ...]
    best: EpochRecord
    weights: Mapping[str, Tensor]
    remarks: tuple[str, ...]
    interrupted: bool
    stopped: Mapping[str, int] = field(default_factory=dict)
