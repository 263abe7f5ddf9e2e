"""The blocks of ResNet, ResNeXt and their small relatives, and what halves the maps between stages.

He et al. 2015 (arXiv 1512.03385) for the basic block, the bottleneck and their shortcut, Xie et al. 2016
(arXiv 1611.05431) for the groups, Hu et al. 2017 (arXiv 1709.01507) for squeeze and excitation, Zhang et al.
2020 (arXiv 2004.08955) for split attention. Module names are torchvision's, and where it has none timm's, so
that their weights load unchanged.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

StridePlace = Literal["3x3", "1x1"]
Halving = Literal["block", "conv3x3", "grouped3x3", "avgpool"]


class Bottleneck(nn.Module):
    """One block: `relu(shortcut(x) + conv3(conv2(conv1(x))))`, where `conv2` has `cardinality` groups.

    Maps (N, in_channels, H, W) to (N, out_channels, H / s, W / s), where s is the product of the `strides` of
    the first 1x1 convolution and of the 3x3 one. `width` is the number of channels inside, all groups
    together. `se_ratio` is the share of `out_channels` to which squeeze and excitation narrows; 0 is none.
    With `se_inner` it scales what `conv2` gives, and narrows to that share of `in_channels`. With `radix`
    splits a group, `conv2` is split attention. `drop_path` is how often training leaves an image's shortcut
    alone.
    """

    def __init__(
        self,
        in_channels: int,
        width: int,
        out_channels: int,
        strides: tuple[int, int] = (1, 1),
        cardinality: int = 1,
        *,
        bias: bool = False,
        se_ratio: float = 0.0,
        se_inner: bool = False,
        shortcut_pool: bool = False,
        radix: int = 0,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        stride = strides[0] * strides[1]
        self.conv1 = nn.Conv2d(in_channels, width, 1, strides[0], bias=bias)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = (
            SplitAttention(width, radix, strides[1], cardinality)
            if radix
            else nn.Conv2d(width, width, 3, strides[1], padding=1, groups=cardinality, bias=bias)
        )
        self.bn2 = nn.Identity() if radix else nn.BatchNorm2d(width)  # split attention has its own
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=bias)
        self.bn3 = nn.BatchNorm2d(out_channels)
        scaled, whole = (width, in_channels) if se_inner else (out_channels, out_channels)
        self.se = SqueezeExcitation(scaled, round(whole * se_ratio)) if se_ratio else nn.Identity()
        self.se_inner = se_inner
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()
        self.relu = nn.ReLU(inplace=True)
        projection = PooledProjection if shortcut_pool else Projection
        self.downsample = (
            projection(in_channels, out_channels, stride, bias=bias)
            if stride != 1 or in_channels != out_channels
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(self.se(y))) if self.se_inner else self.se(self.bn3(self.conv3(y)))
        y = self.drop_path(y)
        y += self.downsample(x)
        return self.relu(y)  # type: ignore[no-any-return]


class BasicBlock(nn.Module):
    """Two dense 3x3, the first strided, of ResNet-18 and -34: `relu(shortcut(x) + conv2(conv1(x)))`.

    Maps (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride). `se_ratio`, `shortcut_pool` and
    `drop_path` are those of `Bottleneck`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        *,
        se_ratio: float = 0.0,
        shortcut_pool: bool = False,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        squeezed = round(out_channels * se_ratio)
        self.se = SqueezeExcitation(out_channels, squeezed) if se_ratio else nn.Identity()
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()
        self.relu = nn.ReLU(inplace=True)
        projection = PooledProjection if shortcut_pool else Projection
        self.downsample = (
            projection(in_channels, out_channels, stride)
            if stride != 1 or in_channels != out_channels
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.relu(self.bn1(self.conv1(x)))
        y = self.drop_path(self.se(self.bn2(self.conv2(y))))
        y += self.downsample(x)
        return self.relu(y)  # type: ignore[no-any-return]


class Projection(nn.Sequential):
    """The shortcut of a block that changes shape: a strided 1x1 convolution, then batch normalisation."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, *, bias: bool = False) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, 1, stride, bias=bias), nn.BatchNorm2d(out_channels)
        )


class PooledProjection(nn.Sequential):
    """The same with an average in place of the stride, so that no value is passed over (ResNet-D)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, *, bias: bool = False) -> None:
        super().__init__(
            nn.Identity()
            if stride == 1
            else nn.AvgPool2d(2, stride, ceil_mode=True, count_include_pad=False),
            nn.Conv2d(in_channels, out_channels, 1, bias=bias),
            nn.BatchNorm2d(out_channels),
        )


