"""The loss that training lowers: cross-entropy, summed so that the caller divides once."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from groupwise.errors import UsageError


@dataclass(frozen=True)
class LossConfig:
    """What is lowered.

    Args:
        label_smoothing: Share of the target spread over all classes (Szegedy et al. 2015, section 7).
    """

    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 1:
            raise UsageError(
                f"{self.label_smoothing} is not at least 0 and below 1",
                place="loss.label_smoothing",
                remedy="0 is no smoothing, 0.1 is usual.",
            )


def summed_loss(logits: Tensor, labels: Tensor, config: LossConfig) -> Tensor:
    """Cross-entropy of logits (N, K) against class numbers (N,), summed over the batch."""
    return F.cross_entropy(logits, labels, reduction="sum", label_smoothing=config.label_smoothing)
