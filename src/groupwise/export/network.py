"""The network as ONNX Runtime is fast with it: the same function, narrow groups widened."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from groupwise.models.ensemble import Network, last_maps, trained_networks

# Channels of the widest register of floats (AVX-512), and of the blocks in which ONNX Runtime lays out maps.
LANES = 16


class ExportedNetwork(nn.Module):
    """Maps images (N, C, S, S) to logits (N, K), features (N, C) and the last feature maps (N, C, h, w)."""

    def __init__(self, model: Network) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        maps = last_maps(self.model, images)
        features = trained_networks(self.model)[0].pool(maps)  # a pool takes each channel by itself
        return self.model.fc(features), features, maps


def lay_in_rows(model: Network) -> Network:
    """A copy of `model` whose weights lie in the order of rows.

    From channels_last ones torch writes the global pool as nodes over the size of the batch, after which
    OpenVINO 2026.4 answers int8 wrongly, and other engines refuse the file.
    """
    copied: Network = copy.deepcopy(model).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return copied


def widen_groups(model: Network, lanes: int = LANES) -> Network:
    """A copy of `model` whose grouped convolutions have groups of at least `lanes` channels, where possible.

    Groups are joined by twos, and the filters of a joined group have zeros where they would read their
    neighbours, so the result is the same. It takes more multiplications and less time, because a few channels
    fill no register; how much less is in docs/export.md.
    """
    widened = lay_in_rows(model)
    for module in list(widened.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Conv2d) and child.groups > 1:
                setattr(module, name, _widen(child, lanes))
    return widened


def _widen(narrow: nn.Conv2d, lanes: int) -> nn.Conv2d:
    channels = min(narrow.in_channels, narrow.out_channels) // narrow.groups
    joined = 1
    while channels * joined < lanes and narrow.groups % (2 * joined) == 0:
        joined *= 2
    wide = nn.Conv2d(
        narrow.in_channels,
        narrow.out_channels,
        narrow.kernel_size,  # type: ignore[arg-type]
        narrow.stride,  # type: ignore[arg-type]
        narrow.padding,  # type: ignore[arg-type]
        groups=narrow.groups // joined,
        bias=narrow.bias is not None,
    )
    with torch.no_grad():
        wide.weight.copy_(spread_filters(narrow.weight, narrow.groups, joined))
        if narrow.bias is not None and wide.bias is not None:
            wide.bias.copy_(narrow.bias)
    return wide


def spread_filters(weight: Tensor, groups: int, joined: int) -> Tensor:
    """Filters (O, I, k, k) of `groups` groups as (O, I * joined, k, k) of groups / joined, padded by 0."""
    out_channels, in_channels, *kernel = weight.shape
    wide = weight.new_zeros(out_channels, joined, in_channels, *kernel)
    filters = torch.arange(out_channels)
    wide[filters, filters // (out_channels // groups) % joined] = weight
    return wide.flatten(1, 2)
