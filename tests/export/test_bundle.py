import json
from contextlib import suppress

import numpy as np
import onnx
import pytest

from groupwise.errors import GroupwiseError, UsageError
from groupwise.export import bundle as bundle_module
from groupwise.export.folder import whole_folder
from groupwise.export.parity import check_parity
from groupwise.export.targets import export_run
from groupwise.files import sha256_file


def test_the_bundle_says_what_it_is_made_of(run, bundle):
    facts = json.loads((bundle / "bundle.json").read_text())
    assert facts["classes"] == ["cat", "dog"]
    assert facts["decision"]["temperature"] == 1.3
    assert facts["source"]["weights"] == [sha256_file(run.path("model.safetensors"))]
    assert facts["digests"]["model.onnx"] == sha256_file(bundle / "model.onnx")
    assert not [file for file in bundle.parent.iterdir() if file != bundle]


def test_the_proof_names_the_users_own_images_and_none_of_the_test_fold(run, bundle):
    proof = json.loads((bundle / "parity.json").read_text())
    assert proof["fold"] == "val"
    assert set(proof["largest_difference"]) == {"1", "8"}
    assert max(proof["largest_difference"].values()) <= 1e-4
    root = run.folder.parent / "pets"
    assert len(proof["image_digests"]) == 8
    assert all(sha256_file(root / path) == digest for path, digest in proof["image_digests"].items())
    assert run.ledger["test_readings"] == 0


def test_the_model_is_one_file_of_any_batch_size(bundle):
    model = onnx.load(bundle / "model.onnx", load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    (images,) = model.graph.input
    batch, *rest = images.type.tensor_type.shape.dim
    assert (images.name, batch.dim_param != "", [d.dim_value for d in rest]) == ("images", True, [3, 32, 32])
    assert [output.name for output in model.graph.output] == ["logits", "features", "maps"]
    assert not any(node.op_type == "BatchNormalization" for node in model.graph.node)


def test_a_network_that_answers_otherwise_is_not_exported(run, tmp_path, monkeypatch):
    right = bundle_module.torch_logits
    monkeypatch.setattr(bundle_module, "torch_logits", lambda *args: right(*args) + 1e-3)
    with pytest.raises(GroupwiseError, match=r"at batch 1: a logit is 0\.001 from torch's"):
        export_run(run.folder, "onnx", tmp_path / "out")
    assert not list(tmp_path.iterdir())


INPUTS = np.eye(3, dtype=np.float32)


@pytest.mark.parametrize(
    ("forward", "fits"),
    [
        (lambda x: x.astype(float) + 0.9e-4, True),
        (lambda x: x.astype(float) + 1.1e-4, False),
        (lambda x: x.astype(float) + 1.1e-4 * (len(x) > 1), False),
        (lambda x: x * np.nan, False),
    ],
)
def test_parity_is_checked_alone_and_together(forward, fits):
    arguments = (INPUTS.astype(float), forward, INPUTS)
    if fits:
        proof = check_parity(*arguments, names="abc", packages=["numpy"])
        assert proof["largest_difference"] == pytest.approx({"1": 0.9e-4, "3": 0.9e-4})
    else:
        with pytest.raises(GroupwiseError, match="Nothing was written"):
            check_parity(*arguments, names="abc", packages=["numpy"])


def test_parity_asks_for_the_same_class_however_close():
    expected = np.array([[0.5, 0.50001]])
    with pytest.raises(GroupwiseError, match=r"photo at batch 1: .* and the class differs"):
        check_parity(expected, lambda x: expected[:, ::-1], expected, names=["photo"], packages=[])


def test_a_folder_is_written_whole_or_not_at_all(tmp_path):
    with suppress(RuntimeError), whole_folder(tmp_path / "out") as folder:
        (folder / "part").touch()
        raise RuntimeError
    assert not list(tmp_path.iterdir())
    with whole_folder(tmp_path / "out") as folder:
        (folder / "all").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "all"]


def test_nothing_is_overwritten(run, bundle):
    with pytest.raises(UsageError, match=r"bundle: already holds something\. Give another --out"):
        export_run(run.folder, "bundle")
