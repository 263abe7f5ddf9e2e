import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from groupwise.errors import GroupwiseError, UsageError
from groupwise.runs.run import Run


@pytest.fixture
def run(tmp_path):
    run = Run.create(tmp_path / "run", data=Path("data"), root=tmp_path, version="0")
    for name, parents in (("a.csv", []), ("b.csv", ["a.csv"])):
        run.path(name).write_text(name)
        run.record(name, parents)
    return run


def test_what_was_recorded_is_found_again(run):
    assert Run.open(run.folder).require("b.csv").read_text() == "b.csv"


def test_a_changed_parent_makes_the_child_stale(run):
    run.path("a.csv").write_text("changed")
    with pytest.raises(GroupwiseError, match=r"a\.csv changed after b\.csv was written\. Restore the file"):
        run.require("b.csv")


def test_a_changed_artefact_is_refused(run):
    run.path("b.csv").write_text("changed")
    with pytest.raises(GroupwiseError, match=r"b\.csv was changed"):
        run.require("b.csv")
    assert run.require("a.csv")


def test_a_missing_artefact_is_named(run):
    run.path("a.csv").unlink()
    with pytest.raises(GroupwiseError, match=r"a\.csv changed after b\.csv"):
        run.require("b.csv")
    with pytest.raises(GroupwiseError, match=r"c\.csv is missing\. Finish the run"):
        run.require("c.csv")


def test_a_refit_that_is_unfinished_is_finished_by_a_refit_of_its_run(run):
    refit = Run.create(run.folder / "refit", data=Path("data"), root=run.root, version="0")
    refit.note(refit_of={"fold": "test"})
    with pytest.raises(GroupwiseError) as caught:
        refit.require("model.safetensors")
    assert str(caught.value).endswith(
        f"model.safetensors is missing. Finish the run with `groupwise refit {shlex.quote(str(run.folder))}`."
    )
    with pytest.raises(GroupwiseError, match=r"Finish the run with `groupwise train --resume`\."):
        run.require("model.safetensors")


def test_readings_of_the_test_fold_add_up_across_openings(run):
    run.count_test_reading("first")
    Run.open(run.folder).count_test_reading("second")
    ledger = Run.open(run.folder).ledger
    assert ledger["test_readings"] == 2
    assert [entry["why"] for entry in ledger["test_reading_log"]] == ["first", "second"]


def test_commands_at_the_same_time_keep_the_entries_of_each_other(run):
    """As `evaluate` beside a training, which has read the ledger long before it enters an epoch."""
    training, measuring = Run.open(run.folder), Run.open(run.folder)
    measuring.count_test_reading("groupwise evaluate")
    measuring.count_study_readings(3)
    run.path("c.csv").write_text("c.csv")
    training.record("c.csv", ["a.csv"])
    training.note(interrupted=True)
    training.count_study_readings(4)
    measuring.count_test_reading("groupwise robustness")
    ledger = Run.open(run.folder).ledger
    assert ledger["test_readings"] == len(ledger["test_reading_log"]) == 2
    assert ledger["study_test_readings"] == 7
    assert (ledger["interrupted"], list(ledger["artefacts"])) == (True, ["a.csv", "b.csv", "c.csv"])
    assert measuring.ledger == ledger  # who changed it last has all of it
    assert training.ledger["test_readings"] == 1
    assert [file.name for file in run.folder.iterdir() if file.name.startswith(".")] == []


def test_no_reading_is_lost_among_many_at_once(run):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda k: Run.open(run.folder).count_test_reading(str(k)), range(40)))
    assert Run.open(run.folder).ledger["test_readings"] == 40


def test_an_entry_that_fails_changes_nothing(run):
    before = run.path("run.json").read_bytes()
    with pytest.raises(FileNotFoundError):
        run.record("none.csv")
    with pytest.raises(ValueError, match="not JSON"):
        run.note(score=float("nan"))
    assert run.path("run.json").read_bytes() == before
    assert "score" not in run.ledger
    run.count_test_reading("the lock is free again")


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("words")
    with pytest.raises(UsageError, match="already holds something"):
        Run.create(tmp_path, data=Path("d"), root=tmp_path, version="0")
    with pytest.raises(UsageError, match="is a file"):
        Run.create(tmp_path / "thesis.txt", data=Path("d"), root=tmp_path, version="0")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"holds no run \(run\.json is missing\)"):
        Run.open(tmp_path)


def test_what_a_run_began_with_is_found_from_any_folder(run, tmp_path, monkeypatch):
    for place in ("there", "here"):
        (tmp_path / place / "data").mkdir(parents=True)
    run.note(working_directory=str(tmp_path / "there"))
    monkeypatch.chdir(tmp_path / "here")
    assert run.find("data") == tmp_path / "there/data"
    assert run.find(str(tmp_path / "here/data")) == tmp_path / "here/data"
    assert run.find("gone") is None
    assert run.began_with("data", tmp_path / "there/data")
    assert run.began_with("data", "../there/data")
    assert not run.began_with("data", tmp_path / "other/data")


def test_what_moved_with_a_run_is_found_beside_it(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "project").mkdir()
    moved = Run(run.folder.rename(tmp_path / "project/run"))
    moved.note(working_directory=str(tmp_path / "gone"))
    (tmp_path / "project/data").mkdir()
    assert moved.find("data") == tmp_path / "project/data"
