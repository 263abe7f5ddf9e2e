import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import safetensors.numpy
from onnx import TensorProto, helper, numpy_helper

from groupwise.cli.main import main
from groupwise.distributed import processor as processor_module
from groupwise.distributed.processor import Processor, this_processor
from groupwise.errors import GroupwiseError, UsageError
from groupwise.export import engines
from groupwise.export import verify_bundle as verify_bundle_module
from groupwise.export.bundle import Terms
from groupwise.export.converted import gather_flips
from groupwise.export.current import kept_bundle
from groupwise.export.engines import Engine, open_engine
from groupwise.export.reference import References, made_pictures
from groupwise.export.targets import export_run
from groupwise.export.verify import keep, verify_engine
from groupwise.export.verify_bundle import unverified_words, verify_bundle
from groupwise.files import read_json, write_json
from groupwise.inference.bundle import BundleFiles, open_bundle
from groupwise.inference.decision import Decision
from groupwise.models.onnx_files import open_session
from groupwise.stats.conformal import Abstention
from run_case import PREPROCESSING

CLASSES = ("cat", "dog")
DECISION = Decision(CLASSES, 1.0, abstention=Abstention(0.05, 20, threshold=0.6))
IMAGES = made_pictures(PREPROCESSING)[:4]
LOGITS = np.array([[1.0, 0.0], [0.0, 1.0], [0.41, 0.0], [2.0, 0.0]])


@pytest.fixture
def copied(bundle, tmp_path):
    return shutil.copytree(bundle, tmp_path / "bundle")


def answered(logits=LOGITS, change=None):
    """An engine of four pictures that answers by number, off by `change`, which may depend on the batch."""
    expected = References(tuple("abcd"), IMAGES, logits, tuple(DECISION.answers(logits)))
    inputs = PREPROCESSING.normalise(IMAGES)

    def forward(batch):
        rows = [int(np.flatnonzero((inputs == one).all(axis=(1, 2, 3)))[0]) for one in batch]
        off = 0 if change is None else change(len(batch))
        return (logits[rows] + off).astype(np.float32), np.zeros((len(rows), 3), np.float32)

    return Engine("made", "1.0", "f32", forward), expected


def found_with(change, **options):
    engine, expected = answered(change=change)
    return verify_engine(
        engine, expected, PREPROCESSING, lambda logits, _: DECISION.answers(logits), **options
    )


def test_an_engine_that_answers_alike_is_said_to(capsys):
    found = found_with(lambda n: 0.9e-4)
    assert found.agrees
    assert (found.pictures, found.batches, found.differ) == (4, (1, 4), {})
    assert str(found).startswith("made 1.0, f32: 4 pictures answered alike in batches of 1 and 4")


@pytest.mark.parametrize("where", [1, 4])
def test_a_logit_beyond_the_tolerance_is_found_in_either_batch(where):
    found = found_with(lambda n: np.array([1.2e-4, 0.0]) * (n == where))
    assert not found.agrees
    assert found.differ == {}
    assert found.logit_difference == pytest.approx(1.2e-4, abs=1e-6)


def test_decisions_are_counted_where_labels_hold():
    """The third picture has 0.601 of its class, and is answered from 0.6 on."""
    found = found_with(lambda n: np.array([-0.02, 0.0]), model_precision="int8")
    assert found.probability_difference < found.tolerance
    assert found.differ == {"abstain": 1}
    assert not found.agrees
    assert "differ 1 by abstain" in str(found)
    assert found_with(lambda n: np.array([0.02, 0.0]), model_precision="int8").agrees  # away from the line


def test_a_nan_is_no_agreement_and_can_be_kept():
    found = found_with(lambda n: np.array([np.nan, 0.0]))
    assert not found.agrees
    assert found.as_json()["logit_difference"] is None
    json.dumps(found.as_json(), allow_nan=False)


def test_what_was_found_in_the_same_surroundings_is_replaced():
    found = found_with(None)
    entries = keep(keep([], found), replace(found, pictures=9))
    assert [one["pictures"] for one in entries] == [9]
    assert len(keep(entries, replace(found, threads=found.threads + 1))) == 2


