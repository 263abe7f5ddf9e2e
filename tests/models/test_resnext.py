"""Holds the network against torchvision's frozen logits, its figure and its refusals."""

from __future__ import annotations

import dataclasses
import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from groupwise.errors import UsageError
from groupwise.models.blocks import Bottleneck
from groupwise.models.resnext import PRESETS, ResNeXt, ResNeXtConfig, create_model, preset_config

FINGERPRINT = json.loads(Path(__file__).with_name("torchvision_fingerprint.json").read_text())
PARITY = Path(__file__).parents[2] / "benchmarks/torchvision_parity.py"


@pytest.fixture(scope="module")
def parity() -> dict[str, Any]:
    return runpy.run_path(str(PARITY))


@pytest.mark.parametrize("size_px", [int(size) for size in FINGERPRINT["logits"]])
def test_logits_are_torchvisions_for_the_same_weights(parity: dict[str, Any], size_px: int) -> None:
    model = parity["fill_network"](create_model(FINGERPRINT["model"]))
    logits = parity["logits"](model, size_px)[:, FINGERPRINT["classes"]]
    tolerance = FINGERPRINT["tolerance"]
    expected = torch.tensor(FINGERPRINT["logits"][str(size_px)])
    torch.testing.assert_close(logits, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("change", [{"stride_in": "1x1"}, {"cardinality": 16, "base_width": 8}])
def test_logits_tell_a_network_apart_that_is_nearly_torchvisions(
    parity: dict[str, Any], change: dict[str, Any]
) -> None:
    model = parity["fill_network"](create_model(FINGERPRINT["model"], **change))
    logits = parity["logits"](model, 64)[:, FINGERPRINT["classes"]]
    assert (logits - torch.tensor(FINGERPRINT["logits"]["64"])).abs().max() > 0.01


def test_keys_and_shapes_are_torchvisions_in_its_order() -> None:
    state = create_model("resnext50_32x4d").state_dict()
    ours = {key: " ".join(map(str, value.shape)) for key, value in state.items()}
    assert ours == FINGERPRINT["shapes"]
    assert list(ours) == list(FINGERPRINT["shapes"])
    assert "layer1.0.downsample.1.running_var" in ours


@settings(max_examples=25, deadline=None)
@given(
    depths=st.lists(st.integers(1, 2), min_size=1, max_size=4).map(tuple),
    cardinality=st.sampled_from([1, 3, 4]),
    planes=st.sampled_from([16, 32]),
    stem=st.sampled_from(["imagenet", "cifar"]),
    num_classes=st.integers(1, 7),
    in_channels=st.integers(1, 4),
    height=st.integers(1, 50),
    width=st.integers(1, 50),
)
def test_shapes_follow_the_figure(
    depths: tuple[int, ...],
    cardinality: int,
    planes: int,
    stem: str,
    num_classes: int,
    in_channels: int,
    height: int,
    width: int,
) -> None:
    config = ResNeXtConfig(depths, cardinality, 4, planes, stem, num_classes, in_channels)
    model = ResNeXt(config).eval()
    images = torch.randn(2, in_channels, height, width)
    maps = model.feature_maps(images)
    assert list(maps) == ["stem", *(f"layer{i + 1}" for i in range(len(depths)))]
    reduction, channels = (4 if stem == "imagenet" else 1), planes
    for i, feature_map in enumerate(maps.values()):
        if i:
            channels = planes * 4 * 2 ** (i - 1)
            reduction *= 1 if i == 1 else 2
        assert feature_map.shape == (2, channels, -(-height // reduction), -(-width // reduction))
    assert model.pool(maps[model.stage_names[-1]]).shape == (2, channels)
    assert model(images).shape == (2, num_classes)


def test_forward_is_features_then_pool_then_head() -> None:
    model = create_model("resnext11_8x4d").eval()
    images = torch.randn(2, 3, 32, 32)
    last = model.feature_maps(images)["layer3"]
    torch.testing.assert_close(model(images), model.fc(last.mean((2, 3))))


def test_cifar_stem_keeps_the_size_of_the_image() -> None:
    model = create_model("resnext29_32x4d").eval()
    assert model.conv1.kernel_size == (3, 3)
    sides = [value.shape[-1] for value in model.feature_maps(torch.zeros(1, 3, 32, 32)).values()]
    assert sides == [32, 32, 16, 8]
    assert model.config.default_image_size_px == 32


def test_imagenet_stem_quarters_the_image() -> None:
    model = create_model("resnext14_32x4d").eval()
    sides = [value.shape[-1] for value in model.feature_maps(torch.zeros(1, 3, 224, 224)).values()]
    assert sides == [56, 56, 28, 14, 7]
    assert model.config.default_image_size_px == 224


def test_zero_init_residual_makes_each_block_the_identity() -> None:
    model = create_model("resnext11_8x4d", depths=(2, 2), zero_init_residual=True).eval()
    for block in (module for module in model.modules() if isinstance(module, Bottleneck)):
        x = torch.randn(2, block.conv1.in_channels, 8, 8)
        torch.testing.assert_close(block(x), block.downsample(x).relu())
        scales = [block.bn1.weight.unique(), block.bn2.weight.unique(), block.bn3.weight.unique()]
        assert scales == [1, 1, 0]
    basic = create_model("resnet18", depths=(1, 1), zero_init_residual=True).eval()
    for block in (basic.layer1[0], basic.layer2[0]):
        x = torch.randn(2, block.conv1.in_channels, 8, 8)
        torch.testing.assert_close(block(x), block.downsample(x).relu())


def test_without_it_blocks_are_not_the_identity() -> None:
    block = create_model("resnext11_8x4d", depths=(2, 2)).eval().layer1[1]
    x = torch.randn(2, block.conv1.in_channels, 8, 8)
    assert (block(x) - x.relu()).abs().max() > 0.1


def test_initialisation_keeps_the_scale_of_the_gradient() -> None:
    weight = create_model("resnext50_32x4d").layer4[1].conv2.weight
    filters, _, height, width = weight.shape
    assert weight.std().item() == pytest.approx((2 / (filters * height * width)) ** 0.5, rel=0.02)


def test_tutorial_preset_leaves_the_layers_own_initialisation() -> None:
    # torch draws uniformly, so nothing lies beyond 1 / sqrt(fan in); a normal distribution would.
    weight = create_model("resnext50_tutorial", depths=(1, 1, 1, 1)).layer4[0].conv1.weight
    assert weight.abs().max() <= weight.shape[1] ** -0.5


def test_same_seed_makes_the_same_weights() -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        states.append(create_model("resnext11_8x4d").state_dict())
    torch.testing.assert_close(states[0], states[1], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("size_px", "side"), [(96, "3 x 3"), (192, "6 x 6"), (448, "14 x 14")], ids=["smaller", "near", "larger"]
)
def test_fixed_pool_refuses_an_image_of_another_size(size_px: int, side: str) -> None:
    model = create_model("resnext50_tutorial", depths=(1, 1, 1, 1)).eval()
    with pytest.raises(UsageError, match=side) as caught:
        model(torch.zeros(1, 3, size_px, size_px))
    assert caught.value.place == "data.image_size_px"
    assert "Use 224" in caught.value.remedy


def test_fixed_pool_takes_224_px() -> None:
    model = create_model("resnext50_tutorial", depths=(1, 1, 1, 1), num_classes=2).eval()
    assert model(torch.zeros(1, 3, 224, 224)).shape == (1, 2)


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [("resnext50_32x4", "did you mean 'resnext50_32x4d'?"), ("resnet-50", "did you mean 'resnet50'?")],
)
def test_unknown_preset_is_answered_with_the_nearest(name: str, suggestion: str) -> None:
    with pytest.raises(UsageError) as caught:
        preset_config(name)
    assert suggestion in str(caught.value)
    assert str(caught.value).startswith("model.preset: ")
    assert all(preset in caught.value.remedy for preset in PRESETS)


def test_preset_like_none_gets_no_suggestion() -> None:
    with pytest.raises(UsageError) as caught:
        create_model("vgg")
    assert "did you mean" not in str(caught.value)


def test_unknown_field_is_named() -> None:
    with pytest.raises(UsageError, match="no field dropout, groups in a network") as caught:
        create_model("resnet50", groups=2, dropout=0.1, num_classes=2)
    assert "cardinality" in caught.value.remedy


@pytest.mark.parametrize(
    "field",
    [
        *({"depths": ()}, {"depths": (3, 0)}, {"cardinality": 0}),
        *({"num_classes": 0}, {"in_channels": 0}, {"pool_px": 0}),
    ],
    ids=str,
)
def test_counts_below_one_are_refused(field: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="every count must be at least 1"):
        ResNeXtConfig(**field)


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ({"num_classes": 2.5}, r"num_classes: 2.5 is no whole number"),
        ({"num_classes": None}, r"num_classes: None is no whole number"),
        ({"radix": True}, r"radix: True is no whole number"),
        ({"depths": "22"}, r"depths: '22' is no list of whole numbers"),
        ({"depths": 4}, r"depths: 4 is no list of whole numbers.* as in \[1, 2\]"),
        ({"depths": (1, 1.5)}, r"depths: \(1, 1.5\) is no list of whole numbers"),
        ({"widths": 64}, r"widths: 64 is no list of whole numbers"),
        ({"se_ratio": "abc"}, r"se_ratio: 'abc' is no finite number"),
        ({"se_ratio": float("nan")}, r"se_ratio: nan is no finite number"),
        ({"drop_path": None}, r"drop_path: None is no finite number"),
        ({"mirror_average": "nein"}, r"mirror_average: 'nein' is neither true nor false"),
        ({"shortcut": None}, r"shortcut: None is neither true nor false"),
        ({"group_width": "8"}, r"group_width: '8' is no whole number"),
        ({"stem": "cifer"}, r"stem: no stem 'cifer', did you mean 'cifar'"),
        ({"block": "odd"}, r"block: no block 'odd'"),
    ],
    ids=str,
)
def test_a_value_of_another_kind_is_refused(field: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=f"model.overrides.{said}"):
        ResNeXtConfig(**field)


