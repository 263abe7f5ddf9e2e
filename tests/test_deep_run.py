"""A run on pictures of 12 bits keeps one rule for them, from scan to prediction."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from folder_case import tiny_options, write_folder
from groupwise.cli.main import main
from groupwise.errors import GroupwiseError
from groupwise.files import read_json
from groupwise.inference.bundle import open_predictor
from pixels_case import deepen


@pytest.fixture(scope="module")
def deep(tmp_path_factory):
    """The pictures of a folder, grey and in 12 bits of 16, and a run that was trained on them."""
    base = tmp_path_factory.mktemp("deep")
    for file in sorted(write_folder(base / "shallow").glob("*/*.png")):
        grey = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
        target = base / "data" / file.relative_to(base / "shallow")
        target.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(target), deepen(grey, 12))
    brightest = next((base / "data").glob("*/*.png"))
    values = cv2.imread(str(brightest), cv2.IMREAD_UNCHANGED)
    values[0, 0] = 4000  # so that the set is seen to use 12 bits
    cv2.imwrite(str(brightest), values)
    assert main(["train", str(base / "data"), "--run", str(base / "run"), *tiny_options()]) == 0
    return base


def test_the_rule_is_kept_and_said(deep):
    assert yaml.safe_load((deep / "run/recipe.yaml").read_text())["data"]["integer_range"] == [0.0, 4095.0]
    config = read_json(deep / "run/config.json")
    assert config["groupwise"]["preprocessing"]["integer_range"] == [0.0, 4095.0]
    assert any("4095 white, the 12 bits" in note for note in read_json(deep / "run/run.json")["notes"])
    assert read_json(deep / "run/audit.json")["reading"]["integer_range"] == [0.0, 4095.0]


def test_a_finished_run_is_resumed_by_the_same_command(deep, capsys):
    command = ["train", str(deep / "data"), "--run", str(deep / "run"), "--resume", *tiny_options()]
    assert main(command) == 0
    assert "Nothing is left to do" in capsys.readouterr().out


def test_prediction_reads_by_the_rule_and_says_so(deep, capsys):
    file = str(next((deep / "data").glob("*/*.png")))
    assert main(["predict", str(deep / "run"), file]) == 0
    told = capsys.readouterr()
    assert "deep-integer" in told.out + told.err
    assert "of which 0 to 4095 become 0 to 255" in told.out + told.err


def test_prediction_refuses_another_depth(deep, tmp_path, capsys):
    file: Path = tmp_path / "16.png"
    cv2.imwrite(str(file), np.full((40, 40), 50000, np.uint16))
    assert main(["predict", str(deep / "run"), str(file)]) == 1
    told = capsys.readouterr()
    assert "the data set is of pictures whose white is 4095" in told.out + told.err


def test_the_bundle_reads_by_the_rule_and_answers_as_the_run(deep, tmp_path):
    assert main(["export", str(deep / "run"), "--to", "bundle"]) == 0
    bundle = open_predictor(deep / "run/export/bundle")
    assert bundle.preprocessing.integer_range == (0.0, 4095.0)
    files = sorted((deep / "data").glob("*/*.png"))[::6]
    expected = open_predictor(deep / "run").predict(files)
    for one, other in zip(expected, bundle.predict(files), strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5)
    cv2.imwrite(str(tmp_path / "16.png"), np.full((40, 40), 50000, np.uint16))
    with pytest.raises(GroupwiseError, match="whose white is 4095"):
        bundle.predict([tmp_path / "16.png"])
