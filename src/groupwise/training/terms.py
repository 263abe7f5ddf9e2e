"""What a training run is given, what it says of each epoch, and what it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from torch import Tensor

from groupwise.data.augment import AugmentConfig
from groupwise.data.decode import Preprocessing
from groupwise.data.stratify import IntArray
from groupwise.errors import GroupwiseError, UsageError
from groupwise.settings import require_numbers
from groupwise.training.loss import LossConfig
from groupwise.training.optim import OptimConfig


@dataclass(frozen=True)
class TrainingConfig:
    """How long training goes on and what it keeps.

    Args:
        epochs: Passes over the training fold.
        batch_size: Samples a step, all processes together.
        select_fold: The fold that chooses the epoch; `test` is the tutorial's mistake, reproduced on request.
        select_by: Figures that choose it, the first deciding and the next breaking ties.
        budget_minutes: Minutes that training may take, scoring included; the schedule then follows the clock
            where that is ahead of the epochs. Such a run is not bit-identical when resumed.
        patience: Epochs without a better score after which training ends; None goes on to the last.
        precision: `fp32`, `bf16` or `fp16` (with scaled gradients); `auto` is half precision on a GPU, in the
            kind that it computes with, `bf16` on a processor that has instructions for it, and else `fp32`.
        compile: Let `torch.compile` fuse the network's operations, once images have their final size. A plan
            sets it where training is long and a trial says that it pays.
        sampling: `natural` shows every training image once an epoch; `balanced` each class equally often.
        ema_decay: Decay a step of the moving average of the weights that is scored and kept; 0 is none.
        start_size_px: Side of the training images at the start, which grows to `data.image_size_px`.
        full_size_from: Share of training from which the images have their final size.
        accumulate: Pieces in which a step takes its batch, for less memory; batch normalisation sees pieces.
        checkpoint_minutes: How often a long epoch is saved in its middle.
        pth: Also write the weights as `best_model.pth`, as the tutorial does.
        device: Where the network runs; `auto` takes a GPU where there is one.
    """

    epochs: int = 30
    batch_size: int = 64
    select_fold: Literal["val", "test"] = "val"
    select_by: tuple[Literal["accuracy", "loss"], ...] = ("accuracy", "loss")
    budget_minutes: float | None = None
    patience: int | None = None
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    compile: bool = False
    sampling: Literal["natural", "balanced"] = "natural"
    ema_decay: float = 0.0
    start_size_px: int | None = None
    full_size_from: float = 0.7
    accumulate: int = 1
    checkpoint_minutes: float = 5.0
    pth: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        require_numbers(self, "training")
        for name, value, least in (
            ("epochs", self.epochs, 1),
            ("batch_size", self.batch_size, 2),
            ("accumulate", self.accumulate, 1),
            ("checkpoint_minutes", self.checkpoint_minutes, 0),
            ("budget_minutes", self.budget_minutes, 0),
            ("patience", self.patience, 1),
        ):
            if value is not None and value < least:
                raise UsageError(
                    f"{value} is below {least}", place=f"training.{name}", remedy=f"Give at least {least}."
                )
        if not self.select_by:
            raise UsageError(
                "no figure is left to choose the epoch by",
                place="training.select_by",
                remedy="Give accuracy, loss or both.",
            )
        for name, share in (("ema_decay", self.ema_decay), ("full_size_from", self.full_size_from)):
            if not 0 <= share < 1:
                raise UsageError(
                    f"{share} is not at least 0 and below 1",
                    place=f"training.{name}",
                    remedy="0.99 is a usual decay, and 0.7 a usual share.",
                )


@dataclass(frozen=True)
class FitConfig:
    """Every choice that `fit` needs."""

    training: TrainingConfig
    optim: OptimConfig
    loss: LossConfig
    augment: AugmentConfig
    preprocessing: Preprocessing
    seed: int


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Fitted:
    """What `fit` leaves: every epoch, the weights of the best one, and remarks for who reads the result."""

    history: tuple[Epoch, ...]
    best: Epoch
    weights: Mapping[str, Tensor]
    remarks: tuple[str, ...]
    interrupted: bool