def test_an_export_is_verified_in_every_engine_that_is_installed(bundle):
    entries = read_json(bundle / "parity.json")["engines"]
    assert {one["engine"] for one in entries} >= {"onnxruntime", "opencv"}
    assert all(one["agrees"] and one["pictures"] == 8 for one in entries)
    assert all(one["processor"] == this_processor().name and one["precision"] == "f32" for one in entries)


def test_a_bundle_holds_answers_of_the_users_pictures_and_the_pixels_of_made_ones_alone(run, bundle):
    entries = read_json(bundle / "bundle.json")["reference_pictures"]
    assert [one["sha256"] is None for one in entries] == [True] * 8 + [False] * 8
    (pictures,) = safetensors.numpy.load_file(bundle / "pictures.safetensors").values()
    np.testing.assert_array_equal(pictures, made_pictures(PREPROCESSING))
    answers = open_bundle(bundle).answer_images(pictures)
    assert [one["answer"]["label"] for one in entries[:8]] == [answer.label for answer in answers]


def test_the_users_own_pictures_are_put_in_where_asked_for(run, tmp_path):
    folder, _ = export_run(run.folder, "bundle", tmp_path / "out", terms=Terms(with_pictures=True))
    (pictures,) = safetensors.numpy.load_file(folder / "pictures.safetensors").values()
    assert len(pictures) == 16
    assert [one.pictures for one in verify_bundle(folder, ["opencv"])] == [16]
    data = run.folder.parent / "pets"
    assert [one.pictures for one in verify_bundle(folder, ["opencv"], root=data)] == [24]
    with pytest.raises(UsageError, match="none of the reference pictures lies there as it was"):
        list(verify_bundle(folder, ["opencv"], root=tmp_path))


def test_a_bundle_is_verified_where_it_lies_and_that_is_kept(run, copied, capsys):
    facts = read_json(copied / "parity.json")
    write_json(copied / "parity.json", facts | {"engines": []})
    assert main(["verify", str(copied), "--data", str(run.folder.parent / "pets")]) == 0
    out = capsys.readouterr().out
    assert f"opencv {cv2.__version__}" in out
    assert "16 pictures answered alike in batches of 1 and 16" in out
    kept = read_json(copied / "parity.json")["engines"]
    assert {one["engine"] for one in kept} == set(engines.installed_engines())
    BundleFiles.read(copied)  # the record is none of the files whose digests count


def test_a_model_that_answers_otherwise_is_told_with_how_much(copied, capsys):
    facts = read_json(copied / "bundle.json")
    one = facts["reference_pictures"][0]
    one["logits"] = one["logits"][::-1]
    one["answer"]["label"] = next(name for name in facts["classes"] if name != one["answer"]["label"])
    write_json(copied / "bundle.json", facts)
    assert main(["verify", str(copied), "--engine", "onnxruntime"]) == 1
    said = capsys.readouterr()
    assert "of 8 pictures differ 1 by label" in said.out
    assert "onnxruntime on this machine: not the answers that the bundle should give" in said.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--data", "."], "none of the reference pictures lies there as it was"),
        (
            ["--engine", "opencv", "--precision", "bf16"],
            "opencv is asked for bf16, and can be asked for f32 alone",
        ),
        (
            ["--precision", "bogus"],
            "--precision: no engine that is installed can be asked for bogus."
            " Leave it out, or give f32 or bf16 or f16.",
        ),
        (["--engine", "tvm"], "invalid choice: 'tvm'"),
    ],
)
def test_what_cannot_be_meant_is_refused(copied, capsys, options, words):
    assert main(["verify", str(copied), *options]) == 2
    assert words in capsys.readouterr().err


def test_of_a_picture_that_changed_nothing_is_expected(run, copied, tmp_path):
    data = shutil.copytree(run.folder.parent / "pets", tmp_path / "pets")
    own = read_json(copied / "bundle.json")["reference_pictures"][8:]
    (data / own[0]["name"]).write_bytes(b"another")
    assert [one.pictures for one in verify_bundle(copied, ["opencv"], root=data)] == [15]


