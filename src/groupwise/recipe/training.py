"""Knobs of training: how long, in what batches and precision, what is kept, and the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from groupwise.errors import UsageError, require_numbers
from groupwise.recipe.aim import Aim, Selector


@dataclass(frozen=True)
class TrainingConfig:
    """How long training goes on and what it keeps.

    Args:
        epochs: Passes over the training fold.
        batch_size: Samples a step, all processes together.
        select_fold: The fold that chooses the epoch; `test` is the tutorial's mistake, reproduced on request.
        optimise: What counts: `accuracy`, `balanced` accuracy, to which every class counts alike, the mean
            `auroc` or `average_precision` of the classes, or the `cost` of wrong answers by a cost matrix.
            `select_by` and `loss.logit_adjustment` follow from it where you set none. With several labels an
            image it is `average_precision` or `auroc`.
        select_by: Figures that choose the epoch, the first deciding and the next breaking ties.
        select_from: Share of training after which an epoch may be chosen, where training comes so far, which
            `patience` may prevent. Those before it, at a high rate, are ahead by luck alone, and the more so
            the fewer images choose; they are scored by one look at an image, in half the time of two.
        budget_minutes: Minutes that training may take, scoring included; the schedule then follows the clock
            where that is ahead of the epochs. Such a run is not bit-identical when resumed.
        patience: Epochs without a better score after which training ends; None goes on to the last.
        known_from: Share of the training images named rightly in an early epoch, augmented as they are, from
            which the rest of the schedule takes a quarter of its epochs; None takes all. A plan without a
            budget sets it.
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
        threads: Of the processor, for a step; None takes all that torch has. Threads wait for each other many
            times a step, which takes long where others use the processor; a plan sets fewer where a trial
            says so.
        pth: Also write the weights as `best_model.pth`, as the tutorial does.
        device: Where the network runs; `auto` takes a GPU where there is one.
    """

    epochs: int = 30
    batch_size: int = 64
    select_fold: Literal["val", "test"] = "val"
    optimise: Aim = "accuracy"
    select_by: tuple[Selector, ...] = ("accuracy", "loss")
    select_from: float = 0.0
    budget_minutes: float | None = None
    patience: int | None = None
    known_from: float | None = None
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    compile: bool = False
    sampling: Literal["natural", "balanced"] = "natural"
    ema_decay: float = 0.0
    start_size_px: int | None = None
    full_size_from: float = 0.7
    accumulate: int = 1
    checkpoint_minutes: float = 5.0
    threads: int | None = None
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
            ("threads", self.threads, 1),
        ):
            if value is not None and value < least:
                raise UsageError(
                    f"{value} is below {least}", place=f"training.{name}", remedy=f"Give at least {least}."
                )
        if not self.select_by:
            raise UsageError(
                "no figure is left to choose the epoch by",
                place="training.select_by",
                remedy="Give accuracy, loss or both; or balanced_accuracy, auroc, average_precision or cost.",
            )
        for name, share, usual in (
            ("ema_decay", self.ema_decay, "0.99 is a usual decay."),
            ("full_size_from", self.full_size_from, "0.7 is a usual share."),
            ("select_from", self.select_from, "0 lets every epoch be chosen, 0.8 those of the last fifth."),
        ):
            if not 0 <= share < 1:
                raise UsageError(
                    f"{share} is not at least 0 and below 1", place=f"training.{name}", remedy=usual
                )
        if self.known_from is not None and not 0 < self.known_from <= 1:
            raise UsageError(
                f"{self.known_from} is not above 0 and at most 1",
                place="training.known_from",
                remedy="0.95 is a usual share.",
            )


@dataclass(frozen=True)
class LossConfig:
    """What is lowered.

    Args:
        label_smoothing: Share of the target spread over all classes (Szegedy et al. 2015, section 7).
        class_weights: `equal`, or `balanced`: an image of a rare class counts for more, so that all classes
            weigh alike.
        focal_gamma: How much answers that are right already count for less (Lin et al. 2017, arXiv
            1708.02002); 0 is plain cross-entropy.
        logit_adjustment: Factor of the log class shares that are added to the logits in training, which asks
            rare classes for a wider margin (Menon et al. 2021, arXiv 2007.07314); 0 is none, 1 the paper's.
    """

    label_smoothing: float = 0.0
    class_weights: Literal["equal", "balanced"] = "equal"
    focal_gamma: float = 0.0
    logit_adjustment: float = 0.0

    def __post_init__(self) -> None:
        require_numbers(self, "loss")
        if not 0 <= self.label_smoothing < 1:
            raise UsageError(
                f"{self.label_smoothing} is not at least 0 and below 1",
                place="loss.label_smoothing",
                remedy="0 is no smoothing, 0.1 is usual.",
            )
        for name, value in (
            ("focal_gamma", self.focal_gamma),
            ("logit_adjustment", self.logit_adjustment),
        ):
            if value < 0:
                raise UsageError(f"{value} is negative", place=f"loss.{name}", remedy="0 is none.")
        if self.class_weights == "balanced" and self.logit_adjustment:
            raise UsageError(
                "balanced class weights and logit adjustment would mend the imbalance twice",
                place="loss.logit_adjustment",
                remedy="Choose one of them.",
            )
