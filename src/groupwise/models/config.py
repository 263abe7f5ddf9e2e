"""The values that make a network of the family, the presets among them by name, and what is refused.

Xie et al. 2016 (arXiv 1611.05431): table 1 for ImageNet, section 5.3 for CIFAR.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from groupwise.errors import UsageError, did_you_mean
from groupwise.models.blocks import Halving, StridePlace, attention_channels


@dataclass(frozen=True)
class ResNeXtConfig:
    """The values that make a network; `resnext50_32x4d` has cardinality 32 and base width 4.

    Args:
        depths: Blocks a stage.
        cardinality: Groups of every 3x3 convolution.
        base_width: Channels a group in the first stage; it doubles from stage to stage.
        planes: Width of the stem; it doubles from stage to stage, whose outputs are `expansion` times that.
        stem: `imagenet` (7x7 stride 2, then a pool of stride 2), `deep` (three 3x3 for the 7x7: He et al.
            2018, arXiv 1812.01187, ResNet-C), `strided` (3x3 stride 2) or `cifar` (3x3 stride 1).
        num_classes: Length of the logits.
        in_channels: Channels of the images.
        zero_init_residual: Start each block as the identity (Goyal et al. 2017, arXiv 1706.02677).
        conv_bias: Give the convolutions biases, which the batch normalisation behind them makes idle.
        stride_in: The convolution of a block that strides.
        pool_px: Side of a fixed average pool; None pools the whole map, whatever its size.
        init: `kaiming` (He et al. 2015, fan out) or `torch`, the layers' own.
        mirror_average: Outside of training, average each map with that of the mirrored image, mirrored back.
            The head is linear, so the logits are the average of two looks; it takes twice the time.
        expansion: A stage's output in units of its planes: 4 in the published networks (He et al. 2015,
            figure 5).
        group_width: Channels a group of every 3x3 in the blocks, whatever their width, in place of
            `cardinality` (Radosavovic et al. 2020, arXiv 2003.13678).
        halving: What halves the maps between stages: the first `block` of each (published), or a 3x3
            convolution ahead of the blocks: `conv3x3` (dense), `grouped3x3`, or `avgpool` (dense, averaged).
        block: `bottleneck`, or `plain`: one 3x3, in networks too shallow to need more.
        shortcut: Whether `plain` blocks have one; a bottleneck always does.
        se_ratio: Share of a block's channels to which squeeze and excitation narrows; 0 is none.
        se_place: Whether it scales what a bottleneck adds (`output`), or what its 3x3 gives (`inner`), and
            then narrows to a share of the block's input.
        shortcut_pool: Average where a shortcut halves, ahead of its 1x1, in place of striding (ResNet-D).
        widths: Channels of each stage, inside its bottlenecks and out of them, in place of `base_width`,
            `expansion` and `planes`, which then is the stem's alone (Radosavovic et al. 2020).
        first_stride: Stride of the first stage; 2 where the stem does not pool.
        radix: Splits of each group among which attention chooses, channel by channel (ResNeSt, Zhang et al.
            2020, arXiv 2004.08955); 0 is none. An average behind it halves the maps, no stride.
        drop_path: How often in training the last block adds nothing to the shortcut of an image; of the
            blocks before it less in proportion to their place (Huang et al. 2016, arXiv 1603.09382).
        activation_checkpointing: Keep of each block its input alone, and compute the rest once more for the
            backward pass: the same gradients, less memory, more time (Chen et al. 2016, arXiv 1604.06174).
    """

    depths: tuple[int, ...] = (3, 4, 6, 3)
    cardinality: int = 32
    base_width: int = 4
    planes: int = 64
    stem: Literal["imagenet", "deep", "strided", "cifar"] = "imagenet"
    num_classes: int = 1000
    in_channels: int = 3
    zero_init_residual: bool = False
    conv_bias: bool = False
    stride_in: StridePlace = "3x3"
    pool_px: int | None = None
    init: Literal["kaiming", "torch"] = "kaiming"
    mirror_average: bool = False
    expansion: int = 4
    group_width: int | None = None
    halving: Halving = "block"
    block: Literal["bottleneck", "plain"] = "bottleneck"
    shortcut: bool = True
    se_ratio: float = 0.0
    se_place: Literal["output", "inner"] = "output"
    shortcut_pool: bool = False
    widths: tuple[int, ...] | None = None
    first_stride: int = 1
    radix: int = 0
    drop_path: float = 0.0
    activation_checkpointing: bool = False

    def __post_init__(self) -> None:
        counts = (self.cardinality, self.base_width, self.planes, self.num_classes, self.in_channels)
        least_depth = 1 if self.halving == "block" else 0  # a reduction is a stage of its own
        if not self.depths or min(*counts, self.expansion) < 1 or min(self.depths) < least_depth:
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
        if self.block == "plain" and (self.halving == "block" or self.expansion != 1):
            raise UsageError(
                "a plain block keeps the shape of its maps, and something else has to change it",
                place="model.overrides",
                remedy="Beside it, set halving to conv3x3, grouped3x3 or avgpool, and expansion to 1.",
            )
        self._refuse_parts_of_blocks()
        if self.first_stride not in (1, 2):
            raise UsageError(
                f"{self.first_stride} is neither 1 nor 2",
                place="model.overrides.first_stride",
                remedy="2 where the stem does not pool.",
            )
        if self.widths is not None and (
            len(self.widths) != len(self.depths) or min(self.widths) < 1 or self.block == "plain"
        ):
            raise UsageError(
                f"{self.widths} are no widths of {len(self.depths)} stages of bottlenecks",
                place="model.overrides.widths",
                remedy="Give a positive number for each of the depths.",
            )

    def _refuse_parts_of_blocks(self) -> None:
        plain, overrides = self.block == "plain", "model.overrides"
        if not 0 <= self.se_ratio <= 1:
            raise UsageError(
                f"{self.se_ratio} is not between 0 and 1",
                place=f"{overrides}.se_ratio",
                remedy="0 is none, 0.25 is usual.",
            )
        if not 0 <= self.drop_path < 1 or (self.drop_path and plain and not self.shortcut):
            raise UsageError(
                f"{self.drop_path} is not from 0 to below 1, or the blocks have no shortcut to leave alone",
                place=f"{overrides}.drop_path",
                remedy="0 is none, 0.1 is usual.",
            )
        if self.radix < 0 or (self.radix and (plain or self.stride_in == "1x1" or self.conv_bias)):
            raise UsageError(
                f"radix {self.radix} is for bottlenecks as published, whose 3x3 it splits",
                place=f"{overrides}.radix",
                remedy="0 is none, 2 is usual; leave block, stride_in and conv_bias as they are.",
            )
        for number in range(len(self.depths)):
            inner = self.out_channels(number) if plain else self.inner_width(number)
            if self.group_width is not None and (self.group_width < 1 or inner % self.group_width):
                raise UsageError(
                    f"{inner} channels do not fall into groups of {self.group_width}",
                    place=f"{overrides}.group_width",
                    remedy="Choose a number that divides the channels of every stage, such as 8.",
                )
            groups, radix = self.groups(inner), self.radix
            if radix and (inner % (groups * radix) or attention_channels(inner * radix) % groups):
                raise UsageError(
                    f"{groups} groups of {inner} channels do not fall into {radix} splits each",
                    place=f"{overrides}.radix",
                    remedy="Choose fewer groups, or a base_width that the radix divides.",
                )

    def drop_path_of(self, stage: int, block: int) -> float:
        """How often a block, its number within its stage counted from 0, adds nothing in training."""
        place = sum(self.depths[:stage]) + block + 1
        return self.drop_path * place / sum(self.depths)

    def inner_width(self, stage: int) -> int:
        """Channels inside the bottlenecks of a stage, counted from 0, all groups together."""
        if self.widths is not None:
            return self.widths[stage]
        return self._planes(stage) * self.base_width // 64 * self.cardinality

    def out_channels(self, stage: int) -> int:
        """Channels of the maps that a stage gives, counted from 0."""
        return self._planes(stage) * self.expansion if self.widths is None else self.widths[stage]

    def _planes(self, stage: int) -> int:
        return self.planes << stage  # they double from stage to stage

    def groups(self, channels: int) -> int:
        """Groups of a 3x3 with so many channels."""
        return self.cardinality if self.group_width is None else channels // self.group_width

    @property
    def num_features(self) -> int:
        """Channels of the last stage, which the head classifies."""
        return self.out_channels(len(self.depths) - 1)

    @property
    def default_image_size_px(self) -> int:
        """The side for which its cost is stated: 224 in the papers, 32 with the CIFAR stem, 64 if strided."""
        if self.widths is not None:
            return 224
        return {"imagenet": 224, "deep": 224, "strided": 64, "cifar": 32}[self.stem]


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