@pytest.mark.parametrize("given", ["pets.zip", "pets/images.csv"])
def test_the_users_pictures_lie_in_an_archive_or_beside_a_table_too(run, copied, tmp_path, capsys, given):
    data = shutil.copytree(run.folder.parent / "pets", tmp_path / "pets")
    shutil.make_archive(str(data), "zip", data)
    (data / "images.csv").write_text("path,label\n")
    if given.endswith(".zip"):
        shutil.rmtree(data)
    assert main(["verify", str(copied), "--engine", "opencv", "--data", str(tmp_path / given)]) == 0
    assert "16 pictures answered alike" in capsys.readouterr().out


def test_a_picture_that_is_prepared_otherwise_is_named(run, copied):
    facts = read_json(copied / "bundle.json")
    facts["reference_pictures"][9]["prepared_sha256"] = "0" * 64
    write_json(copied / "bundle.json", facts)
    with pytest.raises(
        GroupwiseError, match=f"{facts['reference_pictures'][9]['name']}: is prepared here to other"
    ):
        list(verify_bundle(copied, root=run.folder.parent / "pets"))


def test_a_run_is_verified_by_the_bundle_that_it_has(run, tmp_path, capsys):
    folder = shutil.copytree(run.folder, tmp_path / "run")
    shutil.rmtree(folder / "export", ignore_errors=True)
    with pytest.raises(UsageError, match=r"has no bundle yet.*groupwise export .*run --to bundle"):
        kept_bundle(folder)
    own, _ = export_run(folder, "bundle", folder / "export/bundle")
    assert main(["verify", str(folder), "--engine", "opencv"]) == 0
    assert f"Bundle: {own}" in capsys.readouterr().out.replace("\n", "")
    facts = read_json(own / "bundle.json")
    write_json(own / "bundle.json", facts | {"source": facts["source"] | {"weights": "others"}})
    with pytest.raises(UsageError, match="no longer has"):
        kept_bundle(folder)


def test_a_run_and_a_bundle_of_before_are_told_apart(run, copied):
    with pytest.raises(UsageError, match=r"is a run.*Export it first"):
        list(verify_bundle(run.folder))
    facts = read_json(copied / "bundle.json")
    del facts["reference_pictures"]
    write_json(copied / "bundle.json", facts)
    with pytest.raises(GroupwiseError, match=r"holds no reference pictures.*Export it again"):
        list(verify_bundle(copied))


def test_an_engine_that_is_absent_or_refuses_says_what_to_do(monkeypatch, bundle):
    with pytest.raises(GroupwiseError, match=r"opencv 5.*does not take the model"):
        open_engine("opencv", b"no model")
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    with pytest.raises(
        GroupwiseError, match=r"openvino: is not installed\. Install it: pip install openvino"
    ):
        open_engine("openvino", b"")


def test_an_engine_that_was_not_asked_for_may_refuse(copied, monkeypatch, capsys):
    def refuse(model, precision):
        raise ValueError("no such layer")

    monkeypatch.setitem(engines.ENGINES, "opencv", replace(engines.ENGINES["opencv"], open=refuse))
    assert main(["verify", str(copied)]) == 0
    said = capsys.readouterr()
    assert "does not take the model (no such layer)" in said.out + said.err
    assert "onnxruntime" in said.out
    assert main(["verify", str(copied), "--engine", "opencv"]) == 1


def test_where_no_engine_verified_anything_that_is_no_success(copied, monkeypatch, capsys):
    def refuse(model, precision):
        raise ValueError("no such layer")

    for name in engines.installed_engines():
        monkeypatch.setitem(engines.ENGINES, name, replace(engines.ENGINES[name], open=refuse))
    assert main(["verify", str(copied)]) == 1
    said = capsys.readouterr()
    assert "nothing was verified, because none of the engines here takes it" in said.err
    assert "no such layer" in said.out + said.err


def test_a_precision_of_an_engine_that_is_not_installed_names_it(bundle, monkeypatch):
    monkeypatch.setattr(verify_bundle_module, "installed_engines", lambda file: ["onnxruntime", "opencv"])
    with pytest.raises(UsageError, match=r"asked for bf16\. Leave it out, or install openvino"):
        list(verify_bundle(bundle, precision="bf16"))
    told = []
    found = list(verify_bundle(bundle, precision="f32", on_refusal=told.append))
    assert ([one.engine for one in found], told) == (["onnxruntime", "opencv"], [])


