"""The networks by name, published ones and small ones.

Xie et al. 2016 (arXiv 1611.05431): table 1 for ImageNet, section 5.3 for CIFAR.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from groupwise.errors import UsageError, did_you_mean
from groupwise.models.config import ResNeXtConfig

# Groups of 8 channels in bottlenecks, and dense 3x3 convolutions at the strides. Weights begin smaller than
# He et al. have them, which behind batch normalisation is a larger step (docs/planner.md).
SMALL = ResNeXtConfig(
    (1, 1, 2, 2),
    cardinality=1,
    base_width=64,
    planes=32,
    stem="strided",
    num_classes=10,
    expansion=1,
    group_width=8,
    halving="conv3x3",
    init="torch",
)

RESNEST = ResNeXtConfig((1, 1, 1, 1), 1, 64, stem="deep", shortcut_pool=True, radix=2)
BASIC = ResNeXtConfig((2, 2, 2, 2), 1, 64, block="basic", expansion=1)


def _regnet(
    depths: tuple[int, ...], widths: tuple[int, ...], group_width: int, se: float = 0.0
) -> ResNeXtConfig:
    """RegNetX, or with squeeze and excitation RegNetY, as pycls has them."""
    return ResNeXtConfig(
        depths,
        cardinality=1,
        base_width=64,
        planes=32,
        stem="strided",
        widths=widths,
        group_width=group_width,
        first_stride=2,
        se_ratio=se,
        se_place="inner",
    )


PRESETS: dict[str, ResNeXtConfig] = {
    "resnet18": BASIC,
    "resnet34": dataclasses.replace(BASIC, depths=(3, 4, 6, 3)),
    "resnet50": ResNeXtConfig(cardinality=1, base_width=64),
    "resnet101": ResNeXtConfig((3, 4, 23, 3), 1, 64),
    "resnet152": ResNeXtConfig((3, 8, 36, 3), 1, 64),
    "resnext50_32x4d": ResNeXtConfig(),
    # The paper's steps between the two, at equal cost (its table 2)
    "resnext50_2x40d": ResNeXtConfig(cardinality=2, base_width=40),
    "resnext50_4x24d": ResNeXtConfig(cardinality=4, base_width=24),
    "resnext50_8x14d": ResNeXtConfig(cardinality=8, base_width=14),
    "resnext101_32x4d": ResNeXtConfig(depths=(3, 4, 23, 3)),
    "resnext101_32x8d": ResNeXtConfig(depths=(3, 4, 23, 3), base_width=8),
    "resnext101_64x4d": ResNeXtConfig(depths=(3, 4, 23, 3), cardinality=64),
    "resnext152_64x4d": ResNeXtConfig(depths=(3, 8, 36, 3), cardinality=64),
    # Squeeze and excitation (SE-ResNeXt), and ResNet-D's stem and shortcuts
    "seresnet50": ResNeXtConfig(cardinality=1, base_width=64, se_ratio=1 / 16),
    "seresnext50_32x4d": ResNeXtConfig(se_ratio=1 / 16),
    "seresnext101_32x4d": ResNeXtConfig(depths=(3, 4, 23, 3), se_ratio=1 / 16),
    "seresnext101_64x4d": ResNeXtConfig(depths=(3, 4, 23, 3), cardinality=64, se_ratio=1 / 16),
    "resnet18d": dataclasses.replace(BASIC, stem="deep", shortcut_pool=True),
    "resnet34d": dataclasses.replace(BASIC, depths=(3, 4, 6, 3), stem="deep", shortcut_pool=True),
    "resnet50d": ResNeXtConfig(cardinality=1, base_width=64, stem="deep", shortcut_pool=True),
    "resnext50d_32x4d": ResNeXtConfig(stem="deep", shortcut_pool=True),
    # ResNeSt: split attention in the same bottleneck, behind ResNet-D's stem and shortcuts
    "resnest14d": RESNEST,
    "resnest26d": dataclasses.replace(RESNEST, depths=(2, 2, 2, 2)),
    "resnest50d": dataclasses.replace(RESNEST, depths=(3, 4, 6, 3)),
    # RegNets, Radosavovic et al. 2020, tables of the model zoo of pycls
    "regnetx_004": _regnet((1, 2, 7, 12), (32, 64, 160, 384), 16),
    "regnetx_008": _regnet((1, 3, 7, 5), (64, 128, 288, 672), 16),
    "regnetx_016": _regnet((2, 4, 10, 2), (72, 168, 408, 912), 24),
    "regnetx_032": _regnet((2, 6, 15, 2), (96, 192, 432, 1008), 48),
    "regnety_004": _regnet((1, 3, 6, 6), (48, 104, 208, 440), 8, 0.25),
    "regnety_008": _regnet((1, 3, 8, 2), (64, 128, 320, 768), 16, 0.25),
    "regnety_016": _regnet((2, 6, 17, 2), (48, 120, 336, 888), 24, 0.25),
    "regnety_032": _regnet((2, 5, 13, 1), (72, 216, 576, 1512), 24, 0.25),
    # CIFAR, section 5.3: three stages of three blocks
    "resnext29_8x64d": ResNeXtConfig((3, 3, 3), 8, 64, stem="cifar", num_classes=10),
    "resnext29_16x64d": ResNeXtConfig((3, 3, 3), 16, 64, stem="cifar", num_classes=10),
    "resnext29_32x4d": ResNeXtConfig((3, 3, 3), 32, 4, stem="cifar", num_classes=10),
    # Small networks for small data
    "resnext11_8x4d": ResNeXtConfig((1, 1, 1), 8, 4, planes=32, stem="cifar", num_classes=10),
    "resnext14_16x8d": ResNeXtConfig((1, 1, 1, 1), 16, 8, planes=32),  # half as wide
    "resnext14_32x4d": ResNeXtConfig((1, 1, 1, 1)),
    "resnext22_w8": SMALL,
    "resnext22_w8_cifar": dataclasses.replace(SMALL, stem="cifar"),
    "resnext22_w8_wide": dataclasses.replace(SMALL, planes=64),
    "resnext26_32x4d": ResNeXtConfig((2, 2, 2, 2)),
    # The tutorial's own reading of ResNeXt-50
    "resnext50_tutorial": ResNeXtConfig(conv_bias=True, stride_in="1x1", pool_px=7, init="torch"),
}


def configure(preset: str, **overrides: Any) -> ResNeXtConfig:
    """The configuration behind a preset's name, with fields replaced; raises as `create_model` does."""
    fields = {field.name for field in dataclasses.fields(ResNeXtConfig)}
    if unknown := sorted(set(overrides) - fields):
        raise UsageError(
            f"no field {', '.join(unknown)} in a network",
            place="create_model",
            remedy=f"Choose among {', '.join(sorted(fields))}.",
        )
    return dataclasses.replace(preset_config(preset), **overrides)


def preset_config(preset: str) -> ResNeXtConfig:
    """The configuration behind a preset's name."""
    if preset not in PRESETS:
        raise UsageError(
            f"no preset {preset!r}{did_you_mean(preset, PRESETS)}",
            place="model.preset",
            remedy=f"Choose one of {', '.join(PRESETS)}.",
        )
    return PRESETS[preset]
