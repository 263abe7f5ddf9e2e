"""ResNeXt, ResNet as its case of one group, and small relatives, as their figure: stem, stages, head.

Xie et al. 2016, "Aggregated Residual Transformations for Deep Neural Networks" (arXiv 1611.05431): table 1
for ImageNet, section 5.3 for CIFAR. State-dict keys are torchvision's.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from groupwise.errors import UsageError
from groupwise.models.blocks import BasicBlock, Bottleneck, PlainBlock, Reduction
from groupwise.models.checkpointing import through_blocks
from groupwise.models.config import ResNeXtConfig
from groupwise.models.presets import PRESETS, configure, preset_config

__all__ = ["PRESETS", "ResNeXt", "ResNeXtConfig", "configure", "create_model", "preset_config"]


class ResNeXt(nn.Module):
    """Maps images (N, in_channels, H, W) to logits (N, num_classes)."""

    def __init__(self, config: ResNeXtConfig) -> None:
        super().__init__()
        self.config = config
        # Stem
        self.conv1 = _stem(config)
        self.bn1 = nn.BatchNorm2d(config.planes)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1) if config.stem in ("imagenet", "deep") else nn.Identity()
        # Attribute names of the stages, in the order of the data
        self.stage_names = tuple(f"layer{number}" for number in range(1, len(config.depths) + 1))
        # Stages: only the first one may keep the size of the stem's maps.
        channels, stride = config.planes, config.first_stride
        for number, name in enumerate(self.stage_names):
            self.add_module(name, _stage(config, channels, number, stride))
            channels, stride = config.out_channels(number), 2
        # Head
        self.avgpool = nn.AdaptiveAvgPool2d(1) if config.pool_px is None else nn.AvgPool2d(config.pool_px)
        self.fc = nn.Linear(channels, config.num_classes)
        if config.init == "kaiming":
            _init_kaiming(self)
        if config.zero_init_residual:
            _init_blocks_as_identity(self)

    def feature_maps(self, images: Tensor) -> dict[str, Tensor]:
        """The maps behind the stem and behind each stage, by name, in the order of the data."""
        maps = self._maps(images)
        if self.config.mirror_average and not self.training:
            mirrored = self._maps(images.flip(-1))
            maps = {name: (maps[name] + mirrored[name].flip(-1)) / 2 for name in maps}
        return maps

    def _maps(self, images: Tensor) -> dict[str, Tensor]:
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        maps = {"stem": x}
        recomputes = self.config.activation_checkpointing and self.training and torch.is_grad_enabled()
        for name in self.stage_names:
            stage = self.get_submodule(name)
            maps[name] = x = through_blocks(stage.children(), x) if recomputes else stage(x)
        return maps

    def pool(self, feature_map: Tensor) -> Tensor:
        """The last stage's map as one vector an image, (N, C): what the head classifies."""
        side, (height, width) = self.config.pool_px, feature_map.shape[-2:]
        if side is not None and {height // side, width // side} != {1}:
            raise UsageError(
                f"the fixed {side} px pool does not leave one value of a {height} x {width} map",
                place="data.image_size_px",
                remedy="Use 224, or a preset without a fixed pool.",
            )
        pooled: Tensor = self.avgpool(feature_map)
        return pooled.flatten(1)  # (N, C)

    def features(self, images: Tensor) -> Tensor:
        """What the head classifies of each image, (N, C)."""
        return self.pool(self.feature_maps(images)[self.stage_names[-1]])

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.features(images))
        return logits


@contextmanager
def one_look(model: nn.Module) -> Iterator[None]:
    """Let `model` answer without the mirror image that its configuration may ask for, in half the time."""
    if not isinstance(model, ResNeXt):
        yield
        return
    config = model.config
    model.config = dataclasses.replace(config, mirror_average=False)
    try:
        yield
    finally:
        model.config = config


