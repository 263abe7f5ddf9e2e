"""What a training run is given, what it says of each epoch, and what it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from groupwise.data.decode import Preprocessing
from groupwise.data.stratify import IntArray
from groupwise.errors import GroupwiseError
from groupwise.recipe.augment import AugmentConfig
from groupwise.recipe.optimizer import OptimConfig
from groupwise.recipe.training import LossConfig, TrainingConfig


@dataclass(frozen=True)
class FitConfig:
    """Every choice that `fit` needs."""

    training: TrainingConfig
    optim: OptimConfig
    loss: LossConfig
    augment: AugmentConfig
    preprocessing: Preprocessing
    seed: int


@dataclass(frozen=True, eq=False)
class FitData:
    """Images of the cache, uint8 (N, S, S, 3), class numbers (N,), and the rows of the two folds in use.

    `paths` names the rows, for messages.
    """

    images: npt.NDArray[np.uint8]
    labels: IntArray
    train: IntArray
    select: IntArray
    paths: tuple[str, ...] = ()

    @property
    def num_classes(self) -> int:
        """The length of the logits."""
        return int(self.labels.max()) + 1


@dataclass(frozen=True)
class Epoch:
    """One row of `history.csv`: means over the samples seen, and where the time went."""

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


class Diverged(GroupwiseError):  # noqa: N818
    """The loss is not finite, also with half the learning rate."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """What `fit` leaves: every epoch, the weights of the best one, and remarks for who reads the result."""

    history: tuple[Epoch, ...]
    best: Epoch
    weights: Mapping[str, Tensor]
    remarks: tuple[str, ...]
    interrupted: bool
