"""What `groupwise evaluate` keeps of a fold: each that was measured, once, but not the one learnt from."""

import pytest

from groupwise.cli.main import main
from groupwise.evaluation.predictions import read_predictions
from groupwise.files import read_json, write_json
from groupwise.runs.files import read_metrics
from run_case import write_run


def kept(run):
    """The folds of `metrics.json`, and how many images of each `predictions.csv` has."""
    rows = read_predictions(run.path("predictions.csv")).rows
    folds = list(read_metrics(run.path("metrics.json")))
    return {fold: sum(row.fold == fold for row in rows) for fold in folds}, len(rows)


@pytest.fixture
def interrupted(tmp_path):
    """A run that nothing was measured on yet."""
    return write_run(tmp_path)


def test_every_fold_that_was_measured_is_kept(interrupted):
    for fold in ("val", "test", "test"):
        assert main(["evaluate", str(interrupted.folder), "--fold", fold]) == 0
    assert kept(interrupted) == ({"val": 8, "test": 4}, 12)
    written = interrupted.path("predictions.csv").read_bytes()
    held = read_json(interrupted.path("metrics.json"))
    held["val"]["accuracy"]["value"] = 0.123  # as of an earlier decision
    write_json(interrupted.path("metrics.json"), held)
    assert main(["evaluate", str(interrupted.folder), "--fold", "val"]) == 0
    assert kept(interrupted) == ({"val": 8, "test": 4}, 12)
    assert interrupted.path("predictions.csv").read_bytes() == written
    assert read_metrics(interrupted.path("metrics.json"))["val"]["accuracy"]["value"] != 0.123


def test_the_fold_that_was_learnt_from_is_said_and_not_kept(interrupted, capsys):
    assert main(["evaluate", str(interrupted.folder), "--fold", "train"]) == 0
    assert capsys.readouterr().out.startswith("Train: ")
    assert not interrupted.path("metrics.json").exists()
    for fold in ("test", "train"):
        assert main(["evaluate", str(interrupted.folder), "--fold", fold]) == 0
    assert kept(interrupted) == ({"test": 4}, 4)
