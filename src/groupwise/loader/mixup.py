"""Mixes each image of a batch with its neighbour, and its target in the same shares.

Mixup (Zhang et al. 2017, arXiv 1710.09412) fades one into the other; CutMix (Yun et al. 2019, arXiv
1905.04899) pastes a rectangle. The shares are a function of (seed, epoch, counter); the neighbour is that of
the batch, so a run with other processes mixes other pairs.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from scipy import special
from torch import Tensor

from groupwise.loader.augment import IS_MIXED, MIXING, centres, uniforms
from groupwise.recipe.augment import AugmentConfig

TABLE = 1024


def mix(
    images: Tensor,
    labels: Tensor,
    counters: Tensor,
    config: AugmentConfig,
    *,
    num_classes: int,
    seed: int,
    epoch: int,
) -> tuple[Tensor, Tensor]:
    """Float images (N, C, S, S) and their target shares (N, K).

    `labels` are class numbers (N,), or 1 for each label of an image, (N, K). With both kinds, each image has
    one of them, by the toss of a coin.
    """
    u = uniforms(seed, epoch, counters, MIXING).to(images.dtype)  # (N, 4)
    is_mixed = uniforms(seed, epoch, counters, IS_MIXED)[:, 0] < config.mix_share
    faded = u[:, 0] < (0.5 if config.cutmix else 1.0) if config.mixup else torch.zeros_like(u[:, 0]).bool()
    own_if_faded = _beta(u[:, 1], config.mixup)
    box = _box(images, u[:, 2:4], 1 - _beta(u[:, 1], config.cutmix))  # (N, S, S)
    own = torch.where(faded[:, None, None], own_if_faded[:, None, None], 1 - box)
    own = torch.where(is_mixed[:, None, None], own, 1.0)
    own_share = own.mean((1, 2))[:, None]
    targets = (labels if labels.ndim == 2 else F.one_hot(labels, num_classes)).to(images.dtype)
    mixed = torch.lerp(images.roll(1, 0), images, own[:, None])
    return mixed, torch.lerp(targets.roll(1, 0), targets, own_share)


def _box(images: Tensor, middle: Tensor, area: Tensor) -> Tensor:
    """1 within a square of `area` (N,) around `middle` (N, 2), both as shares, and 0 elsewhere."""
    half = area.sqrt()[:, None] / 2
    inside = [
        (centres(images, dim) - middle[:, axis, None]).abs() < half for axis, dim in enumerate((-2, -1))
    ]
    return (inside[0][:, :, None] & inside[1][:, None, :]).to(images.dtype)


def _beta(u: Tensor, alpha: float) -> Tensor:
    """Turn uniform numbers into ones of Beta(alpha, alpha); 1 for alpha 0."""
    if not alpha:
        return torch.ones_like(u)
    table = torch.tensor(_beta_quantiles(alpha), dtype=u.dtype, device=u.device)
    return table[(u * TABLE).long()]


@lru_cache
def _beta_quantiles(alpha: float) -> list[float]:
    places = (torch.arange(TABLE, dtype=torch.float64) + 0.5) / TABLE
    quantiles: list[float] = special.betaincinv(alpha, alpha, places.numpy()).tolist()
    return quantiles
