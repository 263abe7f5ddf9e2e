import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace

import numpy as np
import onnx
import pytest

from groupwise.cli.main import main
from groupwise.errors import GroupwiseError, UsageError
from groupwise.export import bundle as bundle_module
from groupwise.export.engines import ENGINES
from groupwise.export.names import ENGINES as NAMES
from groupwise.export.names import FORMS
from groupwise.export.parity import check_answers, check_parity
from groupwise.export.targets import TARGETS, export_run, whole_folder
from groupwise.files import sha256_file
from groupwise.inference.bundle import open_predictor
from groupwise.inference.decision import ClassPrediction, write_decision
from groupwise.inference.predictor import load_run
from groupwise.stats.conformal import OperatingPoint, just_below
from run_case import write_run


def test_the_bundle_says_what_it_is_made_of(run, bundle):
    facts = json.loads((bundle / "bundle.json").read_text())
    assert facts["classes"] == ["cat", "dog"]
    assert facts["decision"]["temperature"] == 1.3
    assert facts["source"]["weights"] == [sha256_file(run.path("model.safetensors"))]
    assert facts["digests"]["model.onnx"] == sha256_file(bundle / "model.onnx")
    assert not list(bundle.parent.glob(".*"))  # nothing half written; other tests export beside it


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
    right = bundle_module.torch_outputs

    def wrong(*args):
        outputs = right(*args)
        return outputs._replace(logits=outputs.logits + 1e-3)

    monkeypatch.setattr(bundle_module, "torch_outputs", wrong)
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


def test_of_what_fails_no_folder_is_left(tmp_path):
    (tmp_path / "run").mkdir()
    for target in ("run/export/bundle", "nowhere/export/bundle"):
        with suppress(KeyboardInterrupt), whole_folder(tmp_path / target) as folder:
            (folder / "part").touch()
            raise KeyboardInterrupt
    assert [path.name for path in tmp_path.rglob("*")] == ["run"]
    with suppress(RuntimeError), whole_folder(tmp_path / "run/export/bundle"):
        (tmp_path / "run/export/other").touch()  # the near miss: it is another's
        raise RuntimeError
    assert {path.name for path in tmp_path.rglob("*")} == {"run", "export", "other"}


def test_what_is_to_be_replaced_stays_until_the_new_one_is_whole(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/old").touch()
    with suppress(RuntimeError), whole_folder(tmp_path / "out", replace=True):
        raise RuntimeError
    assert (tmp_path / "out/old").exists()
    with whole_folder(tmp_path / "out", replace=True) as folder:
        (folder / "new").touch()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["new"]


def test_a_run_that_is_not_there_gets_no_folder(tmp_path, capsys):
    assert main(["export", str(tmp_path / "no-run"), "--to", "bundle"]) == 2
    assert "no such folder" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_form_is_asked_for_and_checked_before_torch_is_loaded(tmp_path):
    assert tuple(TARGETS) == FORMS
    assert tuple(ENGINES) == NAMES
    program = (
        "import sys; from groupwise.cli.main import main; main(sys.argv[1:]); print('torch' in sys.modules)"
    )
    for options, words in ((["--to", "bogus"], "invalid choice: 'bogus'"), ([], "required: --to")):
        command = [sys.executable, "-c", program, "export", str(tmp_path), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert words in done.stderr
        assert done.stdout == "False\n"


ANSWER = ClassPrediction("cat", 0.6, {"cat": 0.6, "dog": 0.4}, ("cat", "dog"), False, True, "dog")


@pytest.mark.parametrize(
    "change", [{"decided": "cat"}, {"prediction_set": ("cat",)}, {"abstain": True}, {"unlike": False}]
)
def test_parity_asks_for_the_same_decision(change):
    near = replace(ANSWER, probability=0.600001, prediction_set=("dog", "cat"))
    check_answers([ANSWER, ANSWER], [ANSWER, near], names=["a", "b"])
    with pytest.raises(GroupwiseError, match=rf"b: `{next(iter(change))}` is .* by torch .*decide RUN"):
        check_answers([ANSWER, ANSWER], [ANSWER, replace(ANSWER, **change)], names=["a", "b"])


def test_a_network_that_decides_otherwise_is_not_exported(tmp_path):
    run = write_run(tmp_path)
    predictor = load_run(run.folder)
    files = sorted((tmp_path / "pets").glob("*/*.png"))
    on_it = {p.path: p.answer.probabilities["dog"] for p in predictor.predict(files)}
    proof = export_run(run.folder, "bundle", tmp_path / "first")[0] / "parity.json"
    shown = [on_it[str(tmp_path / "pets" / path)] for path in json.loads(proof.read_text())["image_digests"]]
    ours = open_predictor(tmp_path / "first").predict(files)
    theirs = {p.path: p.answer.probabilities["dog"] for p in ours}
    # A line between what torch and ONNX Runtime say of one image, as quantiles without a margin are.
    image = next(path for path, prob in on_it.items() if prob != theirs[path] and prob in shown)
    line = max(on_it[image], theirs[image])
    write_decision(
        run, replace(predictor.decision, operating_point=OperatingPoint("dog", 0.9, threshold=line)), None
    )
    with pytest.raises(GroupwiseError, match="`decided` is"):
        export_run(run.folder, "bundle", tmp_path / "second")
    safe = OperatingPoint("dog", 0.9, threshold=just_below(line))
    write_decision(run, replace(predictor.decision, operating_point=safe), None)
    export_run(run.folder, "bundle", tmp_path / "second")


def test_nothing_is_overwritten(run, bundle):
    with pytest.raises(UsageError, match=r"bundle: already holds something\. Give another --out"):
        export_run(run.folder, "bundle")
