"""Builds the optimizer, with what each group of weights may do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from groupwise.errors import UsageError


@dataclass(frozen=True)
class OptimConfig:
    """How weights follow their gradients.

    Args:
        name: `adam`, `adamw` (Loshchilov and Hutter 2017), or `sgd` with Nesterov momentum.
        learning_rate: The highest rate.
        weight_decay: Decay of convolution and linear weights; biases and normalisation have none.
        momentum: Of SGD, or the first beta of Adam.
        schedule: `constant`, `cosine` or `linear` down to 0 at the last step, or `steps`.
        warmup: Share of training over which the rate rises linearly from near 0.
        milestones: Shares of training at which `steps` multiplies the rate by `step_factor`.
        step_factor: See `milestones`.
        clip_norm: Longest gradient, all weights together; longer ones are shortened to it.
    """

    name: Literal["adam", "adamw", "sgd"] = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    momentum: float = 0.9
    schedule: Literal["constant", "cosine", "linear", "steps"] = "cosine"
    warmup: float = 0.0
    milestones: tuple[float, ...] = ()
    step_factor: float = 0.1
    clip_norm: float | None = None

    def __post_init__(self) -> None:
        if self.learning_rate <= 0:
            raise UsageError(
                f"{self.learning_rate} is not above 0", place="optim.learning_rate", remedy="1e-3 is usual."
            )
        for name, value, end in (
            ("weight_decay", self.weight_decay, math.inf),
            ("momentum", self.momentum, 1),
            ("warmup", self.warmup, 1),
        ):
            if not 0 <= value < end:
                raise UsageError(
                    f"{value} is out of range", place=f"optim.{name}", remedy=f"At least 0 and below {end}."
                )
        inside = all(0 < share < 1 for share in self.milestones)
        if not inside or bool(self.milestones) != (self.schedule == "steps"):
            raise UsageError(
                f"{list(self.milestones)} does not fit the schedule {self.schedule!r}",
                place="optim.milestones",
                remedy="Give `steps` the shares of training at which the rate falls, as in [0.5, 0.75].",
            )


def make_optimizer(model: nn.Module, config: OptimConfig) -> torch.optim.Optimizer:
    """Build the optimizer, with weight decay on the weights of convolutions and linear layers alone."""
    weights = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [
        {"params": weights, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if config.name == "sgd":
        return torch.optim.SGD(
            groups, lr=config.learning_rate, momentum=config.momentum, nesterov=config.momentum > 0
        )
    adam = torch.optim.AdamW if config.name == "adamw" else torch.optim.Adam
    return adam(groups, lr=config.learning_rate, betas=(config.momentum, 0.999))


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the rate of every parameter group."""
    for group in optimizer.param_groups:
        group["lr"] = rate
