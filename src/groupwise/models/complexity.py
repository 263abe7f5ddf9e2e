"""What a network costs: parameters, multiply-adds and activations, stage by stage.

The conventions are those of Radosavovic et al. 2020 (arXiv 2003.13678). A multiply-add is one multiplication
with its addition, in a convolution or a linear layer: what the ResNeXt paper calls a FLOP is one of them, not
two. Activations are the elements of the outputs of all convolutions. Biases, batch normalisation and pools
add nothing to either.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from groupwise.errors import UsageError
from groupwise.models.resnext import ResNeXt, ResNeXtConfig


@dataclass(frozen=True)
class Complexity:
    """The cost of one network, or of a part of it, for one image."""

    parameters: int
    multiply_adds: int
    activations: int

    def __add__(self, other: Complexity) -> Complexity:
        return Complexity(
            self.parameters + other.parameters,
            self.multiply_adds + other.multiply_adds,
            self.activations + other.activations,
        )


ZERO = Complexity(0, 0, 0)
PART_OF_CHILD = {"conv1": "stem", "bn1": "stem", "fc": "head"}  # a stage is a part of its own


@dataclass(frozen=True)
class StageSummary:
    """One line of a network's description: `stem`, `layer1`, ..., `head`.

    `blocks` is 0 for stem and head. `output_shape` is (C, H, W), or (num_classes,) for the head.
    """

    name: str
    blocks: int
    output_shape: tuple[int, ...]
    cost: Complexity


def complexity(network: ResNeXtConfig | ResNeXt, image_size_px: int | None = None) -> Complexity:
    """The cost of one square image of side `image_size_px`, or of the side that the configuration names.

    Raises `UsageError` for an image that the network cannot take.
    """
    return sum((stage.cost for stage in describe(network, image_size_px)), ZERO)


def describe(network: ResNeXtConfig | ResNeXt, image_size_px: int | None = None) -> list[StageSummary]:
    """The network in the order of the data, one entry for the stem, for each stage and for the head.

    The costs add up to `complexity`. What is measured is a copy on the meta device, which has shapes and no
    memory: no weights are allocated, no random number is drawn, and a model passed in is left as it is.
    Raises `UsageError` for an image that the network cannot take.
    """
    config = network.config if isinstance(network, ResNeXt) else network
    twin, images = _on_meta(config, config.default_image_size_px if image_size_px is None else image_size_px)
    costs = _watch(twin)
    maps = twin.feature_maps(images)
    logits = twin.fc(twin.pool(maps[twin.stage_names[-1]]))
    body = [
        StageSummary(name, depth, tuple(maps[name].shape[1:]), costs[name])
        for name, depth in zip(maps, (0, *config.depths), strict=True)
    ]
    return [*body, StageSummary("head", 0, tuple(logits.shape[1:]), costs["head"])]


def ungrouped(config: ResNeXtConfig) -> ResNeXtConfig:
    """The same network with regular convolutions in place of the grouped ones: equally wide, cardinality 1.

    Example: `ungrouped` of 32x4d is 1x128d. Against it one sees what the groups save.
    """
    base_width = config.base_width * config.cardinality
    return dataclasses.replace(config, cardinality=1, base_width=base_width, group_width=None)


def _on_meta(config: ResNeXtConfig, size_px: int) -> tuple[ResNeXt, Tensor]:
    if size_px < 1:
        raise UsageError(
            f"an image of {size_px} px has no pixel", place="data.image_size_px", remedy="Give at least 1."
        )
    with torch.device("meta"):
        return ResNeXt(config).eval(), torch.empty(1, config.in_channels, size_px, size_px)


def _watch(network: ResNeXt) -> dict[str, Complexity]:
    """The cost by part: parameters at once, the rest when an image has passed through."""
    costs: dict[str, Complexity] = {}
    for child_name, child in network.named_children():
        name = PART_OF_CHILD.get(child_name, child_name)
        parameters = sum(parameter.numel() for parameter in child.parameters())
        costs[name] = costs.get(name, ZERO) + Complexity(parameters, 0, 0)
        for module in child.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                module.register_forward_hook(partial(_count, costs, name))
    return costs


def _count(
    costs: dict[str, Complexity], name: str, module: nn.Module, _: tuple[Tensor, ...], output: Tensor
) -> None:
    # Each element of the output takes as many multiply-adds as one filter has weights.
    weights_a_filter = module.get_parameter("weight")[0].numel()
    activations = output.numel() if isinstance(module, nn.Conv2d) else 0
    costs[name] += Complexity(0, output.numel() * weights_a_filter, activations)
