"""Programs of torch, and what converters make of them: kept where their engine answers alike, else not."""

import io
import json
import os
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from groupwise.errors import GroupwiseError, UsageError
from groupwise.export import programs
from groupwise.export.bundle import Source
from groupwise.export.programs import Converter, write_converted
from groupwise.export.targets import export_run


def save(network, example):
    buffer = io.BytesIO()
    torch.save(network, buffer)
    return buffer.getvalue()


def computed(error=0.0):
    """What opens such a file, and answers one image at a time, off by `error` in the first logit."""

    def open_file(content):
        network = torch.load(io.BytesIO(content), weights_only=False)

        def forward_one(image):
            with torch.inference_mode():
                logits, features, _ = network(torch.from_numpy(image[None].copy()))
            first = np.eye(1, logits.shape[1], dtype=np.float32)[0]
            return [logits[0].numpy() + np.float32(error) * first, features[0].numpy()]

        return programs._one_by_one(forward_one)

    return open_file


MADE = Converter("made", "model.made", ("torch",), ("torch",), save, computed())


@pytest.fixture(scope="module")
def source(run):
    return Source.open(run.folder)


def test_what_answers_alike_is_kept_with_its_proof(source, tmp_path):
    assert write_converted(source, tmp_path, replace(MADE, open=computed(5e-5))) == []
    proof = json.loads((tmp_path / "parity.json").read_text())
    (found,) = proof["engines"]
    assert found["agrees"]
    assert found["engine"] == "made"
    assert 4e-5 < found["logit_difference"] < 1e-4
    assert set(proof["packages"]) == {"torch"}
    assert len(proof["image_digests"]) == found["pictures"]
    assert (tmp_path / "classes.txt").read_text().splitlines() == list(source.predictor.classes)


@pytest.mark.parametrize("error", [2e-4, float("nan")])
def test_what_answers_otherwise_is_not_written(source, tmp_path, error):
    with pytest.raises(GroupwiseError, match=r"answers otherwise than torch: made .*Nothing was written"):
        write_converted(source, tmp_path, replace(MADE, open=computed(error)))
    assert not list(tmp_path.iterdir())


def test_what_a_converter_prints_is_kept_from_the_user(source, tmp_path, capfd):
    def convert(network, example):
        os.write(1, b"of no use")
        os.write(2, b"W0000 of no use")
        return save(network, example)

    write_converted(source, tmp_path, replace(MADE, convert=convert))
    print("of use", file=sys.stderr)
    assert capfd.readouterr() == ("", "of use\n")


def test_a_converter_that_fails_is_named(source, tmp_path):
    def fail(network, example):
        raise KeyError("aten.odd")

    with pytest.raises(GroupwiseError, match=r"made .*does not take the network \(.*aten.odd.*--to bundle"):
        write_converted(source, tmp_path, replace(MADE, convert=fail))


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
        write_converted(probe, tmp_path, MADE)


@pytest.mark.parametrize(("form", "package"), [("litert", "ai_edge_litert"), ("executorch", "executorch")])
def test_an_engine_that_is_installed_answers_alike(run, tmp_path, form, package):
    pytest.importorskip(package, exc_type=Exception)
    folder, _ = export_run(run.folder, form, tmp_path / "out")
    (found,) = json.loads((folder / "parity.json").read_text())["engines"]
    assert found["agrees"]
