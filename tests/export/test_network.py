import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from groupwise.export.network import ExportedNetwork, spread_filters, widen_groups
from run_case import random_model


@given(groups=st.sampled_from([2, 4, 8, 12]), channels=st.integers(1, 4), joined=st.sampled_from([1, 2]))
@settings(max_examples=20, deadline=None)
def test_joined_groups_compute_the_same(groups, channels, joined):
    torch.manual_seed(groups * channels)
    images = torch.randn(2, groups * channels, 5, 5, dtype=torch.float64)
    weight = torch.randn(3 * groups, channels, 3, 3, dtype=torch.float64)
    wide = torch.nn.functional.conv2d(images, spread_filters(weight, groups, joined), groups=groups // joined)
    torch.testing.assert_close(wide, torch.nn.functional.conv2d(images, weight, groups=groups))


@pytest.mark.parametrize("conv_bias", [False, True])
def test_a_widened_network_computes_the_same(conv_bias):
    model = random_model(conv_bias=conv_bias)
    groups = model.layer1[0].conv2.groups
    widened = widen_groups(model)
    images = torch.randn(3, 3, 32, 32)
    assert (groups, widened.layer1[0].conv2.groups) == (8, 1)
    assert model.layer1[0].conv2.groups == groups  # the original is left alone
    with torch.no_grad():
        torch.testing.assert_close(ExportedNetwork(widened)(images), ExportedNetwork(model)(images))


def test_wide_groups_stay_as_they_are():
    model = random_model(cardinality=2, base_width=64)
    assert widen_groups(model).layer1[0].conv2.groups == 2
