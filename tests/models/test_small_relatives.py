"""The networks for small images: what halves their maps, and their blocks."""

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from groupwise.errors import UsageError
from groupwise.models.blocks import Bottleneck, PlainBlock, Reduction, SqueezeExcitation
from groupwise.models.complexity import complexity, ungrouped
from groupwise.models.resnext import ResNeXt, ResNeXtConfig, create_model

SMALL = ResNeXtConfig(
    (1, 1, 2, 2), 1, 64, 32, stem="strided", num_classes=5, expansion=1, group_width=8, halving="conv3x3"
)

# From the stem's 32 channels to 48, which share no 24
GROUPED_HALVING = {
    "halving": "grouped3x3",
    "widths": (48, 72, 96, 120),
    "group_width": 24,
    "first_stride": 2,
}


@settings(max_examples=25, deadline=None)
@given(
    depths=st.lists(st.integers(0, 2), min_size=1, max_size=4).map(tuple),
    halving=st.sampled_from(["conv3x3", "grouped3x3", "avgpool"]),
    block=st.sampled_from(["bottleneck", "basic", "plain"]),
    stem=st.sampled_from(["strided", "cifar"]),
    side=st.integers(1, 40),
)
def test_shapes_halve_from_stage_to_stage(depths, halving, block, stem, side):
    groups = None if block == "basic" else 8
    config = dataclasses.replace(
        SMALL, depths=depths, halving=halving, block=block, stem=stem, group_width=groups
    )
    model = ResNeXt(config).eval()
    maps = model.feature_maps(torch.randn(2, 3, side, side))
    expected = -(-side // 2) if stem == "strided" else side
    for number, name in enumerate(model.stage_names):
        expected = -(-expected // 2) if number else expected
        assert maps[name].shape == (2, 32 * 2**number, expected, expected)
    assert model(torch.randn(2, 3, side, side)).shape == (2, 5)
    assert model.fc.in_features == config.num_features


def test_every_3x3_of_the_blocks_has_groups_of_the_width_asked_for():
    widths = {
        module.conv2.in_channels // module.conv2.groups
        for module in ResNeXt(SMALL).modules()
        if isinstance(module, Bottleneck)
    }
    assert widths == {8}
    dense = {m[0].groups for m in ResNeXt(SMALL).modules() if isinstance(m, Reduction)}
    grouped = dataclasses.replace(SMALL, halving="grouped3x3")
    assert dense == {1}
    assert {m[0].groups for m in ResNeXt(grouped).modules() if isinstance(m, Reduction)} == {4, 8, 16}


def test_the_plain_member_is_the_yardsticks_network():
    """Four stages of two dense 3x3, of which the first strides, without a shortcut."""
    stages = []
    for i, o in ((3, 32), (32, 64), (64, 128), (128, 256)):
        for conv in (nn.Conv2d(i, o, 3, 2, 1, bias=False), nn.Conv2d(o, o, 3, 1, 1, bias=False)):
            stages += [conv, nn.BatchNorm2d(o), nn.ReLU()]
    plain = nn.Sequential(*stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 5)).eval()
    config = dataclasses.replace(
        SMALL, depths=(1, 1, 1, 1), block="plain", shortcut=False, cardinality=1, group_width=None
    )
    ours = ResNeXt(config).eval()
    state = dict(zip(ours.state_dict(), plain.state_dict().values(), strict=True))
    ours.load_state_dict(state)
    images = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(ours(images), plain(images))
    with_shortcut = ResNeXt(dataclasses.replace(config, shortcut=True)).eval()
    with_shortcut.load_state_dict(state)
    assert (with_shortcut(images) - plain(images)).abs().max() > 1e-3


def test_a_plain_block_with_a_shortcut_adds_what_came_in():
    block = PlainBlock(8, 2, shortcut=True).eval()
    nn.init.zeros_(block.conv1.weight)
    x = torch.randn(2, 8, 4, 4)
    torch.testing.assert_close(block(x), x.relu())


def test_averaging_keeps_what_strides_throw_away():
    """A checkerboard of single pixels is seen by an average and not by every second pixel."""
    strided, averaged = (Reduction(1, 1, kind).eval() for kind in ("conv3x3", "avgpool"))
    for reduction in (strided, averaged):
        nn.init.zeros_(reduction[0].weight)
        reduction[0].weight.data[..., 1, 1] = 1.0
    odd = torch.zeros(1, 1, 4, 4)
    odd[..., 1::2, 1::2] = 4.0
    assert strided(odd).max() == 0
    torch.testing.assert_close(averaged(odd), torch.ones(1, 1, 2, 2), atol=1e-4, rtol=0)


def test_squeeze_and_excitation_scales_whole_channels_between_0_and_1():
    part = SqueezeExcitation(8, 2)
    x = torch.rand(3, 8, 5, 5) + 0.1
    scale = part(x) / x
    assert ((scale > 0) & (scale < 1)).all()
    torch.testing.assert_close(scale, scale.mean((2, 3), keepdim=True).expand_as(scale))
    parameters = [complexity(dataclasses.replace(SMALL, se_ratio=r)).parameters for r in (0.0, 0.25)]
    assert parameters[0] < parameters[1]


def test_ungrouped_keeps_the_width_and_drops_the_groups():
    regular = ungrouped(SMALL)
    assert complexity(regular).activations == complexity(SMALL).activations
    assert complexity(regular).multiply_adds > complexity(SMALL).multiply_adds
    assert complexity(ungrouped(regular)) == complexity(regular)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"group_width": 7}, "model.overrides.group_width"),
        ({"group_width": 0}, "model.overrides.group_width"),
        ({"block": "plain", "halving": "block"}, "model.overrides"),
        ({"block": "plain", "expansion": 4}, "model.overrides"),
        ({"depths": (0, 1), "halving": "block"}, "model"),
        ({"expansion": 0}, "model"),
        ({"se_ratio": 1.5}, "model.overrides.se_ratio"),
        ({"block": "plain", "group_width": None, "cardinality": 12}, "model.overrides.cardinality"),
        (
            {"group_width": None, "cardinality": 24, "widths": (32, 64, 128, 256)},
            "model.overrides.cardinality",
        ),
        ({"depths": (0, 1, 1), "expansion": 4}, "model.overrides.depths"),
        (GROUPED_HALVING, "model.overrides.halving"),
        ({"block": "basic"}, "model.overrides.block"),  # which has no groups
        ({"block": "basic", "group_width": None, "conv_bias": True}, "model.overrides.block"),
    ],
)
def test_what_no_network_can_be_is_refused(change, place):
    with pytest.raises(UsageError) as caught:
        dataclasses.replace(SMALL, **change)
    assert str(caught.value).startswith(f"{place}: ")


@pytest.mark.parametrize(
    "change",
    [
        {"depths": (0, 1, 1), "expansion": 4, "first_stride": 2},  # whose first reduction widens
        {"depths": (1, 0, 1), "expansion": 4},
        {"halving": "grouped3x3", "widths": (32, 40, 80, 160)},
        GROUPED_HALVING | {"halving": "conv3x3"},
        GROUPED_HALVING | {"first_stride": 1},
        {"group_width": None, "cardinality": 16, "block": "plain"},
    ],
)
def test_what_barely_fits_makes_a_network(change):
    model = ResNeXt(dataclasses.replace(SMALL, **change)).eval()
    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 5)


def test_the_published_networks_have_the_keys_they_had():
    keys = create_model("resnext50_32x4d").state_dict()
    assert not [key for key in keys if ".se." in key or "shortcut" in key]
