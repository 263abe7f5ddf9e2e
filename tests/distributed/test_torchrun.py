import os

import pytest
import torch

import groupwise
from folder_case import TINY, write_folder
from groupwise.distributed.torchrun import launch
from groupwise.errors import UsageError
from groupwise.runs.run import Run


@pytest.fixture
def torchrun(monkeypatch):
    """Be a process that `torchrun` started, for the first time or again."""

    def start(run_id="none", *, restarts=0, agent=None):
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", run_id)
        monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", str(restarts))
        monkeypatch.setattr(os, "getppid", lambda: agent or os.getpid())

    return start


def test_a_restart_has_the_name_of_its_launch_and_another_launch_has_not(monkeypatch, torchrun):
    assert launch() is None
    torchrun()
    first = launch()
    torchrun(restarts=2)
    assert launch() == first
    torchrun("job-7")
    assert launch() != first
    torchrun(agent=1)
    assert launch() != first
    torchrun()
    monkeypatch.setattr("platform.node", lambda: "another")
    assert launch() != first


def test_a_number_that_comes_back_is_another_process(monkeypatch, torchrun):
    torchrun()
    first = launch()
    monkeypatch.setattr("groupwise.distributed.torchrun._begun", lambda process: "4711")
    assert launch() != first


def test_a_process_that_linux_does_not_know_has_a_name_too(torchrun):
    torchrun(agent=2**30)
    assert launch() == launch() != None  # noqa: E711


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("pets"), n=24)


def train(folder, run, **options):
    torch.set_num_threads(1)
    return groupwise.train(folder, run=run, recipe="default", changes=TINY, quiet=True, **options)


def test_a_restart_goes_on_with_its_own_run_alone(monkeypatch, torchrun, folder, tmp_path):
    run = tmp_path / "run"
    torchrun()
    metrics = train(folder, run)
    readings = Run.open(run).ledger["test_readings"]
    with pytest.raises(UsageError, match="already holds something"):
        train(folder, run)
    torchrun(restarts=1)
    assert train(folder, run) == metrics  # nothing was left to do

    for restarts in (0, 1):  # of another torchrun
        torchrun(restarts=restarts, agent=1)
        with pytest.raises(UsageError, match=r"already holds something.*add --resume"):
            train(folder, run)
    assert train(folder, run, resume=True) == metrics
    assert Run.open(run).ledger["test_readings"] == readings


@pytest.mark.parametrize("before", [{}, {"launches": []}])
def test_a_run_that_no_torchrun_began_is_not_gone_on_with(torchrun, folder, tmp_path, before):
    run = Run.create(tmp_path / "run", data=folder, root=folder, version="0")
    run.path("run.json").write_text(run.path("run.json").read_text().replace('"launches"', '"of old"'))
    run.note(**before)
    torchrun(restarts=1)
    with pytest.raises(UsageError, match="already holds something"):
        train(folder, run.folder)
    assert run.path("run.json").exists()


def test_a_restart_after_a_death_before_the_first_file_begins_anew(torchrun, folder, tmp_path):
    (tmp_path / ".training").touch()
    (tmp_path / ".run.json.abc.partial").touch()
    torchrun(restarts=1)
    assert "test" in train(folder, tmp_path)
    (tmp_path / "run.json").unlink()
    with pytest.raises(UsageError, match="already holds something"):  # whose run that was is not known
        train(folder, tmp_path)
