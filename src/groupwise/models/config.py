"""The values that make a network of the family, and what is refused.

Xie et al. 2016 (arXiv 1611.05431): table 1 for ImageNet, section 5.3 for CIFAR.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import gcd, isfinite
from numbers import Integral, Real
from typing import Any, Literal, get_args, get_origin, get_type_hints

from groupwise.errors import UsageError, did_you_mean
from groupwise.models.blocks import Halving, StridePlace, attention_channels

COUNTS = ("cardinality", "base_width", "planes", "num_classes", "in_channels", "expansion", "pool_px")


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)


def _are_whole(values: Any) -> bool:
    return isinstance(values, list | tuple) and all(map(_is_whole, values))


# What the values of each kind of field are told by, and what is said of any other
KINDS: dict[Any, tuple[Callable[[Any], bool], str, str]] = {
    tuple[int, ...]: (_are_whole, "no list of whole numbers", "Give one number a stage, as in [1, 2]."),
    int: (_is_whole, "no whole number", "Give one, such as 4."),
    float: (_is_number, "no finite number", "Give one, such as 0.25."),
    bool: (lambda value: isinstance(value, bool), "neither true nor false", "Give one of them."),
}


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
        block: `bottleneck`; `basic`: two dense 3x3, of ResNet-18 and -34 (He et al. 2015, figure 5); or
            `plain`: one 3x3, in networks too shallow to need more.
        shortcut: Whether `plain` blocks have one; the others always do.
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
    block: Literal["bottleneck", "basic", "plain"] = "bottleneck"
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
        self._refuse_other_kinds()
        least_depth = 1 if self.halving == "block" else 0  # a reduction is a stage of its own
        small = [name for name in COUNTS if (count := getattr(self, name)) is not None and count < 1]
        small += ["depths"] * (min(self.depths, default=-1) < least_depth)
        if small:
            got = ", ".join(f"{name} {getattr(self, name)}" for name in small)
            raise UsageError(
                f"every count must be at least 1, got {got}",
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
        if self.widths is not None and (
            len(self.widths) != len(self.depths) or min(self.widths) < 1 or self.block != "bottleneck"
        ):
            raise UsageError(
                f"{self.widths} are no widths of {len(self.depths)} stages of bottlenecks",
                place="model.overrides.widths",
                remedy="Give a positive number for each of the depths.",
            )
        self._refuse_parts_of_bottlenecks()
        self._refuse_parts_of_blocks()
        if self.first_stride not in (1, 2):
            raise UsageError(
                f"{self.first_stride} is neither 1 nor 2",
                place="model.overrides.first_stride",
                remedy="2 where the stem does not pool.",
            )
        self._refuse_stages_that_do_not_join()

    def _refuse_other_kinds(self) -> None:
        """Words that no network has, and whatever else is not of the kind of its field."""
        for name, hint in _hints().items():
            value = getattr(self, name)
            kinds, place = get_args(hint), f"model.overrides.{name}"
            if get_origin(hint) is Literal:
                if value not in kinds:
                    raise UsageError(
                        f"no {name} {value!r}{did_you_mean(str(value), kinds)}",
                        place=place,
                        remedy=f"Choose one of {', '.join(kinds)}.",
                    )
                continue
            holds, otherwise, remedy = next(KINDS[kind] for kind in KINDS if kind in (hint, *kinds))
            if not (holds(value) or (value is None and type(None) in kinds)):
                raise UsageError(f"{value!r} is {otherwise}", place=place, remedy=remedy)

    def _refuse_parts_of_bottlenecks(self) -> None:
        """Groups of two layers make only a wide dense block (Xie et al. 2016, section 3.3)."""
        needed: dict[str, object] = {
            "cardinality": 1,
            "base_width": 64,
            "group_width": None,
            "expansion": 1,
            "radix": 0,
        }
        needed |= {"conv_bias": False, "stride_in": "3x3", "se_place": "output"}
        differing = [name for name, value in needed.items() if getattr(self, name) != value]
        if self.block == "basic" and differing:
            named = ", ".join(f"{name} {getattr(self, name)}" for name in differing)
            raise UsageError(
                f"a basic block has two dense 3x3 convolutions, and nothing of {named}",
                place="model.overrides.block",
                remedy="Begin with the preset resnet18, or set "
                f"{', '.join(f'{name} to {needed[name]}' for name in differing)}.",
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
            inner = self.grouped_width(number)
            if self.group_width is None and inner % self.cardinality:
                raise UsageError(
                    f"{inner} channels do not fall into {self.cardinality} groups",
                    place=f"{overrides}.cardinality",
                    remedy="Choose a number that divides the channels of every stage, or a group_width.",
                )
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

    def _refuse_stages_that_do_not_join(self) -> None:
        """A first stage that has nothing to widen the maps, and reductions whose groups do not come out."""
        came = self.planes
        for number, depth in enumerate(self.depths):
            given, halves = self.out_channels(number), number > 0 or self.first_stride == 2
            if not depth and not halves and came != given:
                raise UsageError(
                    f"the first stage has no block to make {given} channels of the stem's {came}",
                    place="model.overrides.depths",
                    remedy="Give it one at least, or set expansion to 1.",
                )
            shared = gcd(came, given)
            groups = self.groups(shared)
            if halves and self.halving == "grouped3x3" and (groups < 1 or shared % groups):
                raise UsageError(
                    f"the grouped 3x3 from {came} to {given} channels cannot have the groups of the blocks",
                    place="model.overrides.halving",
                    remedy="Choose conv3x3 or avgpool, or other groups.",
                )
            came = given

    def drop_path_of(self, stage: int, block: int) -> float:
        """How often a block, its number within its stage counted from 0, adds nothing in training."""
        place = sum(self.depths[:stage]) + block + 1
        return self.drop_path * place / sum(self.depths)

    def inner_width(self, stage: int) -> int:
        """Channels inside the bottlenecks of a stage, counted from 0, all groups together."""
        if self.widths is not None:
            return self.widths[stage]
        return self._planes(stage) * self.base_width // 64 * self.cardinality

    def grouped_width(self, stage: int) -> int:
        """Channels of the 3x3 in the blocks of a stage, counted from 0, which has the groups."""
        return self.out_channels(stage) if self.block == "plain" else self.inner_width(stage)

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


@cache
def _hints() -> dict[str, Any]:
    """What each field holds, by name."""
    return get_type_hints(ResNeXtConfig)
