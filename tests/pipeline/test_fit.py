import csv
import errno
import json
import shutil

import pytest
from mlflow import MlflowClient

from folder_case import TINY
from groupwise.console import Console
from groupwise.distributed.world import World
from groupwise.files import write_csv
from groupwise.pipeline.train import TrainOptions, train_prepared
from groupwise.recipe.parsing import build_recipe
from groupwise.recipe.recipe import as_dict, flatten
from groupwise.runs.run import Run
from run_case import write_run

RECIPE = build_recipe({**TINY, "training.epochs": 3})


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path)


def train(run, *, console=None, **options):
    console = console or Console(quiet=True)
    options = {"resume": False} | options
    return train_prepared(run, RECIPE, run.folder.parent / "cache", World(), console, TrainOptions(**options))


def rows(run):
    with run.path("history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


class Power(BaseException):
    """The power fails: nothing catches it."""


def test_a_killed_run_has_the_history_of_its_whole_epochs(run, monkeypatch):
    def lines(epoch):
        if epoch.epoch == 3:
            raise Power
        return ""

    with monkeypatch.context() as patch:
        patch.setattr("groupwise.pipeline.fit.epoch_line", lines)
        with pytest.raises(Power):
            train(run)
    assert [row["epoch"] for row in rows(run)] == ["1", "2"]
    Run.open(run.folder).require("history.csv")
    train(Run.open(run.folder), resume=True)
    assert [row["epoch"] for row in rows(run)] == ["1", "2", "3"]


def test_a_full_disk_costs_a_row_and_not_the_run(run, monkeypatch, capsys):
    calls = []

    def full(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_csv(*arguments)

    monkeypatch.setattr("groupwise.pipeline.fit.write_csv", full)
    train(run, console=Console())
    assert "history.csv could not be written: No space left on device. Training goes on." in (
        " ".join(capsys.readouterr().out.split())
    )
    assert len(rows(run)) == 3


def test_a_tracked_run_learns_the_same_and_tells_its_whole_recipe(run, tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copytree(run.folder, tmp_path / "plain")
    plain = Run.open(tmp_path / "plain")
    train(plain)
    metrics = train(run, track=("mlflow",))
    for name in ("model.safetensors", "predictions.csv", "metrics.json"):
        assert run.path(name).read_bytes() == plain.path(name).read_bytes(), name

    client = MlflowClient(f"sqlite:///{run.path('mlflow.db')}")
    key = json.loads(run.path("tracking.json").read_text())["mlflow"]["key"]
    told = client.get_run(key)
    assert told.info.status == "FINISHED"
    assert told.data.params == {name: str(value) for name, value in flatten(as_dict(RECIPE)).items()}
    losses = [metric.value for metric in client.get_metric_history(key, "train_loss")]
    assert losses == [float(row["train_loss"]) for row in rows(run)]
    assert told.data.metrics["test/accuracy_low"] == metrics["test"]["accuracy"]["low"]
