"""A training process that is stopped or killed from outside, and started again."""

import os
import signal
import subprocess
import sys
import time

import pytest

from folder_case import TINY, tiny_options, write_folder
from groupwise.api import load_recipe
from groupwise.beginning import begin
from groupwise.console import Console
from groupwise.data.scan import scan
from groupwise.distributed import World
from groupwise.job import Job
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


@pytest.mark.parametrize("left", [".run.json.abc.partial", "run.json"])
def test_a_start_that_was_killed_in_its_first_moments_is_repeated(tmp_path, left):
    folder, run = write_folder(tmp_path / "pets", n=60), tmp_path / "run"
    run.mkdir()
    (run / left).write_text('{"artefacts": {"manifest.csv": {}}, "data": "x", "root": "x"}')
    base, recipe = load_recipe("default", TINY)
    job = Job(folder, lambda progress: scan(folder, progress=progress), run, recipe, base, resume=True)
    begun = begin(job, World(), Console(quiet=True))
    assert begun.require("split.json").is_file()
    assert not (run / ".run.json.abc.partial").exists()
