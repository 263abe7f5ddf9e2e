"""The clients of docs/deploy, held to the product's answers."""

import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from PIL import Image

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


def hold(folder, target, name, value):
    """A copy of the model whose metadata hold this too, as those of a run on such pictures do."""
    shutil.copytree(folder, target)
    model = onnx.load(target / "model.onnx")
    model.metadata_props.add(key=name, value=value)
    onnx.save(model, target / "model.onnx")
    return target


def test_the_client_refuses_more_than_8_bits_by_the_range_of_the_run(folder, tmp_path):
    """OpenCV alone would have read 12 bits as nearly black, and answered."""
    cv2.imwrite(str(tmp_path / "deep.png"), np.full((40, 40), 2000, np.uint16))
    done = ask(hold(folder, tmp_path / "onnx", "integer_range", "[0, 4095]"), tmp_path / "deep.png")
    assert (done.returncode, done.stdout) == (1, "")
    assert "deep.png: more than 8 bits; first map the range of the training set ([0, 4095]) to" in done.stderr
    assert "(which its files declare)" in ask(folder, tmp_path / "deep.png").stderr


def test_the_client_refuses_a_run_on_chosen_channels(run, folder, tmp_path):
    file = next((run.folder.parent / "pets").glob("*/*.png"))
    done = ask(hold(folder, tmp_path / "onnx", "channels", "[2]"), file)
    assert (done.returncode, done.stdout) == (1, "")
    assert "the model takes the channels [2], which OpenCV cannot choose" in done.stderr


def test_the_client_takes_grey_turned_and_transparent_pictures_of_8_bits(run, folder, tmp_path):
    """Of what is opaque, for white behind the rest stays with the client."""
    levels = np.random.default_rng(0).integers(0, 256, (30, 60), np.uint8)
    grey = Image.fromarray(levels)
    grey.save(tmp_path / "grey.png")
    grey.convert("RGBA").save(tmp_path / "opaque.png")
    turn = Image.Exif()
    turn[0x0112] = 6
    grey.save(tmp_path / "turned.jpg", quality=95, exif=turn)
    files = sorted(tmp_path.iterdir())
    answers = [one.answer for one in load_run(run.folder).predict(files)]
    lines = ask(folder, *files).stdout.splitlines()
    for answer, line in zip(answers, lines, strict=True):
        _, label, probability = line.rsplit(" ", 2)
        assert label == answer.label
        assert float(probability) == pytest.approx(answer.probability, abs=5e-3)
