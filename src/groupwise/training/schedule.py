"""How far training has come by its epochs, and learning rate and image size as functions of that."""

from __future__ import annotations

import math
from collections.abc import Sequence

from groupwise.recipe.optimizer import OptimConfig
from groupwise.recipe.training import TrainingConfig
from groupwise.training.config import EpochRecord

SIZE_STEP_PX = 8
EARLY = 0.5  # of the epochs, after which the rate falls anyway and known images are no surprise
MOMENTS = 100  # of training, at which the size is asked for its average
QUICKENED = 0.25  # of the epochs that were left are taken once the images are known


def known_after(history: Sequence[EpochRecord], config: TrainingConfig) -> int | None:
    """The early epoch in which `config.known_from` of the training images were named rightly, if one was."""
    if config.known_from is None:
        return None
    early = (one for one in history if one.epoch <= EARLY * config.epochs)
    return next((one.epoch for one in early if one.train_accuracy >= config.known_from), None)


def epochs_in_all(history: Sequence[EpochRecord], config: TrainingConfig) -> int:
    """The epochs that training is to have: `config.epochs`, or fewer where the images are soon known."""
    known = known_after(history, config)
    return config.epochs if known is None else known + math.ceil(QUICKENED * (config.epochs - known))


def told_as_known(history: Sequence[EpochRecord], config: TrainingConfig) -> str:
    """What there is to say after the epoch in which the images were known; nothing after any other."""
    last = history[-1]
    if known_after(history, config) != last.epoch:
        return ""
    left = epochs_in_all(history, config) - last.epoch
    return (
        f"In epoch {last.epoch} {last.train_accuracy:.0%} of the training images were named rightly, so what"
        f" is left of the schedule takes {left} epochs in place of {config.epochs - last.epoch}"
        " (training.known_from)."
    )


def progress_of_epochs(history: Sequence[EpochRecord], part: float, config: TrainingConfig) -> float:
    """How much of training is done, `part` of an epoch after those of `history`.

    From the epoch on in which the images were known, what is left of the schedule passes in a quarter of its
    epochs: more of them, at a rate that is still high, would show nothing new.
    """
    done = len(history) + part
    known = known_after(history, config)
    if known is None:
        return done / config.epochs
    begun = known / config.epochs
    return begun + (1 - begun) * (done - known) / (epochs_in_all(history, config) - known)


def learning_rate_at(progress: float, config: OptimConfig) -> float:
    """The rate when `progress` of training is done, above 0 and below 1.

    A straight warm-up, then what `config.schedule` says; with `cosine` or `linear` that is the one cycle of
    Smith 2018 (arXiv 1803.09820).
    """
    if progress < config.warmup:
        return config.learning_rate * progress / config.warmup
    rest = (progress - config.warmup) / (1 - config.warmup)
    if config.schedule == "cosine":
        return config.learning_rate * 0.5 * (1 + math.cos(math.pi * rest))
    if config.schedule == "linear":
        return config.learning_rate * (1 - rest)
    if config.schedule == "steps":
        passed = sum(progress >= milestone for milestone in config.milestones)
        return config.learning_rate * config.step_factor**passed
    return config.learning_rate


def image_size_at(progress: float, config: TrainingConfig, image_size_px: int) -> int:
    """The side of training images when `progress` of training is done: small ones first, for speed.

    Progressive resizing (Howard 2018; Tan and Le 2021, arXiv 2104.00298): from `config.start_size_px` up to
    `image_size_px` in even steps, multiples of `SIZE_STEP_PX` between the two, with the final size from
    `config.full_size_from` on.
    """
    if config.start_size_px is None or progress >= config.full_size_from:
        return image_size_px
    grown = config.start_size_px + progress / config.full_size_from * (image_size_px - config.start_size_px)
    step_px = SIZE_STEP_PX * round(grown / SIZE_STEP_PX)
    return min(max(step_px, config.start_size_px), image_size_px)


def share_of_pixels(config: TrainingConfig, image_size_px: int) -> float:
    """Pixels of a training image, averaged over the epochs, as a share of those of the final size."""
    sides = (image_size_at((k + 0.5) / MOMENTS, config, image_size_px) for k in range(MOMENTS))
    return sum((side / image_size_px) ** 2 for side in sides) / MOMENTS
