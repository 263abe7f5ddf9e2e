"""Probes as one graph: what stands behind the features answers as torch does, in operators of any age."""

import numpy as np
import onnx
import pytest
import torch

from groupwise.export.probe import probe_model
from groupwise.models.ensemble import Ensemble
from groupwise.models.feature_graph import cut_features, read_onnx
from groupwise.models.onnx_files import open_session
from groupwise.models.probe import Probe
from onnx_case import write_backbone


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("opset", [11, 17, 18])
def test_the_mean_of_probes_is_torchs_without_reductions(opset, several, tmp_path):
    """Over axes that OpenVINO passes over: findings/openvino_reduce_log_sum_exp_axes.sh."""
    file = write_backbone(tmp_path / "small.onnx", opset=opset)
    graph = cut_features(read_onnx(file), file, output=None, side_px=24)
    torch.manual_seed(0)
    probes = [Probe(graph.model, graph.num_features, 3, graph.channels) for _ in range(3)]
    for probe, scale in zip(probes, (1.0, 40.0, -40.0), strict=True):  # sure of other classes
        probe.fc.weight.data *= scale
    whole = Ensemble(probes, (1.0, 0.5, 2.0), several=several).eval()
    images = np.random.default_rng(0).normal(size=(5, 3, 24, 24)).astype(np.float32)
    model = probe_model(whole)
    (found,) = open_session(model, file).run(["logits"], {"images": images})
    with torch.no_grad():
        np.testing.assert_allclose(found, whole(torch.from_numpy(images)).numpy(), rtol=1e-5, atol=1e-4)
    kinds = {node.op_type for node in onnx.load_from_string(model).graph.node}
    assert not {kind for kind in kinds if kind.startswith("Reduce")}