def test_numbers_of_numpy_and_fields_left_out_are_taken() -> None:
    made = ResNeXtConfig(num_classes=np.int64(2), group_width=None, widths=None, pool_px=None, se_ratio=1)  # type: ignore[arg-type]
    assert made.num_classes == 2


def test_groups_of_a_fraction_of_a_channel_are_refused() -> None:
    with pytest.raises(UsageError, match="planes 16 x base_width 2"):
        ResNeXtConfig(planes=16, base_width=2)
    assert ResNeXtConfig(planes=16, base_width=4).planes == 16


def test_fields_can_be_replaced_and_the_preset_stays() -> None:
    model = create_model("resnext11_8x4d", num_classes=3, in_channels=1)
    assert model(torch.zeros(2, 1, 32, 32)).shape == (2, 3)
    assert model.config == dataclasses.replace(PRESETS["resnext11_8x4d"], num_classes=3, in_channels=1)
    assert PRESETS["resnext11_8x4d"].num_classes == 10


def test_the_mirror_average_is_that_of_two_looks_and_of_evaluation_alone():
    torch.manual_seed(0)
    plain = create_model("resnext11_8x4d").eval()
    twice = create_model("resnext11_8x4d", mirror_average=True).eval()
    twice.load_state_dict(plain.state_dict())
    images = torch.randn(3, 3, 32, 32)
    with torch.no_grad():
        expected = (plain(images) + plain(images.flip(-1))) / 2
        torch.testing.assert_close(twice(images), expected)
        torch.testing.assert_close(twice(images), twice(images.flip(-1)))
        assert not torch.allclose(plain(images), plain(images.flip(-1)))
        torch.testing.assert_close(twice.train()(images), plain.train()(images))
