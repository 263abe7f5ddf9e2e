"""The residual block of ResNet and ResNeXt: 1x1, grouped 3x3, 1x1, and a shortcut around them.

He et al. 2015 (arXiv 1512.03385) for the bottleneck, Xie et al. 2016 (arXiv 1611.05431) for the groups.
Module names are torchvision's, so that its weights load unchanged.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

StridePlace = Literal["3x3", "1x1"]


class Bottleneck(nn.Module):
    """One block: `relu(shortcut(x) + conv3(conv2(conv1(x))))`, where `conv2` has `cardinality` groups.

    Maps (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride). `width` is the number of
    channels inside, all groups together. `stride_in` says which convolution strides: the 3x3 (torchvision,
    and the default) or the first 1x1 (the original Caffe model, and the tutorial).
    """

    def __init__(
        self,
        in_channels: int,
        width: int,
        out_channels: int,
        stride: int = 1,
        cardinality: int = 1,
        *,
        bias: bool = False,
        stride_in: StridePlace = "3x3",
    ) -> None:
        super().__init__()
        stride_1x1, stride_3x3 = (stride, 1) if stride_in == "1x1" else (1, stride)
        self.conv1 = nn.Conv2d(in_channels, width, 1, stride_1x1, bias=bias)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride_3x3, padding=1, groups=cardinality, bias=bias)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=bias)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = (
            Projection(in_channels, out_channels, stride, bias=bias)
            if stride != 1 or in_channels != out_channels
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        y += self.downsample(x)
        return self.relu(y)  # type: ignore[no-any-return]


class Projection(nn.Sequential):
    """The shortcut of a block that changes shape: a strided 1x1 convolution, then batch normalisation."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, *, bias: bool = False) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, 1, stride, bias=bias), nn.BatchNorm2d(out_channels)
        )
