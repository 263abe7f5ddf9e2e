"""Kills a training run again and again, and compares what it ends with to a run that was left alone.

    python benchmarks/kill.py --times 60                # SIGKILL at random times, all in one run
    python benchmarks/kill.py --calls fsync --times 30  # at the 1st, 2nd, ... fsync of a start

Every start is `groupwise train ... --resume` on a small network that saves its state at every step. After
each kill the checkpoints on disk are read: one that is damaged, or a newest that is older than before,
counts as lost. At the end weights, optimizer, moving average and history have to be those of the
undisturbed run, bit for bit; only the clock's readings in the history are left out. Starts that are killed
at random times come from a process that has loaded torch; those killed at a call run under strace.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from groupwise.cli.main import main as groupwise
from groupwise.training import checkpoint

CLOCK = ("seconds", "images_per_second", "waiting_seconds")
OPTIONS = (
    "--model.preset=resnext11_8x4d",
    '--model.overrides={"depths": [1], "cardinality": 2, "planes": 16}',
    "--data.image_size_px=16",
    "--training.batch_size=8",
    "--training.ema_decay=0.9",
    "--training.checkpoint_minutes=0",
    "--training.device=cpu",
)
STRACE = ("strace", "-o", "/dev/null")  # the main thread alone; with --seccomp-bpf strace 6.1 injects nothing
CALLS = {"write": "write", "fsync": "fsync", "rename": "/^rename"}


def write_images(root: Path, n: int = 80) -> Path:
    """Dark and light squares under noise, in two class folders."""
    rng = np.random.default_rng(0)
    for i in range(n):
        pixels = rng.integers(0, 150, (20, 20, 3)) + 70 * (i % 2)
        file = root / ("dark", "light")[i % 2] / f"{i:03}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(file)
    return root


def command(data: Path, run: Path, epochs: int) -> list[str]:
    return ["train", str(data), "--run", str(run), "--resume", *OPTIONS, f"--training.epochs={epochs}"]


def start_forked(arguments: list[str], log: Path) -> int:
    """Run the command in a copy of this process; returns its id."""
    child = os.fork()
    if child:
        return child
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    torch.set_num_threads(1)
    os._exit(groupwise(arguments))


def kill_at_random(arguments: list[str], log: Path, within_s: float, rng: random.Random) -> int | None:
    """Start, and kill after a random time; returns the exit status of a start that ended before."""
    child = start_forked(arguments, log)
    end = time.monotonic() + rng.uniform(0, within_s)
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.killpg(child, signal.SIGKILL) if os.getpgid(child) == child else os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def kill_at_call(arguments: list[str], log: Path, call: str, number: int) -> int | None:
    """Start, and kill at a call of the main thread; returns the exit status of a start that ended before."""
    what = CALLS[call]
    inject = ["-e", f"trace={what}", "-e", f"inject={what}:signal=KILL:when={number}"]
    with log.open("a") as output:
        done = subprocess.run(
            [*STRACE, *inject, sys.executable, "-B", "-m", "groupwise", *arguments],
            stdout=output,
            stderr=output,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    return None if done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL) else done.returncode


def newest_moment(folder: Path) -> tuple[checkpoint.Moment | None, int]:
    """The moment of the newest sound checkpoint, and how many damaged ones lie there."""
    damaged = 0
    for path, moment in checkpoint._newest_first(folder):
        try:
            checkpoint._load(path)
        except checkpoint.GroupwiseError:
            damaged += 1
        else:
            return moment, damaged
    return None, damaged


def outcome(run: Path) -> dict[str, Any]:
    """What has to be equal: the last checkpoint, the files of the run, the history without the clock."""
    state, rejected = checkpoint.load_checkpoint(run / "checkpoints")
    assert state is not None
    assert not rejected
    learnt = {name: state[name] for name in ("learner", "best", "tally", "rate_factor", "micro_batches")}
    tensors: dict[str, Any] = {}
    skeleton = checkpoint._take_tensors(learnt, "", tensors)
    with (run / "history.csv").open(newline="") as file:
        history = [{k: v for k, v in row.items() if k not in CLOCK} for row in csv.DictReader(file)]
    files = {name: (run / name).read_bytes() for name in ("model.safetensors", "predictions.csv")}
    content = {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}
    return {"skeleton": skeleton, "history": history, **content, **files}


def kill_until_done(options: argparse.Namespace, folder: Path, data: Path, whole_s: float) -> tuple[int, int]:
    """Kill and start again until the run is whole; returns the numbers of kills and of lost checkpoints."""
    run, log, rng = folder / "killed", folder / "log.txt", random.Random(options.seed)
    arguments = command(data, run, options.epochs)
    kills = lost = 0
    before: checkpoint.Moment | None = None
    while True:
        if kills >= options.times:
            status = os.waitstatus_to_exitcode(os.waitpid(start_forked(arguments, log), 0)[1])
        elif options.calls:
            status = kill_at_call(arguments, log, options.calls, kills + 1)
        else:
            # Before the first checkpoint a start begins anew, so it needs time to reach it, but not the end
            within_s = whole_s / 2 if before is None else min(whole_s, options.within_s)
            status = kill_at_random(arguments, log, within_s, rng)
        if status is not None:
            assert status == 0, log.read_text()[-3000:]
            return kills, lost
        kills += 1
        now, damaged = newest_moment(run / "checkpoints")
        lost += damaged + (before is not None and (now is None or now < before))
        before = now


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=20, help="kills at most, all in one run")
    parser.add_argument("--calls", choices=tuple(CALLS), help="kill at successive calls instead")
    parser.add_argument("--within-s", type=float, default=3.0, help="latest random time after a start")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="groupwise-kill-"))
    data = write_images(folder / "data")
    start = time.monotonic()
    child = start_forked(command(data, folder / "whole", options.epochs), folder / "whole.txt")
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status == 0, (folder / "whole.txt").read_text()[-3000:]
    whole_s = time.monotonic() - start
    kills, lost = kill_until_done(options, folder, data, whole_s)
    one, other = outcome(folder / "whole"), outcome(folder / "killed")
    differing = sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))
    print("| killed at | kills in one run | checkpoints lost | what differs in the end | s |")
    print("|---|---|---|---|---|")
    where = f"successive `{options.calls}` calls" if options.calls else f"random times (seed {options.seed})"
    seconds = time.monotonic() - start
    print(f"| {where} | {kills} | {lost} | {', '.join(differing) or 'none'} | {seconds:.0f} |")
    if lost or differing:
        sys.exit(f"see {folder}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
