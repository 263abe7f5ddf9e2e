import json
import struct
import time
from importlib.util import find_spec

import pytest
from mlflow import MlflowClient
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from wandb.proto import wandb_internal_pb2

from groupwise.cli.main import main
from groupwise.training import trackers
from groupwise.training.config import EpochRecord
from groupwise.training.tracking import flat_figures, tracking

ALL = ("tensorboard", "mlflow", "wandb")
EPOCHS = [EpochRecord(k, 1 / k, 0.5, "val", 0.7, k / 10, 1e-3, 2.0, 30.0, 0.1) for k in (1, 2, 3)]
COLUMNS = [
    name
    for name in EpochRecord.__dataclass_fields__
    if name not in ("select_fold", "may_be_chosen") and getattr(EPOCHS[0], name) is not None
]
METRICS = {"test": {"n": 7, "accuracy": {"value": 0.75, "low": 0.5, "high": 0.875, "unit": "images"}}}
FIELDS = {"optim.learning_rate": 0.004, "model.overrides": {"depths": [1]}, "training.patience": None}


@pytest.fixture(autouse=True)
def _nobody_elses_settings(monkeypatch):
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "WANDB_MODE", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)


def points(folder, name):
    """What tracker `name` holds of the run in `folder`: each curve's (step, value), and the parameters."""
    return {"tensorboard": in_tensorboard, "mlflow": in_mlflow, "wandb": in_wandb}[name](folder)


def in_tensorboard(folder):
    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    curves = {name: [(e.step, e.value) for e in events.Scalars(name)] for name in events.Tags()["scalars"]}
    content = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    return curves, {name: "" for name in FIELDS if name.encode() in content}


def in_mlflow(folder):
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("groupwise")
    (run,) = client.search_runs([experiment.experiment_id])
    curves = {
        name: [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, name)]
        for name in run.data.metrics
    }
    assert run.info.status in ("FINISHED", "KILLED")
    return curves, run.data.params


def in_wandb(folder):
    curves, fields, ids = {}, {}, set()
    for file in sorted(folder.glob("wandb/offline-run-*/*.wandb")):
        ids.add(file.stem)
        for data in leveldb_records(file.read_bytes()):
            record = wandb_internal_pb2.Record.FromString(data)
            for item in record.run.config.update:
                fields[item.key] = item.value_json
            for item in record.history.item:
                name = item.key or ".".join(item.nested_key)
                curves.setdefault(name, []).append((record.history.step.num, json.loads(item.value_json)))
            for item in record.summary.update:
                name = item.key or ".".join(item.nested_key)
                curves.setdefault(name, []).append((0, json.loads(item.value_json)))
    assert len(ids) == 1
    return curves, fields


def leveldb_records(log):
    """The records of a W&B file: LevelDB's log format (docs/log_format.md there) after a head of 7 bytes."""
    record, at = b"", 7
    while at + 7 <= len(log):
        length, kind = struct.unpack_from("<HB", log, at + 4)
        record += log[at + 7 : at + 7 + length]
        if kind in (1, 4):  # whole, or the last part
            yield record
            record = b""
        at += 7 + length
        if -at % 32768 < 7:  # no head fits into what is left of the block
            at += -at % 32768


@pytest.fixture(scope="module")
def resumed(tmp_path_factory):
    """A run whose process was lost after two epochs, and that went on in another."""
    folder, said = tmp_path_factory.mktemp("runs") / "first", []
    folder.mkdir()
    with tracking(ALL, folder, FIELDS, said.append) as first:
        first.on_epoch_end(EPOCHS[:1], None)
        first.on_epoch_end(EPOCHS[:2], None)
    time.sleep(1.1)  # W&B loses what goes on within the second it began in (findings/)
    with tracking(ALL, folder, FIELDS, said.append) as second:
        second.on_train_begin(EPOCHS)
        second.finish(EPOCHS, METRICS)
    assert said == []
    ends = time.monotonic() + 20  # W&B says that it has finished before its file holds more than a head
    while time.monotonic() < ends and min(f.stat().st_size for f in folder.glob("wandb/*/*.wandb")) <= 7:
        time.sleep(0.05)
    return folder


