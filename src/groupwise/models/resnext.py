"""Builds ResNeXt, and ResNet as its case of one group, as the figure shows it: stem, stages, head.

Xie et al. 2016, "Aggregated Residual Transformations for Deep Neural Networks" (arXiv 1611.05431): table 1
for ImageNet, section 5.3 for CIFAR. State-dict keys are torchvision's.
"""

from __future__ import annotations

import dataclasses
import difflib
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn

from groupwise.errors import UsageError
from groupwise.models.blocks import Bottleneck, StridePlace

EXPANSION = 4  # a stage's output has four times its planes (He et al. 2015, figure 5)


@dataclass(frozen=True)
class ResNeXtConfig:
    """The values that make a network; `resnext50_32x4d` has cardinality 32 and base width 4.

    Args:
        depths: Blocks a stage.
        cardinality: Groups of every 3x3 convolution.
        base_width: Channels a group in the first stage; it doubles from stage to stage.
        planes: Width of the stem, and a quarter of the first stage's output.
        stem: `imagenet` (7x7 stride 2, then a pool of stride 2) or `cifar` (3x3 stride 1).
        num_classes: Length of the logits.
        in_channels: Channels of the images.
        zero_init_residual: Start each block as the identity (Goyal et al. 2017, arXiv 1706.02677).
        conv_bias: Give the convolutions biases, which the batch normalisation behind them makes idle.
        stride_in: The convolution of a block that strides.
        pool_px: Side of a fixed average pool; None pools the whole map, whatever its size.
        init: `kaiming` (He et al. 2015, fan out) or `torch`, the layers' own.
        mirror_average: Outside of training, average each map with that of the mirrored image, mirrored back.
            The head is linear, so the logits are the average of two looks; it takes twice the time.
    """

    depths: tuple[int, ...] = (3, 4, 6, 3)
    cardinality: int = 32
    base_width: int = 4
    planes: int = 64
    stem: Literal["imagenet", "cifar"] = "imagenet"
    num_classes: int = 1000
    in_channels: int = 3
    zero_init_residual: bool = False
    conv_bias: bool = False
    stride_in: StridePlace = "3x3"
    pool_px: int | None = None
    init: Literal["kaiming", "torch"] = "kaiming"
    mirror_average: bool = False

    def __post_init__(self) -> None:
        counts = (*self.depths, self.cardinality, self.base_width, self.planes, self.num_classes)
        if not self.depths or min(counts) < 1 or self.in_channels < 1:
            raise UsageError(
                f"every count must be at least 1, got {self}",
                place="model",
                remedy="Give positive whole numbers.",
            )
        if self.planes * self.base_width % 64:
            raise UsageError(
                f"planes {self.planes} x base_width {self.base_width} leaves a group a fraction of a channel",
                place="model",
                remedy="Choose planes x base_width as a multiple of 64.",
            )

    @property
    def default_image_size_px(self) -> int:
        """The side for which the paper states this network's cost: 224, or 32 with the CIFAR stem."""
        return 224 if self.stem == "imagenet" else 32


class ResNeXt(nn.Module):
    """Maps images (N, in_channels, H, W) to logits (N, num_classes)."""

    def __init__(self, config: ResNeXtConfig) -> None:
        super().__init__()
        self.config = config
        # Stem
        kernel, stride = (7, 2) if config.stem == "imagenet" else (3, 1)
        self.conv1 = nn.Conv2d(
            config.in_channels, config.planes, kernel, stride, padding=kernel // 2, bias=config.conv_bias
        )
        self.bn1 = nn.BatchNorm2d(config.planes)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1) if config.stem == "imagenet" else nn.Identity()
        # Stages: only the first one keeps the size of the stem's maps.
        channels, planes, stride = config.planes, config.planes, 1
        for name, depth in zip(self.stage_names, config.depths, strict=True):
            self.add_module(name, _stage(config, channels, planes, stride, depth))
            channels, planes, stride = planes * EXPANSION, planes * 2, 2
        # Head
        self.avgpool = nn.AdaptiveAvgPool2d(1) if config.pool_px is None else nn.AvgPool2d(config.pool_px)
        self.fc = nn.Linear(channels, config.num_classes)
        if config.init == "kaiming":
            _init_kaiming(self)
        if config.zero_init_residual:
            _init_blocks_as_identity(self)

    @property
    def stage_names(self) -> tuple[str, ...]:
        """Attribute names of the stages, in the order of the data: `layer1`, `layer2`, ..."""
        return tuple(f"layer{number}" for number in range(1, len(self.config.depths) + 1))

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
        for name in self.stage_names:
            maps[name] = x = self.get_submodule(name)(x)
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


