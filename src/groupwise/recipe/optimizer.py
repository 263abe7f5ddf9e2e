"""Knobs of the optimizer: its rule, its rates and their schedule."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from groupwise.errors import UsageError, require_numbers


@dataclass(frozen=True)
class OptimConfig:
    """How weights follow their gradients.

    Args:
        name: `adam`, `adamw` (Loshchilov and Hutter 2017), `muon` (Jordan 2024) for the convolutions of the
            stages with AdamW for the rest, or `sgd` with Nesterov momentum.
        learning_rate: The highest rate.
        weight_decay: Decay of convolution and linear weights; biases and normalisation have none.
        momentum: Of SGD and Muon, and the first beta of Adam.
        schedule: `constant`, `cosine` or `linear` down to 0 at the last step, or `steps`.
        warmup: Share of training over which the rate rises linearly from near 0.
        milestones: Shares of training at which `steps` multiplies the rate by `step_factor`.
        step_factor: See `milestones`.
        clip_norm: Longest gradient, all weights together; longer ones are shortened to it.
        layer_decay: Factor of the rate from each stage to the one before it, from the head down (Howard and
            Ruder 2018, arXiv 1801.06146); 1 is one rate for all.
        head_first: Share of training in which the head alone learns, so that a new one does not spoil
            pretrained stages.
        frozen: Parts that stay as they are to the end, batch statistics too, counted from the stem: 1 is the
            stem, 2 the stem and the first stage. For pretrained weights; it spares their backward pass.
    """

    name: Literal["adam", "adamw", "muon", "sgd"] = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    momentum: float = 0.9
    schedule: Literal["constant", "cosine", "linear", "steps"] = "cosine"
    warmup: float = 0.0
    milestones: tuple[float, ...] = ()
    step_factor: float = 0.1
    clip_norm: float | None = None
    layer_decay: float = 1.0
    head_first: float = 0.0
    frozen: int = 0

    def __post_init__(self) -> None:
        require_numbers(self, "optim")
        if self.learning_rate <= 0:
            raise UsageError(
                f"{self.learning_rate} is not above 0", place="optim.learning_rate", remedy="1e-3 is usual."
            )
        for name, value, end in (
            ("weight_decay", self.weight_decay, math.inf),
            ("momentum", self.momentum, 1),
            ("warmup", self.warmup, 1),
            ("head_first", self.head_first, 1),
        ):
            if not 0 <= value < end:
                raise UsageError(
                    f"{value} is out of range", place=f"optim.{name}", remedy=f"At least 0 and below {end}."
                )
        for name, factor in (
            ("step_factor", self.step_factor),
            ("layer_decay", self.layer_decay),
            ("clip_norm", self.clip_norm),
        ):
            if factor is not None and factor <= 0:
                raise UsageError(
                    f"{factor} is not above 0", place=f"optim.{name}", remedy="Give more than 0."
                )
        if self.frozen < 0:
            raise UsageError(f"{self.frozen} is negative", place="optim.frozen", remedy="0 is none.")
        inside = all(0 < share < 1 for share in self.milestones)
        if not inside or bool(self.milestones) != (self.schedule == "steps"):
            raise UsageError(
                f"{list(self.milestones)} does not fit the schedule {self.schedule!r}",
                place="optim.milestones",
                remedy="Give `steps` the shares of training at which the rate falls, as in [0.5, 0.75].",
            )
