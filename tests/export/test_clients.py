"""The clients of docs/deploy, held to the product's answers."""

import subprocess
import sys
from pathlib import Path

import pytest

from groupwise.export.bundle import Terms
from groupwise.export.targets import export_run
from groupwise.inference.predictor import load_run

CLIENT = Path(__file__).parents[2] / "docs/deploy/client.py"


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    target = tmp_path_factory.mktemp("client") / "onnx"
    return export_run(run.folder, "onnx", target, terms=Terms(with_preprocessing=True))[0]


def ask(folder, *files):
    command = [sys.executable, CLIENT, folder, *files]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_client_in_python_answers_as_the_product_does(run, folder):
    files = sorted((run.folder.parent / "pets").glob("*/*.png"))[10:14]
    answers = [one.answer for one in load_run(run.folder).predict(files)]
    lines = ask(folder, *files).stdout.splitlines()
    for file, answer, line in zip(files, answers, lines, strict=True):
        name, label, probability = line.rsplit(" ", 2)
        assert (name, label) == (f"{file}:", answer.label)
        assert float(probability) == pytest.approx(answer.probability, abs=2e-3)


def test_the_client_names_a_file_that_is_no_picture(folder, tmp_path):
    (tmp_path / "no.jpg").write_text("none")
    done = ask(folder, tmp_path / "no.jpg")
    assert done.returncode == 1
    assert "no.jpg: OpenCV cannot read it" in done.stderr
