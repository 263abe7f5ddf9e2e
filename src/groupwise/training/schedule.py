"""Learning rate and image size as functions of training progress."""

from __future__ import annotations

import math

from groupwise.recipe.optimizer import OptimConfig
from groupwise.recipe.training import TrainingConfig

SIZE_STEP_PX = 8


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
    `image_size_px` in even steps, with the final size from `config.full_size_from` on.
    """
    if config.start_size_px is None or progress >= config.full_size_from:
        return image_size_px
    grown = config.start_size_px + progress / config.full_size_from * (image_size_px - config.start_size_px)
    return min(SIZE_STEP_PX * round(grown / SIZE_STEP_PX), image_size_px)
