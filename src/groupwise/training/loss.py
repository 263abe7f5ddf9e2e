"""The training loss: cross-entropy and its relatives, summed so that the caller divides once.

Targets are class numbers (N,), or shares (N, K): of classes, which sum to one, or of labels that an image may
have several of, each apart from the others. Which of the two, `make_loss` is told by the training fold.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from groupwise.recipe.training import LossConfig

Loss = Callable[[Tensor, Tensor], Tensor]
"""Sums over a batch of logits (N, K) and targets."""


def make_loss(config: LossConfig, labels: Tensor, num_classes: int) -> Loss:
    """The loss of `config` for the `labels` of a training fold, class numbers (N,) or sets (N, K)."""
    if labels.ndim == 2:
        return LabelSetLoss(config, labels.double().mean(0))
    return TrainingLoss(config, labels.bincount(minlength=num_classes))


def plain_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of logits (N, K) as they are, or where labels are sets (N, K) the binary one, summed."""
    if labels.ndim == 2:
        return F.binary_cross_entropy_with_logits(logits.float(), labels.float(), reduction="sum")
    return F.cross_entropy(logits, labels, reduction="sum")


def count_correct(logits: Tensor, labels: Tensor) -> Tensor:
    """Images whose most probable class is right, or all of whose labels are, each more probable than not."""
    if labels.ndim == 2:
        return ((logits > 0) == labels.bool()).all(1).sum()
    return (logits.argmax(1) == labels).sum()


class LabelSetLoss:
    """Binary cross-entropy of each label, summed over labels, so that a logit is moved as by cross-entropy.

    Label smoothing moves a target towards the share of images that have the label, (K,): what would be said
    without looking, as 1 / K is of classes. Towards a half it would teach that rare labels are common.
    """

    def __init__(self, config: LossConfig, shares: Tensor) -> None:
        self._smoothing = config.label_smoothing
        self._shares = shares.float()

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Sum over the batch of logits (N, K) against the shares of each label (N, K)."""
        targets = torch.lerp(targets.float(), self._shares.expand_as(targets), self._smoothing)
        return F.binary_cross_entropy_with_logits(logits.float(), targets, reduction="sum")


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
        # Below a gamma of 1 the power is infinitely steep at 0, where a sure answer is rounded to
        doubts = (1 - log_probs.exp()).clamp(min=torch.finfo(log_probs.dtype).tiny)
        return -(targets * doubts**config.focal_gamma * log_probs).sum()
