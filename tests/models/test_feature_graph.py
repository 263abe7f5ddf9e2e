"""Features of ONNX files, against the same layers by torch."""

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from onnx import TensorProto

from groupwise.errors import GroupwiseError, UsageError
from groupwise.models.feature_graph import FEATURES, MAPS, cut_features, read_onnx
from groupwise.models.onnx_files import open_session
from onnx_case import backbone, weights, write_backbone

LINEAR = (("MatMul", ["vector", "turned"], "product", {}), ("Add", ["product", "offset"], "logits", {}))
TURNED = {"turned": weights()["matrix"].T.copy()}
GEMM = ("Gemm", ["vector", "matrix", "offset"], "scores", {"transB": 1})


def cut(model, tmp_path, *, output=None):
    return cut_features(model, tmp_path / "small.onnx", output=output, side_px=8)


def answers(graph, images):
    return open_session(graph.model, "small").run([FEATURES, MAPS], {"images": images})


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).normal(size=(5, 3, 8, 8)).astype(np.float32)


@pytest.fixture(scope="module")
def maps(images):
    kernel = torch.from_numpy(weights()["kernel"])
    return F.conv2d(torch.from_numpy(images), kernel, stride=2, padding=1).relu().numpy()


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"head": (GEMM, ("Softmax", ["scores"], "probs", {"axis": 1})), "outputs": ("probs",)},
        {"head": LINEAR, "constants": TURNED},
        {"head": (), "outputs": ("vector",)},
        {"head": (("Identity", ["vector"], "features", {}), GEMM), "outputs": ("features", "scores")},
    ],
    ids=["gemm", "softmax", "matmul-add", "headless", "named"],
)
def test_features_are_what_the_head_classifies(facts, images, maps, tmp_path):
    graph = cut(backbone(**facts), tmp_path)
    features, found = answers(graph, images)
    np.testing.assert_allclose(features, maps.mean((2, 3)), atol=1e-5)
    np.testing.assert_allclose(found, maps, atol=1e-5)
    assert (graph.num_features, graph.channels, graph.side_px) == (6, 3, None)


def test_a_named_tensor_of_maps_is_pooled(images, maps, tmp_path):
    features, found = answers(cut(backbone(), tmp_path, output="maps"), images)
    np.testing.assert_allclose(features, maps.mean((2, 3)), atol=1e-5)
    np.testing.assert_allclose(found, maps, atol=1e-5)


def test_logits_by_name_are_features_without_maps(images, maps, tmp_path):
    features, found = answers(cut(backbone(), tmp_path, output="logits"), images)
    w = weights()
    np.testing.assert_allclose(features, maps.mean((2, 3)) @ w["matrix"].T + w["offset"], atol=1e-4)
    assert found.shape == (5, 4, 1, 1)


def test_a_tensor_may_be_called_as_ours_are(images, maps, tmp_path):
    called = (("Identity", ["vector"], "cell", {}), ("Neg", ["cell"], "out", {}))
    for output, head in (("pooled", ()), ("cell", called)):
        model = backbone(head=head, outputs=("out",) if head else ("vector",))
        features, _ = answers(cut(model, tmp_path, output=output), images)
        np.testing.assert_allclose(features, maps.mean((2, 3)), atol=1e-5)


def test_a_network_of_grey_pictures_is_given_the_grey_of_three_colours(images, tmp_path):
    graph = cut(backbone(shape=("N", 1, "S", "S")), tmp_path)
    grey = torch.from_numpy(images[:, :1])
    maps = F.conv2d(grey, torch.from_numpy(weights(1)["kernel"]), stride=2, padding=1).relu()
    features, _ = answers(graph, np.repeat(images[:, :1], 3, axis=1))
    np.testing.assert_allclose(features, maps.mean((2, 3)), atol=1e-5)
    assert graph.channels == 3
    assert cut(backbone(shape=("N", 5, 8, 8)), tmp_path).channels == 5  # the near miss


def test_a_batch_that_is_only_declared_fixed_becomes_free(images, maps, tmp_path):
    graph = cut(backbone(shape=(1, 3, 8, 8)), tmp_path)
    np.testing.assert_allclose(answers(graph, images)[0], maps.mean((2, 3)), atol=1e-5)
    assert graph.side_px == 8


BAKED = (("Reshape", ["pooled", "one"], "row", {}), ("Gemm", ["row", "matrix"], "logits", {"transB": 1}))
ACROSS = (
    ("ReduceMean", ["vector"], "mean", {"axes": [0], "keepdims": 1}),
    ("Sub", ["vector", "mean"], "out", {}),
)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"head": BAKED, "constants": {"one": np.array([1, 6])}}, "does not answer any number of images"),
        ({"head": ACROSS, "outputs": ("out",)}, "alone otherwise than among others"),
        ({"head": (("Mul", ["vector", "nil"], "out", {}),), "outputs": ("out",),
          "constants": {"nil": np.zeros(6, np.float32)}}, "the same features for every image"),
        ({"more_inputs": ("scale",)}, r"has 2 inputs \(picture, scale\)"),
        ({"kind": TensorProto.FLOAT16}, "does not take float32 images"),
        ({"shape": ("N", 8, 8, 3)}, "their 3 channels last"),
        ({"shape": ("N", "H", "W", 1)}, "their 1 channels last"),
        ({"shape": ("N", "C", 8, 8)}, "any number of channels"),
        ({"shape": ("N", 3, 8, 16)}, "images of 16 x 8, which are no squares"),
    ],
    ids=["baked-batch", "batch-statistics", "constant", "two-inputs", "half", "channels-last", "free-last",
         "any-channels", "oblong"],
)  # fmt: skip
def test_what_gives_no_features_of_images_is_refused(facts, said, tmp_path):
    with pytest.raises(GroupwiseError, match=said):
        cut(backbone(**facts), tmp_path)


def test_several_outputs_have_to_be_told_apart(tmp_path):
    model = backbone(outputs=("logits", "maps"))
    with pytest.raises(UsageError, match=r"2 outputs. Say which: logits, maps"):
        cut(model, tmp_path)
    assert cut(model, tmp_path, output="maps").num_features == 6  # the near miss
    with pytest.raises(UsageError, match="no tensor 'mapps', did you mean 'maps'"):
        cut(model, tmp_path, output="mapps")


def test_files_that_are_none_are_refused(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        read_onnx(tmp_path / "none.onnx")
    whole = write_backbone(tmp_path / "whole.onnx").read_bytes()
    for name, content in {
        "page.onnx": b"<!DOCTYPE html><html>",
        "half.onnx": whole[: len(whole) // 2],
        "empty.onnx": b"",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(GroupwiseError, match="is no whole ONNX file"):
            read_onnx(tmp_path / name)


def test_weights_beside_the_file_are_read_and_then_within(images, maps, tmp_path):
    file = tmp_path / "split.onnx"
    onnx.save(backbone(), file, save_as_external_data=True, location="split.data", size_threshold=0)
    graph = cut_features(read_onnx(file), file, output=None, side_px=8)
    (tmp_path / "split.data").unlink()
    np.testing.assert_allclose(answers(graph, images)[0], maps.mean((2, 3)), atol=1e-5)
    with pytest.raises(GroupwiseError, match="is no whole ONNX file"):
        read_onnx(file)
