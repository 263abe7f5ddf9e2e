"""Programs of torch, and what converters make of them: kept where their engine answers alike, else not."""

import io
import json
import os
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from groupwise.cli.main import main
from groupwise.errors import GroupwiseError, UsageError
from groupwise.export import engines, programs
from groupwise.export.bundle import Source, Terms
from groupwise.export.phones import one_by_one
from groupwise.export.programs import Converter, write_converted
from groupwise.export.targets import export_run
from groupwise.export.verify_bundle import verify_bundle
from groupwise.inference.bundle import open_bundle


def save(network, example):
    buffer = io.BytesIO()
    torch.save(network, buffer)
    return buffer.getvalue()


def computed(error=0.0):
    """What opens such a file, and answers one image at a time, off by `error` in the first logit."""

    def open_file(content, _):
        network = torch.load(io.BytesIO(content), weights_only=False)

        def forward_one(image):
            with torch.inference_mode():
                logits, features, _ = network(torch.from_numpy(image[None].copy()))
            first = np.eye(1, logits.shape[1], dtype=np.float32)[0]
            return [logits[0].numpy() + np.float32(error) * first, features[0].numpy()]

        return one_by_one(forward_one)

    return open_file


MADE = Converter("made", ("torch",), ("torch",), save)
ENGINE = engines.Package("torch", ("torch",), computed(), model="model.made")


@pytest.fixture(scope="module")
def source(run):
    return Source.open(run.folder)


@pytest.fixture(autouse=True)
def _made(monkeypatch):
    off_by(monkeypatch, 0)


def off_by(monkeypatch, error):
    monkeypatch.setitem(engines.ENGINES, "made", replace(ENGINE, open=computed(error)))


def test_what_answers_alike_is_kept_with_its_proof(source, tmp_path, monkeypatch):
    off_by(monkeypatch, 5e-5)
    assert write_converted(source, tmp_path, Terms(), MADE) == []
    proof = json.loads((tmp_path / "parity.json").read_text())
    (found,) = proof["engines"]
    assert found["agrees"]
    assert found["engine"] == "made"
    assert 4e-5 < found["logit_difference"] < 1e-4
    assert set(proof["packages"]) == {"torch"}
    assert len(proof["image_digests"]) == found["pictures"]
    assert (tmp_path / "classes.txt").read_text().splitlines() == list(source.predictor.classes)


@pytest.mark.parametrize("error", [2e-4, float("nan")])
def test_what_answers_otherwise_is_not_written(source, tmp_path, monkeypatch, error):
    off_by(monkeypatch, error)
    with pytest.raises(GroupwiseError, match=r"answers otherwise than torch: made .*Nothing was written"):
        write_converted(source, tmp_path, Terms(), MADE)
    assert not list(tmp_path.iterdir())


def test_what_a_converter_prints_is_kept_from_the_user(source, tmp_path, capfd):
    def convert(network, example):
        os.write(1, b"of no use")
        os.write(2, b"W0000 of no use")
        return save(network, example)

    write_converted(source, tmp_path, Terms(), replace(MADE, convert=convert))
    print("of use", file=sys.stderr)
    assert capfd.readouterr() == ("", "of use\n")


def test_a_converter_that_fails_is_named(source, tmp_path):
    def fail(network, example):
        raise KeyError("aten.odd")

    with pytest.raises(GroupwiseError, match=r"made .*does not take the network \(.*aten.odd.*--to bundle"):
        write_converted(source, tmp_path, Terms(), replace(MADE, convert=fail))


@pytest.mark.parametrize(("form", "module"), [("litert", "litert_torch"), ("executorch", "executorch")])
def test_a_form_without_its_converter_says_what_to_install(run, tmp_path, monkeypatch, form, module):
    monkeypatch.setattr(programs, "trouble_of", lambda name: "is not installed")
    said = rf"{module}: is not installed.*pip install 'groupwise\[{form}\]'"
    with pytest.raises(GroupwiseError, match=said):
        export_run(run.folder, form, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_probe_has_no_program(source, tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "trained_networks", lambda model: ())
    probe = replace(source, predictor=replace(source.predictor, model=torch.nn.Identity()))
    with pytest.raises(UsageError, match="a probe of features in ONNX, which this form cannot hold"):
        write_converted(probe, tmp_path, Terms(), MADE)


@pytest.mark.parametrize(("form", "package"), [("litert", "ai_edge_litert"), ("executorch", "executorch")])
def test_an_engine_that_is_installed_answers_alike(run, tmp_path, form, package):
    pytest.importorskip(package, exc_type=Exception)
    folder, _ = export_run(run.folder, form, tmp_path / "out")
    (found,) = json.loads((folder / "parity.json").read_text())["engines"]
    assert found["agrees"]
    assert main(["verify", str(folder), "--engine", form]) == 0


def test_what_was_converted_is_verified_elsewhere_by_what_lies_beside_it(source, tmp_path, monkeypatch):
    write_converted(source, tmp_path, Terms(), MADE)
    (found,) = verify_bundle(tmp_path)
    assert (found.engine, found.agrees, found.pictures) == ("made", True, 8)
    off_by(monkeypatch, 5e-4)
    (found,) = verify_bundle(tmp_path, ["made"])
    assert not found.agrees
    with pytest.raises(UsageError, match=r"opencv reads model.onnx, and .* holds model.made.*Give made"):
        list(verify_bundle(tmp_path, ["opencv"]))
    with pytest.raises(UsageError, match=r"holds model.made, and only model.onnx is answered"):
        open_bundle(tmp_path)


@pytest.mark.parametrize(("form", "package"), [("litert", "ai-edge-litert"), ("executorch", "executorch")])
def test_an_engine_that_is_missing_names_its_extra(source, tmp_path, monkeypatch, capsys, form, package):
    made = replace(ENGINE, module="absent", pip=(package,))
    write_converted(source, tmp_path, Terms(), MADE)
    monkeypatch.delitem(engines.ENGINES, "made")
    monkeypatch.setitem(engines.ENGINES, form, made)
    for options in ([], ["--engine", form]):
        assert main(["verify", str(tmp_path), *options]) == 1
        said = " ".join(capsys.readouterr().err.split())
        assert f"{form}: is not installed. Install it: pip install {package}; or with its converter" in said
        assert f"pip install 'groupwise[{form}]'" in said
