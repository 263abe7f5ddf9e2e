import json
import shutil
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch

from groupwise.errors import GroupwiseError, UsageError
from groupwise.export.targets import export_run
from groupwise.files import sha256_file
from groupwise.inference.bundle import BATCH_SIZE, model_digest, open_predictor
from groupwise.inference.predictor import load_run
from groupwise.models.onnx_files import refuse_external_data
from run_case import PREPROCESSING, random_model, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("bundled"))


@pytest.fixture(scope="module")
def bundle(run):
    return export_run(run.folder, "bundle")[0]


@pytest.fixture(scope="module")
def files(run):
    return sorted(run.folder.parent.glob("pets/*/*.png"))


def test_a_bundle_answers_as_its_run_does(run, bundle, files):
    ours, theirs = (open_predictor(folder).predict(files) for folder in (bundle, run.folder))
    assert [prediction.path for prediction in ours] == [str(file) for file in files]
    assert [prediction.label for prediction in ours] == [prediction.label for prediction in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-6)


def test_the_temperature_is_applied(run, bundle, files):
    answers = open_predictor(bundle).predict(files[:1])
    predictor = load_run(run.folder)
    image = torch.from_numpy(PREPROCESSING.normalise(_pixels(files[:1])))
    with torch.inference_mode():
        expected = (predictor.model(image) / 1.3).softmax(1)
    assert list(answers[0].probabilities.values()) == pytest.approx(expected[0].tolist(), abs=1e-6)


def test_answers_do_not_depend_on_the_batch(bundle, files):
    predictor = open_predictor(bundle)
    pixels = _pixels(files)
    together = predictor.answer_images(pixels)  # more than one batch of the session
    alone = [predictor.answer_images(pixels[i : i + 1])[0] for i in range(len(pixels))]
    for one, other in zip(together, alone, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-6)


def test_heat_maps_are_grad_cam_of_the_last_stage(run, bundle, files):
    pixels, classes = _pixels(files[:5]), [0, 1, 0, 1, 1]
    heat = open_predictor(bundle).heat_maps(pixels, classes)
    model = load_run(run.folder).model
    maps = model.feature_maps(torch.from_numpy(PREPROCESSING.normalise(pixels)))[model.stage_names[-1]]
    maps.retain_grad()
    model.fc(model.pool(maps))[range(5), classes].sum().backward()
    expected = (maps.grad.mean((2, 3), keepdim=True) * maps).sum(1).relu().detach().numpy()
    expected /= expected.max((1, 2), keepdims=True)
    assert heat.shape == (5, 16, 16)
    np.testing.assert_allclose(heat, expected, atol=1e-5)


class Cornered:
    """A session whose network looks at the upper left corner only, and whose maps have 2 x 2 cells."""

    def __init__(self):
        self.batches = []

    def get_outputs(self):
        shapes = {"logits": [None, 2], "features": [None, 8], "maps": [None, 8, 2, 2]}
        return [SimpleNamespace(name=name, shape=shape) for name, shape in shapes.items()]

    def run(self, names, inputs):
        assert names == ["logits"]  # the maps are not looked at
        images = inputs["images"]
        self.batches.append(len(images))
        light = images[:, :, :8, :8].mean(axis=(1, 2, 3))
        return [np.column_stack([-light, light]).astype(np.float32)]


def test_where_the_maps_are_coarse_places_are_hidden(bundle):
    whole = open_predictor(bundle)
    assert whole.heat_method == "class activation map"  # 16 x 16 cells
    predictor = replace(whole, session=Cornered())
    assert predictor.heat_method == "occlusion"
    pictures = np.full((2, 32, 32, 3), 60, np.uint8)
    pictures[0, :8, :8] = pictures[1, 24:, 24:] = 250  # the near miss is light where nobody looks
    heat = predictor.heat_maps(pictures, [1, 1])
    assert heat.shape == (2, 8, 8)
    assert heat[0, :2, :2].max() > 0.5
    assert heat[0, 4:, 4:].max() == 0
    assert heat[1, 4:, 4:].max() == 0
    assert max(predictor.session.batches) <= BATCH_SIZE


