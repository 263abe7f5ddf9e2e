"""A training process that is stopped or killed from outside, and started again."""

import os
import signal
import subprocess
import sys
import time

import pytest

import groupwise
from folder_case import TINY, tiny_options, write_folder
from groupwise.console import Console
from groupwise.data.scan import scan
from groupwise.distributed.world import World
from groupwise.errors import UsageError
from groupwise.pipeline.resume import resume_or_create
from groupwise.recipe.parsing import read_recipe
from groupwise.runs.lock import LOCK_FILE, training_lock
from groupwise.runs.request import RunRequest
from groupwise.training.checkpoint import load_checkpoint


def command(folder, run, *options):
    return [
        *(sys.executable, "-m", "groupwise", "train", str(folder), "--run", str(run)),
        *tiny_options(),
        *("--training.batch_size", "4", "--training.epochs", "200", *options),
    ]


def wait_for(condition, process):
    end = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


def started(folder, run, *options):
    """A process that has written its second checkpoint."""
    process = subprocess.Popen(
        command(folder, run, *options),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    wait_for(lambda: len(list(run.glob("checkpoints/epoch-*"))) > 1, process)
    return process


def test_sigterm_leaves_with_75_and_loses_no_step(tmp_path):
    folder, run = write_folder(tmp_path / "pets", n=30), tmp_path / "run"
    process = started(folder, run)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 75
    assert "stopped by SIGTERM in epoch" in err
    assert "and saved. Go on with --resume." in err
    assert "Traceback" not in err
    state, rejected = load_checkpoint(run / "checkpoints")
    assert rejected == []
    where = f"in epoch {len(state['history']) + 1} after step {state['step']} of"
    assert where in err


def test_a_run_that_is_being_trained_is_refused_to_others_and_free_once_killed(tmp_path):
    folder, run = write_folder(tmp_path / "pets", n=30), tmp_path / "run"
    process = started(folder, run)
    second = subprocess.run(command(folder, run, "--resume"), capture_output=True, text=True, check=False)
    assert second.returncode == 2
    assert f"{run}: is being trained by process {process.pid} on" in second.stderr
    before = newest(run)
    wait_for(lambda: newest(run) > before, process)  # which nothing has disturbed
    process.kill()
    process.wait()
    before = newest(run)
    again = started(folder, run, "--resume")
    wait_for(lambda: newest(run) > before, again)
    again.send_signal(signal.SIGTERM)
    assert (again.wait(60), (run / LOCK_FILE).exists()) == (75, False)


def newest(run):
    return max(file.name for file in run.glob("checkpoints/epoch-*"))


def test_data_that_another_process_prepares_are_not_taken_for_those_of_a_crash(tmp_path):
    folder, run = write_folder(tmp_path / "pets", n=60), tmp_path / "run"
    with training_lock(run):
        (run / "run.json").write_text('{"artefacts": {"manifest.csv": {}}}')
        (run / ".split.csv.abc.partial").touch()
        with pytest.raises(UsageError, match="is being trained by process"):
            groupwise.train(folder, run=run, recipe="default", changes=TINY, resume=True, quiet=True)
        assert sorted(file.name for file in run.iterdir()) == [
            ".split.csv.abc.partial",
            LOCK_FILE,
            "run.json",
        ]


@pytest.mark.parametrize("left", [".run.json.abc.partial", "run.json"])
def test_a_start_that_was_killed_in_its_first_moments_is_repeated(tmp_path, left):
    folder, run = write_folder(tmp_path / "pets", n=60), tmp_path / "run"
    run.mkdir()
    (run / LOCK_FILE).touch()
    (run / left).write_text('{"artefacts": {"manifest.csv": {}}, "data": "x", "root": "x"}')
    base, recipe = read_recipe("default", TINY)
    request = RunRequest(
        data=folder,
        scan=lambda progress: scan(folder, progress=progress),
        folder=run,
        recipe=recipe,
        base=base,
        resume=True,
    )
    resumed = resume_or_create(request, World(), Console(quiet=True))
    assert resumed.require("split.json").is_file()
    assert not (run / ".run.json.abc.partial").exists()
