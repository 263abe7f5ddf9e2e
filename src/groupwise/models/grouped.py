"""Grouped convolution: its price, and the two other forms that compute the same.

Xie et al. 2016 (arXiv 1611.05431), figure 3. Branches and groups are two spellings of one function: a filter
sees only the channels of its group, batch normalisation and ReLU see only their own channel, and a 1x1
convolution of concatenated channels is the sum of 1x1 convolutions of its parts. The last batch normalisation
stands behind the sum in every form, for a sum of normalised branches is not the normalised sum. So the forms
agree in training mode, with the statistics of the batch, as well as in evaluation mode.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from groupwise.errors import UsageError

# The dimension along which a layer of the grouped form falls apart into branches: its filters, or in the last
# convolution the channels that each filter reads. `bn3` is missing because it belongs to no branch.
BRANCH_DIM = {"conv1": 0, "bn1": 0, "conv2": 0, "bn2": 0, "conv3": 1}


@dataclass(frozen=True)
class ConvolutionCost:
    """The price of one convolution without bias, for one image; bytes are those of float32 unless asked."""

    parameters: int
    multiply_adds: int
    weight_bytes: int
    activation_bytes: int


def convolution_cost(
    in_channels: int,
    out_channels: int,
    kernel_px: int,
    output_px: int,
    groups: int = 1,
    *,
    bytes_a_value: int = 4,
) -> ConvolutionCost:
    """The price of a `kernel_px` x `kernel_px` convolution with an output of `output_px` x `output_px`.

    k x k x c x n parameters for c channels in and n out, and 1/g of it with g groups, for a filter then reads
    c/g channels. Every parameter is used once a position of the output. The activations are the output, which
    groups leave as large as it was: they save arithmetic and weights, never activation memory.
    Raises `UsageError` if the groups do not divide both channel counts.
    """
    if groups < 1 or in_channels % groups or out_channels % groups:
        raise UsageError(
            f"{groups} groups do not divide {in_channels} channels in and {out_channels} out",
            place="convolution",
            remedy="Choose a number of groups that divides both.",
        )
    parameters = kernel_px * kernel_px * in_channels * out_channels // groups
    positions = output_px * output_px
    return ConvolutionCost(
        parameters,
        parameters * positions,
        parameters * bytes_a_value,
        out_channels * positions * bytes_a_value,
    )


class GroupedForm(nn.Sequential):
    """Figure 3(c): one 1x1, one 3x3 with `cardinality` groups, one 1x1. What `Bottleneck` computes.

    All three forms map (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride) and leave out the
    shortcut. `width` counts the channels inside of all groups together. The layers carry the names of
    `Bottleneck`, whose weights therefore load.
    """

    def __init__(
        self, in_channels: int, width: int, out_channels: int, stride: int = 1, cardinality: int = 1
    ) -> None:
        layers = _transformation(in_channels, width, stride, cardinality)
        layers["conv3"] = nn.Conv2d(width, out_channels, 1, bias=False)
        layers["bn3"] = nn.BatchNorm2d(out_channels)
        super().__init__(layers)


class ConcatenatedForm(nn.Module):
    """Figure 3(b): `cardinality` branches of 1x1 and 3x3, concatenated before one common 1x1."""

    def __init__(
        self, in_channels: int, width: int, out_channels: int, stride: int = 1, cardinality: int = 1
    ) -> None:
        super().__init__()
        width_a_branch = _divide(width, cardinality)
        self.branches = nn.ModuleList(
            nn.Sequential(_transformation(in_channels, width_a_branch, stride)) for _ in range(cardinality)
        )
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        together = torch.cat([branch(x) for branch in self.branches], dim=1)  # (N, width, H, W)
        y: Tensor = self.bn3(self.conv3(together))
        return y


class SummedForm(nn.Module):
    """Figure 3(a): `cardinality` branches of 1x1, 3x3 and 1x1, summed: the aggregation of the title."""

    def __init__(
        self, in_channels: int, width: int, out_channels: int, stride: int = 1, cardinality: int = 1
    ) -> None:
        super().__init__()
        width_a_branch = _divide(width, cardinality)
        self.branches = nn.ModuleList()
        for _ in range(cardinality):
            layers = _transformation(in_channels, width_a_branch, stride)
            layers["conv3"] = nn.Conv2d(width_a_branch, out_channels, 1, bias=False)
            self.branches.append(nn.Sequential(layers))
        self.bn3 = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.bn3(torch.stack([branch(x) for branch in self.branches]).sum(0))
        return y


def concatenated_weights(grouped: Mapping[str, Tensor], cardinality: int) -> dict[str, Tensor]:
    """The state dict of a `ConcatenatedForm` equal to the `GroupedForm` with the state dict `grouped`."""
    return _split(grouped, cardinality, ("conv1", "bn1", "conv2", "bn2"))


def summed_weights(grouped: Mapping[str, Tensor], cardinality: int) -> dict[str, Tensor]:
    """The state dict of a `SummedForm` equal to the `GroupedForm` with the state dict `grouped`."""
    return _split(grouped, cardinality, ("conv1", "bn1", "conv2", "bn2", "conv3"))


def grouped_weights(branched: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The way back: the state dict of the `GroupedForm` equal to a form in branches, whichever of the two."""
    parts: defaultdict[str, list[Tensor]] = defaultdict(list)
    grouped: dict[str, Tensor] = {}
    for key, tensor in branched.items():
        if key.startswith("branches."):
            _, _, rest = key.split(".", 2)
            parts[rest].append(tensor)
        else:
            grouped[key] = tensor
    for key, tensors in parts.items():
        dim = BRANCH_DIM[key.partition(".")[0]]
        grouped[key] = torch.cat(tensors, dim) if tensors[0].ndim else tensors[0]
    return grouped


def _transformation(
    in_channels: int, width: int, stride: int, groups: int = 1
) -> OrderedDict[str, nn.Module]:
    _divide(width, groups)
    return OrderedDict(
        conv1=nn.Conv2d(in_channels, width, 1, bias=False),
        bn1=nn.BatchNorm2d(width),
        relu1=nn.ReLU(),
        conv2=nn.Conv2d(width, width, 3, stride, padding=1, groups=groups, bias=False),
        bn2=nn.BatchNorm2d(width),
        relu2=nn.ReLU(),
    )


def _divide(width: int, cardinality: int) -> int:
    if width % cardinality:
        raise UsageError(
            f"a width of {width} does not fall into {cardinality} equal branches",
            place="block",
            remedy="Choose a width that is a multiple of the cardinality.",
        )
    return width // cardinality


def _split(grouped: Mapping[str, Tensor], cardinality: int, layers: tuple[str, ...]) -> dict[str, Tensor]:
    branched: dict[str, Tensor] = {}
    for key, tensor in grouped.items():
        layer = key.partition(".")[0]
        if layer not in layers:
            branched[key] = tensor
        elif tensor.ndim == 0:  # the number of batches that a normalisation has seen is every branch's own
            branched |= {f"branches.{i}.{key}": tensor for i in range(cardinality)}
        else:
            chunks = tensor.chunk(cardinality, BRANCH_DIM[layer])
            branched |= {f"branches.{i}.{key}": chunk for i, chunk in enumerate(chunks)}
    return branched
