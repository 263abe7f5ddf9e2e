import csv
import json
import math
import shutil
from importlib.util import find_spec

import optuna
import pytest
import torch

from folder_case import TINY, tiny_options, write_folder
from groupwise.cli.main import main
from groupwise.console import Console
from groupwise.data.split import read_split
from groupwise.experiments import sweep, sweep_trial
from groupwise.recipe.parsing import read_recipe
from groupwise.recipe.recipe import flatten, read_fields
from groupwise.runs.lock import training_lock
from groupwise.training.callbacks import Callback, CallbackList
from groupwise.training.config import Diverged, EpochRecord, FitResult
from groupwise.training.trainer import Trainer

KNOBS = [
    "optim.learning_rate", "optim.weight_decay", "loss.label_smoothing", "augment.zoom",
    "augment.rotate_degrees",
]  # fmt: skip
WRITTEN = ("sweep.csv", "best.yaml")


def rows(folder):
    with (folder / "sweep.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("pets"), n=24)


@pytest.fixture(scope="module")
def whole(pets, tmp_path_factory):
    """A sweep of three trials."""
    torch.set_num_threads(1)
    target = tmp_path_factory.mktemp("runs") / "whole"
    assert start(pets, target, trials=3) == 0
    return target


@pytest.fixture
def prepared(whole, tmp_path):
    """The same before its first trial."""
    target = tmp_path / "sweep"
    shutil.copytree(whole, target)
    for name in (*WRITTEN, sweep_trial.JOURNAL):
        (target / name).unlink()
    return target


def start(data, target, *options, trials):
    words = ["sweep", data, "--run", target, "--trials", trials, *tiny_options(), *options]
    return main([str(word) for word in words])


def test_the_first_trial_is_the_recipe_as_it_is(whole):
    own = flatten(read_fields(whole / "recipe.yaml"))
    assert [float(rows(whole)[0][knob]) for knob in KNOBS] == [own[knob] for knob in KNOBS]
    assert all(len({row[knob] for row in rows(whole)}) == 3 for knob in KNOBS)


def test_the_best_recipe_is_that_of_the_best_row_and_can_be_trained(capsys, whole):
    best = max(rows(whole), key=lambda row: (float(row["accuracy"]), -float(row["loss"])))
    recipe, own = (flatten(read_fields(whole / name)) for name in ("best.yaml", "recipe.yaml"))
    assert {knob: recipe[knob] for knob in KNOBS} == {knob: float(best[knob]) for knob in KNOBS}
    others = set(recipe) - set(KNOBS) - {"name"}
    assert {name: recipe[name] for name in others} == {name: own[name] for name in others}
    assert main(["train", "--print_config", "--recipe", str(whole / "best.yaml")]) == 0
    assert "name: default-swept" in capsys.readouterr().out
    assert f"trial {best['trial']} of 3" in (whole / "best.yaml").read_text().splitlines()[0]


def test_nothing_else_is_left_and_the_test_fold_was_not_read(whole):
    assert not list(whole.glob("trial-*"))
    assert not (whole / "cache").exists()
    ledger = json.loads((whole / "run.json").read_text())
    assert ledger["test_readings"] == 0
    assert set(WRITTEN) <= set(ledger["artefacts"])


def test_no_trial_has_a_row_of_the_test_fold(monkeypatch, pets, prepared):
    seen = []

    class Looking(Trainer):
        def fit(self, **options):
            seen.append({*self.data.train.tolist(), *self.data.select.tolist()})
            return super().fit(**options)

    monkeypatch.setattr(sweep_trial, "Trainer", Looking)
    assert start(pets, prepared, "--resume", trials=1) == 0
    test = set(read_split(prepared / "split.csv").indices("test").tolist())
    assert test
    assert all(not rows & test for rows in seen)


class Power(BaseException):
    """The power fails: nothing catches it."""


def test_a_sweep_stopped_within_a_trial_ends_as_if_nothing_had_been(monkeypatch, pets, whole, prepared):
    fits = []

    class Cut(Callback):
        def __init__(self, folder):
            self.folder = folder

        def on_batch_end(self, step, steps):
            if len(fits) == 2 and step == steps and list(self.folder.glob("*1*")):
                raise Power

    def failing(*arguments, checkpoints, callbacks, **options):
        fits.append(checkpoints.name)
        callbacks = [*callbacks, Cut(checkpoints)]
        return Trainer(*arguments, checkpoints=checkpoints, callbacks=callbacks, **options)

    monkeypatch.setattr(sweep_trial, "Trainer", failing)
    with pytest.raises(Power):
        start(pets, prepared, "--resume", trials=3)
    assert len(rows(prepared)) == 1
    assert start(pets, prepared, "--resume", trials=3) == 0
    assert fits == ["trial-0", "trial-1", "trial-1", "trial-3"]
    for name in WRITTEN:
        assert (prepared / name).read_bytes() == (whole / name).read_bytes(), name


def one_after_the_other(then=lambda: None):
    """`run_side_by_side` within this process, where a test can watch; `then` is called after each task."""

    def run(tasks, jobs, console, *, on_done, **bar):
        rounds.append([task.name for task in tasks])
        for task in tasks:
            on_done(task.name, task.function(*task.arguments, Console(quiet=True)))
            then()

    rounds = []
    return run, rounds


def test_rounds_of_trials_in_processes_of_their_own(capsys, pets, prepared):
    """Of the true processes one round is enough; the others are looked at more closely below."""
    assert start(pets, prepared, "--resume", "--jobs", 2, trials=2) == 0
    out = capsys.readouterr().out
    scores = [row["accuracy"] for row in rows(prepared)]
    for number, score in enumerate(scores, start=1):
        assert f"Trial {number}/2: val {float(score):.1%} in epoch" in out
    assert not list(prepared.glob("trial-*"))


def test_a_sweep_or_a_trial_that_another_process_trains_is_refused(capsys, monkeypatch, pets, prepared):
    with training_lock(prepared):
        assert start(pets, prepared, "--resume", trials=1) == 2
    assert f"{prepared}: is being trained by process" in capsys.readouterr().err
    monkeypatch.setattr(sweep_trial, "ORPHAN_S", 0.2)
    with training_lock(prepared / "trial-0"):  # by a job of a sweep that was killed
        assert start(pets, prepared, "--resume", trials=1) == 2
    assert f"{prepared / 'trial-0'}: is being trained by process" in capsys.readouterr().err
    assert start(pets, prepared, "--resume", trials=1) == 0
    assert not list(prepared.rglob(".*"))


def test_a_sweep_stopped_within_a_round_ends_as_if_nothing_had_been(monkeypatch, pets, whole, prepared):
    stopped = prepared.with_name("stopped")
    shutil.copytree(prepared, stopped)
    run, rounds = one_after_the_other()
    monkeypatch.setattr(sweep, "run_side_by_side", run)
    assert start(pets, prepared, "--resume", "--jobs", 2, trials=5) == 0
    assert rounds == [["Trial 1/5", "Trial 2/5"], ["Trial 3/5", "Trial 4/5"], ["Trial 5/5"]]

    def fail():
        ends.append(len(ends))
        if len(ends) == 3:  # the first of the second round has its outcome, and the other never began
            raise Power

    ends = []
    monkeypatch.setattr(sweep, "run_side_by_side", one_after_the_other(fail)[0])
    with pytest.raises(Power):
        start(pets, stopped, "--resume", "--jobs", 2, trials=5)
    assert len(rows(stopped)) == 2
    run, rounds = one_after_the_other()
    monkeypatch.setattr(sweep, "run_side_by_side", run)
    assert start(pets, stopped, "--resume", "--jobs", 2, trials=5) == 0
    assert rounds == [["Trial 3/5", "Trial 4/5"], ["Trial 5/5"]]
    for name in WRITTEN:
        assert (prepared / name).read_bytes() == (stopped / name).read_bytes(), name


def test_a_round_knows_the_trials_of_earlier_rounds_alone(monkeypatch, pets, prepared):
    """Values after the random ones, and the median, do not depend on which of a round ends first."""
    # The 8th is above the median of six, and below it if the 7th had been counted.
    accuracies = [0.7, 0.7, 0.7, 0.9, 0.9, 0.9, 0.85, 0.82, 0.5, 0.7, 0.9, 0.9, 0.6, 0.95]

    def backwards(tasks, jobs, console, *, on_done, **bar):
        forwards(list(reversed(tasks)), jobs, console, on_done=on_done, **bar)

    forwards, _ = one_after_the_other()
    tables = []
    for run, scores in ((forwards, accuracies), (backwards, swapped(accuracies))):
        target = prepared.with_name(f"sweep-{len(tables)}")
        shutil.copytree(prepared, target)
        monkeypatch.setattr(sweep_trial, "Trainer", Scripted(scores))
        monkeypatch.setattr(sweep, "run_side_by_side", run)
        assert start(pets, target, "--resume", "--jobs", 2, trials=14) == 0
        tables.append(rows(target))
    assert tables[0] == tables[1]
    assert [row["trial"] for row in tables[0] if row["status"] == "pruned"] == ["9", "10", "13"]


def swapped(items):
    """Each pair the other way round."""
    return [item for k in range(0, len(items), 2) for item in reversed(items[k : k + 2])]


def test_a_trial_that_was_given_up_stays_so_when_it_is_resumed(monkeypatch, pets, prepared):
    class Resumed(Scripted):
        def fit(self, *, resume, left_s):
            self.callbacks.on_train_begin(two_epochs(0.6))
            raise AssertionError("went on")

    monkeypatch.setattr(sweep_trial, "Trainer", Scripted([0.8] * 5))
    assert start(pets, prepared, "--resume", trials=5) == 0
    monkeypatch.setattr(sweep_trial, "Trainer", Resumed([]))
    assert start(pets, prepared, "--resume", trials=6) == 0
    assert rows(prepared)[5]["status"] == "pruned"


def two_epochs(accuracy):
    return [EpochRecord(k, 0.5, 0.5, "val", 0.7, accuracy, 1e-3, 1.0, 1.0, 0.0) for k in (1, 2)]


class Scripted:
    """A trainer whose n-th fit has the n-th of `accuracies` in both epochs; None diverges."""

    def __init__(self, accuracies):
        self.left = iter(accuracies)

    def __call__(self, *arguments, callbacks, **options):
        self.callbacks = CallbackList(callbacks)
        return self

    def fit(self, *, resume, left_s):
        assert resume
        assert math.isinf(left_s())  # as there is no budget
        accuracy = next(self.left)
        if accuracy is None:
            raise Diverged("the loss is not finite", place="training", remedy="Lower the rate.")
        self.callbacks.on_train_begin(())
        epochs = two_epochs(accuracy)
        for k in (1, 2):
            self.callbacks.on_epoch_end(epochs[:k], None)
        return FitResult(tuple(epochs), epochs[-1], {}, (), interrupted=False)


def test_a_trial_that_diverges_or_lies_below_the_median_is_given_up(monkeypatch, capsys, pets, prepared):
    monkeypatch.setattr(sweep_trial, "Trainer", Scripted([0.8, None, 0.7, 0.9, 0.9, 0.6, 0.7, 0.95]))
    assert start(pets, prepared, "--resume", trials=8) == 0
    states = [row["status"] for row in rows(prepared)]
    # Given up are the second, which diverged, and the seventh, below the median 0.8 of five others
    assert states == ["complete", "pruned", *["complete"] * 4, "pruned", "complete"]
    out = " ".join(capsys.readouterr().out.split())
    assert "Trial 2/8: diverged (learning_rate" in out
    assert "Trial 7/8: below the median, given up (learning_rate" in out
    assert "Best: trial 8 of 8, right on 95.0% of" in out
    assert f"--recipe {prepared / 'best.yaml'}" in out


def test_more_trials_are_added_to_a_finished_sweep(monkeypatch, pets, prepared):
    monkeypatch.setattr(sweep_trial, "Trainer", Scripted([0.8, 0.7, 0.9]))
    assert start(pets, prepared, "--resume", trials=2) == 0
    before = rows(prepared)
    assert start(pets, prepared, "--resume", trials=3) == 0
    assert rows(prepared)[:2] == before
    assert len(rows(prepared)) == 3


def test_a_sweep_in_which_nothing_learns_says_so(monkeypatch, capsys, pets, prepared):
    monkeypatch.setattr(sweep_trial, "Trainer", Scripted([None, None]))
    assert start(pets, prepared, "--resume", trials=2) == 1
    assert "no trial learnt anything. Lower optim.learning_rate" in capsys.readouterr().err


def test_a_knob_at_0_that_is_multiplied_stays_and_a_range_reaches_the_recipes_own_value():
    changes = {**TINY, "optim.weight_decay": 0.0, "augment.rotate_degrees": 180.0}
    recipe = read_recipe("default", changes)[1]
    study = optuna.create_study()
    trial = sweep._ask(study, recipe, 0)
    assert "optim.weight_decay" not in trial.params
    assert trial.distributions["augment.rotate_degrees"].high == 180
    assert trial.distributions["augment.zoom"].low == 0.5


@pytest.mark.parametrize(
    ("options", "trials", "message"),
    [
        ([], 0, "--trials: 0 trials. Give at least 1"),
        (["--training.select_fold", "test"], 3, "every trial would read the test fold"),
        ([], 3, "already holds something"),
        (["--resume", "--seed", "5"], 3, "the recipe differs from the one this run began with"),
    ],
)
def test_what_cannot_be_meant_is_refused(capsys, pets, whole, tmp_path, options, trials, message):
    target = whole if "began" in message or "already" in message else tmp_path / "new"
    assert start(pets, target, *options, trials=trials) == 2
    assert message in capsys.readouterr().err


def test_without_optuna_the_line_that_installs_it_is_said(monkeypatch, capsys, pets, tmp_path):
    monkeypatch.setattr(sweep, "find_spec", lambda name: None if name == "optuna" else find_spec(name))
    assert start(pets, tmp_path / "run", trials=3) == 2
    assert "optuna is not installed. Install it: pip install 'groupwise[sweep]'" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
