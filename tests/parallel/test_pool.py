import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from groupwise.cli.main import main
from groupwise.console import Console
from groupwise.errors import GroupwiseError, UsageError
from groupwise.parallel.pool import refuse_several_processes, run_side_by_side, shared_threads
from groupwise.parallel.process import Task
from groupwise.training.signals import Terminated
from side_case import (
    be_signalled,
    complain,
    die,
    fail_when,
    hold_on,
    meet,
    note_and_go,
    refuse_when,
    settings,
    wait_for,
    work_until_stopped,
)


def run(*tasks, jobs=2):
    """Run `name, function, arguments...` of each; returns what came of them by name."""
    results = {}
    tasks = [Task(name, function, arguments) for name, function, *arguments in tasks]
    run_side_by_side(tasks, jobs, Console(), title="Models", total=len(tasks), on_done=results.__setitem__)
    return results


def test_as_many_as_jobs_run_at_once_each_in_a_process_of_its_own(tmp_path):
    found = run(("a", meet, tmp_path, "a", "b"), ("b", meet, tmp_path, "b", "a"))
    assert len({*found.values(), os.getpid()}) == 3


def test_one_after_the_other_where_there_is_one_job(tmp_path):
    def tasks():
        yield Task("a", note_and_go, (tmp_path, "a"))
        assert (tmp_path / "a").exists()  # a task is not made before its turn
        yield Task("b", note_and_go, (tmp_path, "b"))

    run_side_by_side(tasks(), 1, Console(), title="Models", total=2, on_done=lambda *_: None)
    assert (tmp_path / "b").exists()


def test_each_job_has_its_share_of_the_threads_at_least_one():
    torch.set_num_threads(5)
    with shared_threads(2):
        assert run(("a", settings))["a"][0] == "2"
    assert torch.get_num_threads() == 5
    with shared_threads(9):
        assert torch.get_num_threads() == 1


@pytest.mark.parametrize(("visible", "given"), [("", ["0", "1", "0"]), ("4,GPU-x", ["4", "GPU-x", "4"])])
def test_each_job_has_a_gpu_of_its_own_as_far_as_they_go(monkeypatch, visible, given):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    found = run(*((name, settings) for name in "abc"), jobs=3)
    assert [found[name][1] for name in "abc"] == given


def test_a_failure_stops_the_others_which_save_and_is_named(capsys, tmp_path):
    tasks = [("a", work_until_stopped, tmp_path, "a"), ("b", refuse_when, tmp_path, "a")]
    with pytest.raises(GroupwiseError, match=r"^b: data: the disk is full\. Free some space\.$"):
        run(*tasks, ("c", note_and_go, tmp_path, "c"))
    assert (tmp_path / "a.saved").exists()
    assert not (tmp_path / "c").exists()
    assert capsys.readouterr().out == "a: told to save and leave\n"


def test_a_warning_is_passed_on_and_stops_nobody(capsys, tmp_path):
    assert run(("a", complain), ("b", complain), jobs=1) == {"a": "done", "b": "done"}
    assert capsys.readouterr().out == "a: the disk is nearly full\nb: the disk is nearly full\n"


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ValueError("odd"), RuntimeError, "b: ValueError: odd"),
        (PermissionError(13, "Permission denied", "/f"), OSError, "Permission denied: 'b: /f'"),
    ],
)
def test_other_errors_are_explained_as_ever(tmp_path, error, kind, message):
    with pytest.raises(kind, match=message):
        run(("a", work_until_stopped, tmp_path, "a"), ("b", fail_when, tmp_path, "a", error))
    assert (tmp_path / "a.saved").exists()


def test_a_process_that_dies_without_a_word_is_a_failure():
    with pytest.raises(
        GroupwiseError, match=r"^a: its process was killed by SIGKILL\. Go on with --resume, with"
    ):
        run(("a", die))


def test_signals_to_the_whole_group_are_for_the_parent_alone():
    assert run(("a", be_signalled)) == {"a": "went on"}


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (signal.SIGTERM, Terminated, "stopped by SIGTERM in a and b, and saved. Go on with --resume."),
        (signal.SIGINT, KeyboardInterrupt, "Stopped in a and b. Go on with --resume."),
    ],
)
def test_a_signal_lets_all_save_and_starts_no_other(tmp_path, call, error, message):
    def send():
        for name in "ab":
            wait_for((tmp_path / f"{name}.begun").exists)
        os.kill(os.getpid(), call)

    threading.Thread(target=send).start()
    with pytest.raises(error, match=message):
        run(*((name, work_until_stopped, tmp_path, name) for name in "abc"))
    assert {path.name for path in tmp_path.glob("*.saved")} == {"a.saved", "b.saved"}
    assert not (tmp_path / "c.begun").exists()


def test_a_second_ctrl_c_waits_for_nobody(tmp_path):
    def send():
        for sign in ("a.begun", "a.told"):
            wait_for((tmp_path / sign).exists)
            os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=send).start()
    with pytest.raises(KeyboardInterrupt):
        run(("a", hold_on, tmp_path, "a"))
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "a.begun").read_text()), 0)


PARENT = """
import sys
from groupwise.console import Console
from groupwise.parallel.process import Task
from groupwise.parallel.pool import run_side_by_side
from side_case import work_until_stopped
tasks = [Task("a", work_until_stopped, (sys.argv[1], "a"))]
run_side_by_side(tasks, 2, Console(), title="Models", total=1, on_done=print)
"""


def test_where_the_parent_is_killed_the_others_save_and_leave(tmp_path):
    env = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], env=env)
    try:
        wait_for((tmp_path / "a.begun").exists)
    finally:
        parent.kill()
        parent.wait()
    wait_for((tmp_path / "a.saved").exists)


def test_a_bar_counts_the_models_on_a_terminal(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    run_side_by_side(
        [Task("a", complain, ())], 2, Console(), title="Fold models", total=5, done=3, on_done=lambda *_: None
    )
    shown = capsys.readouterr().out
    assert "Fold models" in shown
    assert "3/5" in shown


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("train x --run y --cv 5 --jobs 0", "--jobs: 0 is below 1. Give at least 1."),
        ("sweep x --run y --jobs 0", "--jobs: 0 is below 1. Give at least 1."),
        (
            "train x --run y --jobs 2",
            "--jobs 2: one network cannot be trained side by side with others. Add --cv K",
        ),
    ],
)
def test_jobs_that_cannot_be_meant_are_refused(capsys, monkeypatch, tmp_path, command, message):
    monkeypatch.chdir(tmp_path)
    Path("x").mkdir()
    assert main(command.split()) == 2
    assert message in capsys.readouterr().err
    assert not Path("y").exists()


@pytest.mark.parametrize("command", ["train x --run y --cv 5 --jobs 2", "sweep x --run y --jobs 2"])
def test_jobs_are_refused_within_torchrun(capsys, monkeypatch, tmp_path, command):
    monkeypatch.chdir(tmp_path)
    Path("x").mkdir()
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(command.split()) == 2
    assert "--jobs 2: torchrun has several processes train one model at a time" in capsys.readouterr().err
    refuse_several_processes(1)
    monkeypatch.setenv("WORLD_SIZE", "1")
    refuse_several_processes(2)


def test_jobs_are_refused_on_windows(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    refuse_several_processes(1)
    with pytest.raises(UsageError, match=r"--jobs 2: several models .* on Windows\. Leave out --jobs"):
        refuse_several_processes(2)