def test_a_bundle_of_few_cells_says_so(tmp_path):
    run = write_run(tmp_path, random_model(depths=(1, 1, 1, 1), stem="imagenet"))
    predictor = open_predictor(export_run(run.folder, "bundle")[0])
    assert predictor.heat_method == "occlusion"
    files = sorted((tmp_path / "pets").glob("*/*.png"))[:2]
    assert predictor.heat_maps(_pixels(files), [0, 1]).shape == (2, 8, 8)


def test_a_bundle_needs_no_torch(bundle, files):
    program = (
        "import sys; from groupwise.inference.bundle import open_predictor;"
        f"open_predictor({str(bundle)!r}).predict([{str(files[0])!r}]); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda b: (b / "model.onnx").write_bytes(b"x"), "model.onnx: was changed."),
        (lambda b: (b / "head.safetensors").unlink(), "head.safetensors: is missing."),
        (lambda b: (b / "bundle.json").write_text('{"format": 2}'), "has format 2, and this version reads 1"),
    ],
)
def test_a_broken_bundle_is_refused(bundle, tmp_path, break_it, message):
    copy = shutil.copytree(bundle, tmp_path / "copy")
    break_it(copy)
    with pytest.raises(GroupwiseError, match=message):
        open_predictor(copy)


def test_a_model_that_reads_other_files_is_refused(bundle, tmp_path):
    copy = shutil.copytree(bundle, tmp_path / "copy")
    model = onnx.load(bundle / "model.onnx")
    refuse_external_data(model, copy)  # the near miss
    onnx.save(model, copy / "model.onnx", save_as_external_data=True, location="secret", size_threshold=0)
    facts = json.loads((copy / "bundle.json").read_text())
    facts["digests"]["model.onnx"] = sha256_file(copy / "model.onnx")
    (copy / "bundle.json").write_text(json.dumps(facts))
    with pytest.raises(GroupwiseError, match=r"model\.onnx: keeps weights in another file"):
        open_predictor(copy)


def test_external_data_is_found_in_the_branch_of_a_graph():
    hidden = onnx.helper.make_tensor("w", onnx.TensorProto.FLOAT, [1], [1.0])
    hidden.external_data.add(key="location", value="/etc/passwd")
    branch = onnx.helper.make_graph([], "branch", [], [], [hidden])
    node = onnx.helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", [], []))
    with pytest.raises(GroupwiseError, match="keeps weights in another file"):
        refuse_external_data(model, "model.onnx")


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"holds neither a run \(run\.json\) nor a bundle \(bundle\.json\)"):
        open_predictor(tmp_path)


def test_bad_files_are_told_and_left_out(bundle, files, tmp_path):
    (tmp_path / "words.jpg").write_text("no picture")
    paths = [tmp_path / "words.jpg", files[0], tmp_path / "nowhere.png"]
    bad = []
    predictions = list(open_predictor(bundle).stream(paths, on_bad=bad.append))
    assert [prediction.path for prediction in predictions] == [str(files[0])]
    assert ["words.jpg" in str(bad[0]), "nowhere.png" in str(bad[1])] == [True, True]
    with pytest.raises(GroupwiseError, match=r"words\.jpg"):
        open_predictor(bundle).predict(paths)


def _pixels(files):
    from groupwise.data.cache import load_image

    return np.stack([load_image(file, PREPROCESSING) for file in files])


def test_a_model_is_known_by_its_weights_and_its_decision(bundle, run, tmp_path):
    decision = open_predictor(bundle).decision
    ours = model_digest(bundle, decision)
    assert model_digest(run.folder, load_run(run.folder).decision) == ours
    assert model_digest(bundle, replace(decision, temperature=2.0)) != ours
    copy = shutil.copytree(bundle, tmp_path / "copy")
    facts = json.loads((copy / "bundle.json").read_text())
    for part, field, value in (("network", "precision", "int8"), ("source", "weights", ["0"])):
        changed = facts | {part: facts[part] | {field: value}}
        (copy / "bundle.json").write_text(json.dumps(changed))
        assert model_digest(copy, decision) != ours
