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
from torch.nn.functional import logsigmoid

from groupwise.models.probe import Probe
from groupwise.models.resnext import ResNeXt

Member = ResNeXt | Probe


class Ensemble(nn.Module):
    """Maps images (N, C, H, W) to logits (N, K) of the members' mean calibrated probabilities.

    A softmax of these logits at temperature 1 gives the mean back; with `several` labels an image, each by
    itself, it is a sigmoid. It is read like one network, `features` and then `fc`. The features lie in a
    space of their own for each member, so they are joined end to end instead of averaged; `fc` is not linear
    in them, and a heat map is the mean of those of the `members`.
    """

    def __init__(
        self, members: Sequence[Member], temperatures: Sequence[float], *, several: bool = False
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.temperatures = tuple(temperatures)
        self.several = several

    def features(self, images: Tensor) -> Tensor:
        """Pooled features of all members, end to end, (N, M x C)."""
        return torch.cat([net.features(images) for net in self._networks()], dim=1)

    def fc(self, features: Tensor) -> Tensor:
        """Logits (N, K) of such features."""
        widths = [net.fc.in_features for net in self._networks()]
        parts = torch.functional.split(features, widths, dim=1)
        scaled = torch.stack(
            [
                net.fc(part) / temperature
                for net, part, temperature in zip(self._networks(), parts, self.temperatures, strict=True)
            ]
        )
        if self.several:  # log of mean p over mean 1 - p
            return logsigmoid(scaled).logsumexp(dim=0) - logsigmoid(-scaled).logsumexp(dim=0)
        return scaled.log_softmax(dim=2).logsumexp(dim=0) - math.log(len(scaled))

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.features(images))

    def _networks(self) -> Iterator[Member]:
        return (cast(Member, member) for member in self.members)


Network = Member | Ensemble


def networks_of(model: Network) -> tuple[Member, ...]:
    """The members of an ensemble, or the one network."""
    return tuple(cast(Member, net) for net in model.members) if isinstance(model, Ensemble) else (model,)


def trained_networks(model: Network) -> tuple[ResNeXt, ...]:
    """The same of a network whose every layer was trained here; empty for a probe of frozen features."""
    return tuple(net for net in networks_of(model) if isinstance(net, ResNeXt))


def last_maps(model: Network, images: Tensor) -> Tensor:
    """The last feature maps (N, C, h, w) of a trained network; those of all members, one behind another."""
    nets = trained_networks(model)
    return torch.cat([net.feature_maps(images)[net.stage_names[-1]] for net in nets], dim=1)


def head_weight(model: Network) -> Tensor:
    """What makes logits of pooled `last_maps`, (K, C); those of a member count by its temperature.

    For a network its last layer's; of an ensemble the sum of the members' calibrated logits.
    """
    if not isinstance(model, Ensemble):
        return model.fc.weight.detach()
    parts = zip(networks_of(model), model.temperatures, strict=True)
    return torch.cat([net.fc.weight.detach() / temperature for net, temperature in parts], dim=1)
