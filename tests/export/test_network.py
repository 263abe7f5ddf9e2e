import cv2
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from groupwise.export.network import ExportedNetwork, spread_filters, widen_groups
from groupwise.export.onnx import OUTPUTS, export_onnx
from groupwise.models.resnext import create_model
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


# What a network of ours needs of an engine, whatever the preset
OPERATORS = {"Conv", "Relu", "Add", "MaxPool", "AveragePool", "ReduceMean", "Reshape", "Gemm"}


@pytest.mark.parametrize("preset", ["resnext22_w8_cifar", "resnext14_16x8d", "resnext50_tutorial"])
def test_the_graph_holds_no_more_than_the_network(preset):
    model = create_model(preset, num_classes=3).eval().to(memory_format=torch.channels_last)
    graph = onnx.load_from_string(export_onnx(model, 224 if model.config.pool_px else 64)).graph
    assert {node.op_type for node in graph.node} <= OPERATORS
    convolutions = sum(isinstance(module, torch.nn.Conv2d) for module in model.modules())
    assert sum(node.op_type == "Conv" for node in graph.node) == convolutions  # batch norm is folded in


@pytest.mark.parametrize("engine", [cv2.dnn.ENGINE_CLASSIC, cv2.dnn.ENGINE_NEW])
def test_opencv_answers_as_torch_does(engine, tmp_path):
    model = random_model().to(memory_format=torch.channels_last)
    (tmp_path / "model.onnx").write_bytes(export_onnx(model, 32))
    network = cv2.dnn.readNetFromONNX(str(tmp_path / "model.onnx"), engine)
    names = network.getUnconnectedOutLayersNames()
    for n in (1, 3):
        images = torch.randn(n, 3, 32, 32)
        network.setInput(images.numpy(), "images")
        found = dict(zip(names, network.forward(names), strict=True))
        with torch.no_grad():
            expected = ExportedNetwork(model)(images)
        for name, tensor in zip(OUTPUTS, expected, strict=True):
            torch.testing.assert_close(torch.from_numpy(found[name]), tensor, rtol=0, atol=1e-4)