@pytest.mark.parametrize("name", ALL)
def test_every_column_of_every_epoch_arrives_once_in_one_run(resumed, name):
    curves, _ = points(resumed, name)
    for column in COLUMNS:
        expected = [(epoch.epoch, pytest.approx(getattr(epoch, column))) for epoch in EPOCHS]
        assert [point for point in curves[column] if point[0]] == expected, column


@pytest.mark.parametrize("name", ALL)
def test_the_recipe_and_the_figures_with_their_limits_arrive(resumed, name):
    curves, fields = points(resumed, name)
    assert set(fields) >= set(FIELDS)
    for ending, value in (("", 0.75), ("_low", 0.5), ("_high", 0.875)):
        assert (0, value) in curves[f"test/accuracy{ending}"]


def test_figures_without_limits_or_outside_the_fold_are_left_out():
    metrics = {"val": {"n": 3, "auroc": {"value": None, "low": None}, "brier": {"value": 0.5, "low": None}}}
    assert flat_figures(metrics) == {"val/brier": 0.5}


class Failing:
    """A tracker whose server answers `answers` times, and then no more."""

    key = "somewhere"

    def __init__(self, answers):
        self.answers, self.asked, self.summary = answers, [], None

    def log(self, epoch, numbers):
        self.asked.append(epoch)
        if len(self.asked) > self.answers:
            raise ConnectionError("no route to the server\nand more")

    def summarise(self, figures):
        self.summary = figures

    def close(self, *, finished):
        self.finished = finished


def test_a_tracker_that_fails_is_said_once_and_asked_again_at_the_end(monkeypatch, tmp_path):
    failing, said = Failing(1), []
    monkeypatch.setitem(trackers.TRACKERS, "mlflow", lambda *_: failing)
    with tracking(("mlflow",), tmp_path, FIELDS, said.append) as tracked:
        for k in (1, 2, 3):
            tracked.on_epoch_end(EPOCHS[:k], None)
        assert failing.asked == [1, 2]  # not a third time, which could wait for an answer again
        failing.answers = 9
        tracked.finish(EPOCHS, METRICS)
    assert said == [
        "mlflow could not be told how training goes (ConnectionError: no route to the server). "
        "Nothing else is affected; history.csv has every epoch."
    ]
    assert failing.asked == [1, 2, 2, 3]
    assert failing.summary["test/accuracy"] == 0.75
    assert failing.finished


def test_wandb_and_mlflow_go_where_the_environment_says(monkeypatch, tmp_path):
    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", elsewhere)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "signs")
    monkeypatch.setenv("WANDB_MODE", "disabled")
    with tracking(("mlflow", "wandb"), tmp_path, FIELDS, pytest.fail) as tracked:
        tracked.on_epoch_end(EPOCHS, None)
    assert MlflowClient(elsewhere).get_experiment_by_name("signs")
    assert not (tmp_path / "mlflow.db").exists()
    assert not list(tmp_path.glob("wandb/offline-run-*"))


def test_the_command_line_names_the_trackers(monkeypatch, tmp_path):
    requests = []
    monkeypatch.setattr("groupwise.api.run_chain", lambda request, console: requests.append(request) or {})
    assert main(["train", str(tmp_path), "--run", str(tmp_path / "run"), "--track", "mlflow", "wandb"]) == 0
    assert requests[0].track == ("mlflow", "wandb")


@pytest.mark.parametrize(
    ("name", "missing", "message"),
    [
        ("wandb", True, "--track: wandb is not installed. Install it: pip install 'groupwise[track]'"),
        ("wandb", False, None),
        ("comet", False, "--track: no tracker 'comet'. Choose among tensorboard, mlflow, wandb."),
    ],
)
def test_what_cannot_be_told_is_refused_before_any_file_is_read(
    monkeypatch, capsys, tmp_path, name, missing, message
):
    monkeypatch.setattr(trackers, "find_spec", lambda name: None if missing else find_spec(name))
    (tmp_path / "nowhere").mkdir()  # holds no picture
    status = main(["train", str(tmp_path / "nowhere"), "--run", str(tmp_path / "run"), "--track", name])
    assert status == (2 if message else 1)
    assert (message or "nowhere") in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
