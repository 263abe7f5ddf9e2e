"""Ensembles: one network that averages the probabilities of several.

A linear opinion pool (Stone 1961, Annals of Mathematical Statistics 32:1339), as in deep ensembles
(Lakshminarayanan, Pritzel and Blundell 2017, arXiv 1612.01474). Every member keeps its own temperature.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from groupwise.models.resnext import ResNeXt


class Ensemble(nn.Module):
    """Maps images (N, C, H, W) to the logarithm of the members' mean calibrated probabilities (N, K).

    A softmax of these logits at temperature 1 gives the mean back. It is read like one network, `features`
    and then `fc`. The features lie in a space of their own for each member, so they are joined end to end
    instead of averaged; `fc` is not linear in them, and a heat map is the mean of those of the `members`.
    """

    def __init__(self, members: Sequence[ResNeXt], temperatures: Sequence[float]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.temperatures = tuple(temperatures)

    def features(self, images: Tensor) -> Tensor:
        """Pooled features of all members, end to end, (N, M x C)."""
        return torch.cat([net.features(images) for net in self._networks()], dim=1)

    def fc(self, features: Tensor) -> Tensor:
        """Logits (N, K) of such features."""
        widths = [net.fc.in_features for net in self._networks()]
        parts = torch.functional.split(features, widths, dim=1)
        log_probs = [
            (net.fc(part) / temperature).log_softmax(dim=1)
            for net, part, temperature in zip(self._networks(), parts, self.temperatures, strict=True)
        ]
        return torch.stack(log_probs).logsumexp(dim=0) - math.log(len(log_probs))

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.features(images))

    def _networks(self) -> Iterator[ResNeXt]:
        return (cast(ResNeXt, member) for member in self.members)


def networks_of(model: ResNeXt | Ensemble) -> tuple[ResNeXt, ...]:
    """The members of an ensemble, or the one network."""
    return (model,) if isinstance(model, ResNeXt) else tuple(cast(ResNeXt, net) for net in model.members)


def last_maps(model: ResNeXt | Ensemble, images: Tensor) -> Tensor:
    """The last feature maps (N, C, h, w) of a network, or those of all members, one behind another."""
    nets = networks_of(model)
    return torch.cat([net.feature_maps(images)[net.stage_names[-1]] for net in nets], dim=1)


def head_weight(model: ResNeXt | Ensemble) -> Tensor:
    """What makes logits of pooled `last_maps`, (K, C); those of a member count by its temperature.

    For a network its last layer's; of an ensemble the sum of the members' calibrated logits.
    """
    if isinstance(model, ResNeXt):
        return model.fc.weight.detach()
    parts = zip(networks_of(model), model.temperatures, strict=True)
    return torch.cat([net.fc.weight.detach() / temperature for net, temperature in parts], dim=1)
