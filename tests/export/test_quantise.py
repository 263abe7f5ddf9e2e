import json

import numpy as np
import onnx
import pytest
import torch

from groupwise.data.preprocessing import Preprocessing
from groupwise.errors import GroupwiseError
from groupwise.export import quantise as quantise_module
from groupwise.export.bundle import Terms
from groupwise.export.onnx import export_onnx
from groupwise.export.targets import export_run
from groupwise.inference.bundle import open_predictor
from groupwise.models.resnext import create_model
from run_case import write_run


@pytest.fixture(scope="module")
def small(run):
    return export_run(run.folder, "int8", terms=Terms(max_drop=100))


def test_an_int8_bundle_answers_much_as_its_run_does(run, small):
    folder, remarks = small
    files = sorted((run.folder.parent / "pets").glob("*/*.png"))
    ours, theirs = (open_predictor(f).predict(files) for f in (folder, run.folder))
    gaps = [abs(a.probability - b.probability) for a, b in zip(ours, theirs, strict=True)]
    assert 0 < max(gaps) < 0.1
    assert "Accuracy on held-out images changes by" in remarks[0]
    assert "95 % interval" in remarks[0]


def test_weights_and_activations_are_of_8_bits(small):
    model = onnx.load(small[0] / "model.onnx")
    kinds = {init.data_type for init in model.graph.initializer if len(init.dims) == 4}
    assert onnx.TensorProto.INT8 in kinds
    assert onnx.TensorProto.FLOAT not in kinds
    facts = json.loads((small[0] / "bundle.json").read_text())
    assert facts["network"]["precision"] == "int8"
    assert json.loads((small[0] / "parity.json").read_text())["int8"]["images"] == 8


def test_maps_of_odd_sides_are_halved_in_integers_as_in_float():
    """`findings/int8_average_pool_border.sh` would leave 0.09 here."""
    torch.manual_seed(0)
    network = create_model("resnext22_w8", num_classes=4, halving="avgpool").eval()
    preprocessing = Preprocessing(image_size_px=36, mean=(0.5,) * 3, std=(0.25,) * 3)
    images = np.random.default_rng(0).integers(0, 256, (16, 36, 36, 3), dtype=np.uint8)
    exact = export_onnx(network, 36)
    integers = quantise_module.quantise(exact, images, preprocessing)
    logits, found = (quantise_module.logits_of(model, images, preprocessing) for model in (exact, integers))
    assert np.abs(found - logits).max() < 0.02 * np.abs(logits).max()


def test_a_drop_beyond_the_allowed_is_refused(run, tmp_path, monkeypatch):
    """The integers are made to answer the other class on every image."""
    right = quantise_module.logits_of
    calls = []

    def turned(*arguments):
        calls.append(arguments)
        labels = quantise_labels(run)
        sign = 1 if len(calls) == 1 else -1
        assert right(*arguments).shape == (8, 2)
        return sign * np.eye(2)[labels] * 5.0

    monkeypatch.setattr(quantise_module, "logits_of", turned)
    with pytest.raises(GroupwiseError, match=r"changes by -100\.0 points.*at most 1 points may be lost"):
        export_run(run.folder, "int8", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def quantise_labels(run):
    from groupwise.export.material import read_material

    return read_material(run).labels


def test_without_held_out_images_there_is_no_int8(tmp_path):
    run = write_run(tmp_path, select_fold="test")
    with pytest.raises(GroupwiseError, match="no images that the network did not learn from"):
        export_run(run.folder, "int8")