class PlainBlock(nn.Module):
    """`relu(bn1(conv1(x)))`, one 3x3 with `cardinality` groups; with a shortcut, `relu(x + bn1(conv1(x)))`.

    Maps (N, channels, H, W) to the same shape.
    """

    def __init__(
        self,
        channels: int,
        cardinality: int = 1,
        *,
        shortcut: bool = False,
        se_ratio: float = 0.0,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, groups=cardinality, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.se = SqueezeExcitation(channels, round(channels * se_ratio)) if se_ratio else nn.Identity()
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = shortcut
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.drop_path(self.se(self.bn1(self.conv1(x))))
        if self.shortcut:
            y += x
        return self.relu(y)  # type: ignore[no-any-return]


class Reduction(nn.Sequential):
    """What halves the maps ahead of a stage's blocks: a 3x3 convolution, batch normalisation and ReLU.

    Maps (N, in_channels, H, W) to (N, out_channels, H / 2, W / 2). `kind` says how: `conv3x3` and
    `grouped3x3` (of `groups` groups) stride by 2; `avgpool` averages what the convolution gives at full size.
    """

    def __init__(self, in_channels: int, out_channels: int, kind: Halving, groups: int = 1) -> None:
        stride = 1 if kind == "avgpool" else 2
        groups = groups if kind == "grouped3x3" else 1
        super().__init__(
            nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, groups=groups, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            # The same average either way; in int8, ONNX Runtime errs at odd sides where padding is to count.
            nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False) if kind == "avgpool" else nn.Identity(),
        )


class SqueezeExcitation(nn.Module):
    """Scales each channel by a factor from 0 to 1 that two layers make of all channels' means."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, max(squeezed, 1), 1)
        self.fc2 = nn.Conv2d(max(squeezed, 1), channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        scale: Tensor = self.fc2(self.fc1(x.mean((2, 3), keepdim=True)).relu()).sigmoid()
        return x * scale


class SplitAttention(nn.Module):
    """A grouped 3x3 of `radix` times as many channels, of which each channel takes a weighted mean.

    Maps (N, channels, H, W) to (N, channels, H / stride, W / stride). The weights of a channel's splits add
    up to 1 (with one split it is scaled by 0 to 1), and two layers make them of the means of all channels of
    its group.
    """

    def __init__(self, channels: int, radix: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.groups, self.radix = groups, radix
        wide = channels * radix
        narrow = attention_channels(wide)
        self.conv = nn.Conv2d(channels, wide, 3, padding=1, groups=groups * radix, bias=False)
        self.bn0 = nn.BatchNorm2d(wide)
        self.relu = nn.ReLU(inplace=True)
        self.fc1 = nn.Conv2d(channels, narrow, 1, groups=groups)
        self.bn1 = nn.BatchNorm2d(narrow)
        self.fc2 = nn.Conv2d(narrow, wide, 1, groups=groups)
        self.pool = nn.Identity() if stride == 1 else nn.AvgPool2d(3, stride, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        splits = self.relu(self.bn0(self.conv(x))).unflatten(1, (self.radix, -1))  # (N, radix, C, H, W)
        means = splits.sum(1).mean((2, 3), keepdim=True)
        scores = self.fc2(self.relu(self.bn1(self.fc1(means))))  # by group, then by split
        scores = scores.unflatten(1, (self.groups, self.radix, -1)).transpose(1, 2)
        weights = scores.softmax(1) if self.radix > 1 else scores.sigmoid()
        y: Tensor = (splits * weights.flatten(2, 3)).sum(1)
        return self.pool(y)  # type: ignore[no-any-return]


def attention_channels(wide: int) -> int:
    """Channels between the two layers of split attention: a quarter of `wide`, rounded as timm does."""
    value = wide / 4
    rounded = max(32, int(value + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * value else rounded + 8


class DropPath(nn.Module):
    """In training nothing of an image, by chance `p`, or all of it, raised so that the mean stays.

    Stochastic depth, Huang et al. 2016 (arXiv 1603.09382). The draws are torch's, which a checkpoint keeps.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        kept = x.new_empty(len(x), 1, 1, 1).bernoulli_(1 - self.p)
        return x * kept / (1 - self.p)

    def extra_repr(self) -> str:
        return f"p={self.p:g}"