def test_an_engine_that_differs_is_said_at_export_and_kept(run, tmp_path, monkeypatch):
    right = engines.ENGINES["opencv"]

    def opened(model, precision):
        forward, taken = right.open(model, precision)
        return lambda images: (forward(images)[0][:, ::-1], forward(images)[1]), taken

    monkeypatch.setitem(engines.ENGINES, "opencv", replace(right, open=opened))
    folder, remarks = export_run(run.folder, "onnx", tmp_path / "out")
    assert [line.startswith("Do not use it there: opencv") for line in remarks] == [True]
    kept = {one["engine"]: one["agrees"] for one in read_json(folder / "parity.json")["engines"]}
    assert (kept["opencv"], kept["onnxruntime"]) == (False, True)


def sliced(*steps):
    """A model that slices rows of four columns once for every step, and gives the sum."""
    parts = [
        helper.make_node("Slice", ["images", "start", "end", "axis", f"step{i}"], [f"part{i}"])
        for i in range(len(steps))
    ]
    whole = helper.make_node("Sum", [node.output[0] for node in parts], ["sum"])
    starts = {"start": [-1 if steps[0] < 0 else 0], "end": [-(2**62) if steps[0] < 0 else 4], "axis": [-1]}
    held = starts | {f"step{i}": [step] for i, step in enumerate(steps)}
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 4]) for n in ("images", "sum")]
    known = [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in held.items()]
    graph = helper.make_graph([*parts, whole], "sliced", ports[:1], ports[1:], known)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10
    ).SerializeToString()


@pytest.mark.parametrize(
    ("steps", "nodes"), [((-1, -1), ["Gather", "Gather"]), ((1,), ["Slice"]), ((-2,), ["Slice"])]
)
def test_flips_are_gathered_for_tract_and_nothing_else_is(steps, nodes):
    model = sliced(*steps)
    gathered = gather_flips(model)
    assert [node.op_type for node in onnx.load_from_string(gathered).graph.node] == [*nodes, "Sum"]
    rows = np.arange(8, dtype=np.float32).reshape(2, 4)
    before, after = (open_session(one, Path("m")).run(None, {"images": rows}) for one in (model, gathered))
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("engine", ["openvino", "ncnn", "mnn", "tract"])
def test_an_engine_that_is_no_part_of_the_extras_agrees_in_float32(copied, engine):
    if engine not in engines.installed_engines():
        pytest.skip(f"{engine} is not installed")
    (found,) = verify_bundle(copied, [engine])
    assert (found.agrees, found.precision) == (True, "f32")


CPUINFO = "processor\t: 0\nmodel name\t: Made Processor\nflags\t\t: fpu avx2 fma {more}\n"


def on(monkeypatch, tmp_path, more):
    (tmp_path / "cpuinfo").write_text(CPUINFO.format(more=more))
    monkeypatch.setattr(processor_module, "CPUINFO", tmp_path / "cpuinfo")


def test_a_processor_is_told_by_what_the_system_says(monkeypatch, tmp_path):
    on(monkeypatch, tmp_path, "avx512f avx512_vnni avx512_vnni_of_another")
    assert this_processor() == Processor("Made Processor", ("AVX2", "FMA", "AVX-512", "AVX-512 VNNI"))
    monkeypatch.setattr(processor_module, "CPUINFO", tmp_path / "absent")
    assert this_processor().instruction_sets == ()


def test_a_processor_that_was_not_verified_is_warned_of_until_it_is(monkeypatch, tmp_path, copied):
    assert unverified_words(copied) is None
    parity = read_json(copied / "parity.json")
    older = [one | {"instruction_sets": ["AVX2", "FMA"]} for one in parity["engines"]]
    write_json(copied / "parity.json", parity | {"engines": older})  # whatever this machine has
    on(monkeypatch, tmp_path, "avx_vnni")
    words = unverified_words(copied)
    assert "than this one, which has AVX-VNNI" in words
    assert f"groupwise verify {copied} --engine onnxruntime" in words
    list(verify_bundle(copied, ["opencv"]))
    assert unverified_words(copied) == words  # of another engine
    list(verify_bundle(copied, ["onnxruntime"]))
    assert unverified_words(copied) is None
