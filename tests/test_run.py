from pathlib import Path

import pytest

from groupwise.errors import GroupwiseError, UsageError
from groupwise.run import Run


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


def test_readings_of_the_test_fold_add_up_across_openings(run):
    run.count_test_reading("first")
    Run.open(run.folder).count_test_reading("second")
    ledger = Run.open(run.folder).ledger
    assert ledger["test_readings"] == 2
    assert [entry["why"] for entry in ledger["test_reading_log"]] == ["first", "second"]


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
