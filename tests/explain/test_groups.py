import numpy as np
import pytest
import torch

from groupwise.errors import UsageError
from groupwise.explain.groups import filter_sheet, group_maps, group_sheet
from groupwise.explain.overlay import colour, overlay
from groupwise.models.resnext import create_model
from run_case import random_model

IMAGE = np.random.default_rng(0).normal(size=(3, 32, 32)).astype(np.float32)


def test_the_maps_are_those_behind_the_grouped_convolution():
    model = random_model(cardinality=4, base_width=16)
    groups = group_maps(model, IMAGE, "layer1.0")
    block = model.layer1[0]
    with torch.inference_mode():
        x = model.feature_maps(torch.from_numpy(IMAGE)[None])["stem"]
        expected = block.bn2(block.conv2(block.bn1(block.conv1(x)).relu())).relu()[0]
    assert [len(group) for group in groups] == [len(expected) // 4] * 4
    torch.testing.assert_close(torch.stack([m for group in groups for m in group]), expected)


def test_groups_are_strips_and_filters_are_colours():
    groups = [[torch.full((4, 4), float(i + j)) for j in range(2)] for i in range(20)]
    assert group_sheet(groups).shape == (2 + 16 * 38, 2 * (64 + 2 + 2 * 38 + 18), 3)
    model = random_model()
    torch.nn.init.zeros_(model.conv1.weight)
    assert set(np.unique(filter_sheet(model))) == {128}  # no weight is grey


def test_every_strip_has_the_number_of_its_group():
    groups = [[torch.ones(4, 4)] for _ in range(18)]
    drawn = group_sheet(groups)
    names = [drawn[2 + 38 * (i % 16) :][:36, 122 * (i // 16) :][:, :64] for i in range(18)]
    assert all((name == 255).all(axis=2).any() for name in names)
    assert len({name.tobytes() for name in names}) == 18  # each another
    assert (drawn[2 + 38 * 2 :, 122 : 122 + 64] != 255).any(axis=2).all()  # none beside no strip


def test_a_block_that_is_not_there_is_refused():
    with pytest.raises(
        UsageError, match=r"--groups: the network has no block 'layer1'\. Choose one of layer1\.0"
    ):
        group_maps(random_model(), IMAGE, "layer1")


def test_a_network_without_groups_is_said_to_have_none():
    model = create_model("resnet18", depths=(1,), num_classes=2)
    with pytest.raises(UsageError, match=r"--groups: the network's convolutions have no groups"):
        group_maps(model, IMAGE, "layer1.0")


def test_heat_covers_where_it_is_hot_and_nothing_else():
    image = np.full((32, 32, 3), 10, np.uint8)
    heat = np.zeros((4, 4), np.float32)
    heat[0, 0] = 1
    drawn = overlay(image, heat)
    assert drawn[0, 0].sum() > 400
    assert (drawn[20:, 20:] == image[20:, 20:]).all()
    lightness = colour(np.linspace(0, 1, 50)[None])[0] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) > 0).all()  # the order shows in grey
