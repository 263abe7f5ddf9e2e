"""Runs and a bundle that an older build wrote are read, reported, served and resumed; see their README.md."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from starlette.testclient import TestClient

import groupwise
from fixtures.older_runs.make import OPTIONS
from groupwise.cli.main import main
from groupwise.inference.bundle import open_bundle
from groupwise.serving.app import create_app
from groupwise.stats.estimate import upgrade

WRITTEN = Path(__file__).parent / "fixtures/older_runs"
FIGURES = ("train_loss", "train_accuracy", "select_loss", "select_accuracy", "learning_rate")


@pytest.fixture
def older(tmp_path, monkeypatch):
    """A copy of the runs beside their images, in the current folder, as the older build had them."""
    folder = tmp_path / "older"
    shutil.copytree(WRITTEN, folder)
    for ledger in folder.glob("*/run.json"):
        ledger.write_text(ledger.read_text().replace("/tmp/older", str(folder)))
    monkeypatch.chdir(folder)
    return folder


def table(file):
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def predictions(run):
    """Paths and probabilities, (N, 2), of `predictions.csv`."""
    rows = table(run / "predictions.csv")
    assert len(rows) == 16
    return [row["path"] for row in rows], np.array(
        [[row["prob_dark"], row["prob_light"]] for row in rows], float
    )


def test_a_finished_run_predicts_what_it_did(older):
    paths, probs = predictions(older / "finished")
    answers = groupwise.load_run(older / "finished").predict([older / "data" / path for path in paths])
    # Another processor sums convolutions in another order
    np.testing.assert_allclose([list(answer.probabilities.values()) for answer in answers], probs, atol=1e-5)


def test_a_finished_run_is_measured_and_reported_again(older, capsys):
    before = json.loads((older / "finished/metrics.json").read_text())["test"]
    assert main(["evaluate", "finished", "--fold", "test"]) == 0
    assert main(["report", "finished"]) == 0
    assert "58.9 to 100" in (older / "finished/report.html").read_text().replace("\u00a0", " ")
    after = json.loads((older / "finished/metrics.json").read_text())["test"]
    assert after["accuracy"] == upgrade(before["accuracy"])
    assert json.loads((older / "finished/run.json").read_text())["test_readings"] == 2


def test_a_bundle_answers_over_http_what_the_run_did(older):
    paths, probs = predictions(older / "finished")
    with TestClient(
        create_app(open_bundle(older / "finished/export/bundle"), hosts=["testserver"])
    ) as client:
        for path, expected in zip(paths, probs, strict=True):
            answer = client.post("/v1/predict", content=(older / "data" / path).read_bytes()).json()
            assert list(answer["probabilities"].values()) == pytest.approx(list(expected), abs=1e-4)


def test_a_stopped_run_ends_with_the_weights_that_the_older_build_gave(older):
    assert main(["train", "data", "--run", "stopped", *OPTIONS, "--resume"]) == 0
    assert (older / "stopped/report.html").is_file()
    expected = safetensors.numpy.load_file(older / "resumed/model.safetensors")
    weights = safetensors.numpy.load_file(older / "stopped/model.safetensors")
    assert weights.keys() == expected.keys()
    for name, tensor in expected.items():
        # Bit for bit on the processor that wrote them; another one sums in another order
        np.testing.assert_allclose(weights[name], tensor, rtol=1e-3, atol=1e-4, err_msg=name)
    history = table(older / "stopped/history.csv")
    written = table(WRITTEN / "stopped/history.csv")  # with their seconds: nothing was repeated
    assert [
        {name: now[name] for name in then} for now, then in zip(history[:2], written, strict=True)
    ] == written
    for now, then in zip(history, table(older / "resumed/history.csv"), strict=True):
        for name in FIGURES:
            assert float(now[name]) == pytest.approx(float(then[name]), rel=1e-3), name
