"""The training loss: cross-entropy and its relatives, summed so that the caller divides once."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from groupwise.recipe.training import LossConfig


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
