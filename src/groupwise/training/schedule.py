"""Turns the share of training that is done into the learning rate and the side of the training images."""

from __future__ import annotations

import math

from groupwise.training.optim import OptimConfig


def learning_rate_at(share: float, config: OptimConfig) -> float:
    """The rate when `share` of training is done, above 0 and below 1.

    A straight warm-up, then what `config.schedule` says; with `cosine` or `linear` that is the one cycle of
    Smith 2018 (arXiv 1803.09820).
    """
    if share < config.warmup:
        return config.learning_rate * share / config.warmup
    rest = (share - config.warmup) / (1 - config.warmup)
    if config.schedule == "cosine":
        return config.learning_rate * 0.5 * (1 + math.cos(math.pi * rest))
    if config.schedule == "linear":
        return config.learning_rate * (1 - rest)
    if config.schedule == "steps":
        passed = sum(share >= milestone for milestone in config.milestones)
        return config.learning_rate * config.step_factor**passed
    return config.learning_rate
