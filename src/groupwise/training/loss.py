"""The loss that training lowers: cross-entropy and its relatives, summed so that the caller divides once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from groupwise.errors import UsageError
from groupwise.settings import require_numbers


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


class TrainingLoss:
    """The loss of `config` for a training fold with `counts` (K,) images a class."""

    def __init__(self, config: LossConfig, counts: Tensor) -> None:
        self.config = config
        shares = counts.clamp(min=1).double() / counts.sum()  # a class may be missing from the fold
        self._log_shares = shares.log().float()
        self._weights = (1 / (len(counts) * shares)).float()

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Sum over the batch of logits (N, K) against class numbers (N,) or target shares (N, K)."""
        config = self.config
        logits = logits.float()
        if config.logit_adjustment:
            logits = logits + config.logit_adjustment * self._log_shares
        weights = self._weights if config.class_weights == "balanced" else None
        if not config.focal_gamma:
            return F.cross_entropy(
                logits, targets, weights, reduction="sum", label_smoothing=config.label_smoothing
            )
        if targets.ndim == 1:
            targets = F.one_hot(targets, logits.shape[1])
        targets = torch.lerp(
            targets.to(logits.dtype), torch.full_like(logits, 1 / logits.shape[1]), config.label_smoothing
        )
        if weights is not None:
            targets = targets * weights
        log_probs = logits.log_softmax(1)
        return -(targets * (1 - log_probs.exp()) ** config.focal_gamma * log_probs).sum()
