"""Holds the block against its formula and its shapes."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from groupwise.models.blocks import BasicBlock, Bottleneck


@settings(max_examples=40, deadline=None)
@given(
    in_channels=st.integers(1, 12),
    width=st.integers(1, 3),
    out_channels=st.integers(1, 12),
    stride=st.integers(1, 3),
    cardinality=st.sampled_from([1, 2, 5]),
    bias=st.booleans(),
    stride_in=st.sampled_from(["1x1", "3x3"]),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
)
def test_block_maps_to_its_channels_and_strides_once(
    in_channels: int,
    width: int,
    out_channels: int,
    stride: int,
    cardinality: int,
    bias: bool,
    stride_in: str,
    size: tuple[int, int],
) -> None:
    strides = (stride, 1) if stride_in == "1x1" else (1, stride)
    block = Bottleneck(in_channels, width * cardinality, out_channels, strides, cardinality, bias=bias).eval()
    output = block(torch.randn(2, in_channels, *size))
    assert output.shape == (2, out_channels, *(-(-side // stride) for side in size))
    assert output.min() >= 0
    changes_shape = stride != 1 or in_channels != out_channels
    assert isinstance(block.downsample, nn.Identity) == (not changes_shape)
    assert all((m.bias is not None) == bias for m in block.modules() if isinstance(m, nn.Conv2d))


def test_stride_sits_in_the_convolution_that_was_asked_for() -> None:
    default, caffe = Bottleneck(8, 4, 8, (1, 2)), Bottleneck(8, 4, 8, (2, 1))
    assert [default.conv1.stride, default.conv2.stride] == [(1, 1), (2, 2)]
    assert [caffe.conv1.stride, caffe.conv2.stride] == [(2, 2), (1, 1)]


def test_block_is_its_formula() -> None:
    torch.manual_seed(0)
    block = Bottleneck(6, 4, 10, (1, 2), cardinality=2)
    images = torch.randn(3, 6, 7, 7)
    y = block.bn1(block.conv1(images)).relu()
    y = block.bn2(block.conv2(y)).relu()
    expected = (block.downsample(images) + block.bn3(block.conv3(y))).relu()
    torch.testing.assert_close(block(images), expected)


def test_the_basic_block_is_its_formula_and_strides_once() -> None:
    torch.manual_seed(0)
    block = BasicBlock(6, 10, 2)
    images = torch.randn(3, 6, 7, 7)
    y = block.bn2(block.conv2(block.bn1(block.conv1(images)).relu()))
    torch.testing.assert_close(block(images), (block.downsample(images) + y).relu())
    assert block(images).shape == (3, 10, 4, 4)
    assert isinstance(BasicBlock(6, 6).downsample, nn.Identity)


def test_groups_do_not_see_each_other() -> None:
    # With the 1x1 convolutions out of the way, an input to one group moves the outputs of that group only.
    conv = Bottleneck(8, 8, 8, cardinality=4).conv2
    images = torch.randn(1, 8, 5, 5)
    moved = images.clone()
    moved[:, 2:4] += 1
    changed = (conv(moved) - conv(images)).abs().amax((0, 2, 3)) > 1e-6
    assert changed.tolist() == [False, False, True, True, False, False, False, False]


def test_block_leaves_its_input_alone() -> None:
    # Its ReLUs and its sum work in place, and the identity shortcut hands the input itself to the sum.
    images = torch.randn(2, 8, 5, 5)
    before = images.clone()
    for block in (Bottleneck(8, 4, 8), BasicBlock(8, 8)):
        block(images)
        assert torch.equal(images, before)
