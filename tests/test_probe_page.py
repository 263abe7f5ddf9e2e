"""The program of docs/probe.md, with a small network in place of timm's."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from groupwise.models.declared import declared_preprocessing
from groupwise.models.feature_graph import FEATURES, cut_features, read_onnx
from groupwise.models.onnx_files import open_session

PAGE = Path(__file__).parents[1] / "docs/probe.md"


def test_the_page_exports_features_with_their_preprocessing(tmp_path, monkeypatch):
    torch.manual_seed(0)
    body = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    network = torch.nn.Sequential(*body, torch.nn.Linear(5, 2))
    network.pretrained_cfg = {"input_size": (3, 12, 12), "mean": (0.4,) * 3, "std": (0.2,) * 3, "url": "x"}
    timm = SimpleNamespace(create_model=lambda name, pretrained: network)
    monkeypatch.setitem(sys.modules, "timm", timm)
    monkeypatch.chdir(tmp_path)
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    exec(program, {})
    file = tmp_path / "features.onnx"
    model = read_onnx(file)
    declared = declared_preprocessing(file, {one.key: one.value for one in model.metadata_props})
    assert declared.fields["mean"] == (0.4, 0.4, 0.4)
    graph = cut_features(model, file, output=None, side_px=12)
    images = np.random.default_rng(0).normal(size=(4, 3, 12, 12)).astype(np.float32)
    (features,) = open_session(graph.model, file).run([FEATURES], {"images": images})
    with torch.no_grad():
        np.testing.assert_allclose(features, body(torch.from_numpy(images)), atol=1e-5)