def _stage(config: ResNeXtConfig, in_channels: int, planes: int, stride: int, depth: int) -> nn.Sequential:
    width = planes * config.base_width // 64 * config.cardinality
    blocks = []
    for _ in range(depth):
        blocks.append(
            Bottleneck(
                in_channels,
                width,
                planes * EXPANSION,
                stride,
                config.cardinality,
                bias=config.conv_bias,
                stride_in=config.stride_in,
            )
        )
        in_channels, stride = planes * EXPANSION, 1  # only the first block of a stage changes shape
    return nn.Sequential(*blocks)


def _init_kaiming(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def _init_blocks_as_identity(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, Bottleneck):
            nn.init.zeros_(module.bn3.weight)


PRESETS: dict[str, ResNeXtConfig] = {
    "resnet50": ResNeXtConfig(cardinality=1, base_width=64),
    "resnext50_32x4d": ResNeXtConfig(),
    "resnext101_32x4d": ResNeXtConfig(depths=(3, 4, 23, 3)),
    "resnext101_32x8d": ResNeXtConfig(depths=(3, 4, 23, 3), base_width=8),
    "resnext101_64x4d": ResNeXtConfig(depths=(3, 4, 23, 3), cardinality=64),
    "resnext152_64x4d": ResNeXtConfig(depths=(3, 8, 36, 3), cardinality=64),
    # CIFAR, section 5.3: three stages of three blocks
    "resnext29_8x64d": ResNeXtConfig((3, 3, 3), 8, 64, stem="cifar", num_classes=10),
    "resnext29_16x64d": ResNeXtConfig((3, 3, 3), 16, 64, stem="cifar", num_classes=10),
    "resnext29_32x4d": ResNeXtConfig((3, 3, 3), 32, 4, stem="cifar", num_classes=10),
    # Small networks for small data
    "resnext11_8x4d": ResNeXtConfig((1, 1, 1), 8, 4, planes=32, stem="cifar", num_classes=10),
    "resnext14_16x8d": ResNeXtConfig((1, 1, 1, 1), 16, 8, planes=32),  # half as wide
    "resnext14_32x4d": ResNeXtConfig((1, 1, 1, 1)),
    "resnext26_32x4d": ResNeXtConfig((2, 2, 2, 2)),
    # The tutorial's own reading of ResNeXt-50
    "resnext50_tutorial": ResNeXtConfig(conv_bias=True, stride_in="1x1", pool_px=7, init="torch"),
}


def create_model(preset: str, **overrides: Any) -> ResNeXt:
    """Build a network by the name of its preset, with any field of `ResNeXtConfig` replaced by keyword.

    Example: `create_model("resnext50_32x4d", num_classes=2)`. Weights are random, drawn from torch's
    generator. Raises `UsageError` for an unknown preset or field.
    """
    return ResNeXt(configure(preset, **overrides))


def configure(preset: str, **overrides: Any) -> ResNeXtConfig:
    """The configuration behind a preset's name, with fields replaced; raises as `create_model` does."""
    return dataclasses.replace(preset_config(preset), **_known(overrides))


def preset_config(preset: str) -> ResNeXtConfig:
    """The configuration behind a preset's name."""
    if preset not in PRESETS:
        near = difflib.get_close_matches(preset, PRESETS, n=1)
        raise UsageError(
            f"no preset {preset!r}" + (f", did you mean {near[0]!r}?" if near else ""),
            place="model.preset",
            remedy=f"Choose one of {', '.join(PRESETS)}.",
        )
    return PRESETS[preset]


def _known(overrides: dict[str, Any]) -> dict[str, Any]:
    fields = {field.name for field in dataclasses.fields(ResNeXtConfig)}
    if unknown := sorted(set(overrides) - fields):
        raise UsageError(
            f"no field {', '.join(unknown)} in a network",
            place="create_model",
            remedy=f"Choose among {', '.join(sorted(fields))}.",
        )
    return overrides