def _stem(config: ResNeXtConfig) -> nn.Module:
    """The first convolution, or three of them; what normalises the last is the network's own `bn1`."""
    if config.stem == "deep":
        half, bias = config.planes // 2, config.conv_bias
        return nn.Sequential(
            nn.Conv2d(config.in_channels, half, 3, 2, padding=1, bias=bias),
            nn.BatchNorm2d(half),
            nn.ReLU(inplace=True),
            nn.Conv2d(half, half, 3, padding=1, bias=bias),
            nn.BatchNorm2d(half),
            nn.ReLU(inplace=True),
            nn.Conv2d(half, config.planes, 3, padding=1, bias=bias),
        )
    kernel, stride = {"imagenet": (7, 2), "strided": (3, 2), "cifar": (3, 1)}[config.stem]
    return nn.Conv2d(
        config.in_channels, config.planes, kernel, stride, padding=kernel // 2, bias=config.conv_bias
    )


def _stage(config: ResNeXtConfig, in_channels: int, number: int, stride: int) -> nn.Sequential:
    out_channels = config.out_channels(number)
    blocks = list[nn.Module]()
    if config.halving != "block" and stride > 1:
        groups = config.groups(math.gcd(in_channels, out_channels))
        blocks.append(Reduction(in_channels, out_channels, config.halving, groups))
        in_channels, stride = out_channels, 1
    for place in range(config.depths[number]):
        blocks.append(_block(config, in_channels, number, place, stride))
        in_channels, stride = out_channels, 1  # only the first block of a stage changes shape
    return nn.Sequential(*blocks)


def _block(config: ResNeXtConfig, in_channels: int, number: int, place: int, stride: int) -> nn.Module:
    """The block at `place` in the stage of that number, both counted from 0."""
    width, out_channels = config.inner_width(number), config.out_channels(number)
    drop_path = config.drop_path_of(number, place)
    if config.block == "plain":
        return PlainBlock(
            out_channels,
            config.groups(out_channels),
            shortcut=config.shortcut,
            se_ratio=config.se_ratio,
            drop_path=drop_path,
        )
    if config.block == "basic":
        return BasicBlock(
            in_channels,
            out_channels,
            stride,
            se_ratio=config.se_ratio,
            shortcut_pool=config.shortcut_pool,
            drop_path=drop_path,
        )
    return Bottleneck(
        in_channels,
        width,
        out_channels,
        (stride, 1) if config.stride_in == "1x1" else (1, stride),
        config.groups(width),
        bias=config.conv_bias,
        se_ratio=config.se_ratio,
        se_inner=config.se_place == "inner",
        shortcut_pool=config.shortcut_pool,
        radix=config.radix,
        drop_path=drop_path,
    )


def _init_kaiming(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def _init_blocks_as_identity(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, Bottleneck):
            nn.init.zeros_(module.bn3.weight)
        elif isinstance(module, BasicBlock):
            nn.init.zeros_(module.bn2.weight)


def create_model(preset: str, **overrides: Any) -> ResNeXt:
    """Build a network by the name of its preset, with any field of `ResNeXtConfig` replaced by keyword.

    Weights are random, drawn from torch's generator; `load_weights` fills them.

    Args:
        preset: A name of `PRESETS`, which `groupwise info` lists.
        **overrides: Fields of `ResNeXtConfig`, such as `num_classes` or `stem`.

    Returns:
        The network in training mode. It maps float images (N, in_channels, H, W), normalised, to logits
        (N, num_classes); `features(images)` gives what the head classifies, (N, C).

    Raises:
        UsageError: An unknown preset or field, or values that make no network.

    Source:
        Xie et al. 2016, "Aggregated Residual Transformations for Deep Neural Networks" (arXiv 1611.05431).

    Example:
        >>> import groupwise, torch
        >>> model = groupwise.create_model("resnext50_32x4d", num_classes=2).eval()
        >>> model(torch.zeros(1, 3, 64, 64)).shape
        torch.Size([1, 2])
    """
    return ResNeXt(configure(preset, **overrides))
