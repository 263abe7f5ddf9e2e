"""Tasks for `run_side_by_side`, of a module that other processes can import."""

import os
import signal
import time
from pathlib import Path

from groupwise.errors import GroupwiseError


def wait_for(condition, seconds=200.0):
    """Wait until `condition()` is true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def settings(console):
    """What the process was given."""
    return tuple(os.environ.get(name) for name in ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"))


def meet(folder, mine, other, console):
    """Return once another such task runs at the same time."""
    Path(folder, mine).touch()
    wait_for(Path(folder, other).exists)
    return os.getpid()


def note_and_go(folder, name, console):
    """Leave a trace."""
    Path(folder, name).touch()


def work_until_stopped(folder, name, console):
    """Say that work began, and work until told to stop; then save."""
    Path(folder, f"{name}.begun").touch()
    try:
        while True:
            time.sleep(0.01)
    except KeyboardInterrupt:
        Path(folder, f"{name}.saved").touch()
        raise


def fail_when(folder, name, error, console):
    """Raise `error` once another task has begun."""
    wait_for(Path(folder, f"{name}.begun").exists)
    raise error


def refuse_when(folder, name, console):
    """The same with an error of ours."""
    wait_for(Path(folder, f"{name}.begun").exists)
    raise GroupwiseError("the disk is full", place="data", remedy="Free some space.")


def die(console):
    """Be killed, as by a system that ran out of memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def complain(console):
    """Warn, and end well."""
    console.say("nothing of note")
    console.warn("the disk is nearly full")
    return "done"


def be_signalled(console):
    """Take the signals that a terminal or a scheduler sends to all processes of a group."""
    for call in (signal.SIGTERM, signal.SIGINT):
        os.kill(os.getpid(), call)
    time.sleep(0.1)
    return "went on"


def hold_on(folder, name, console):
    """Be too busy to be stopped."""
    Path(folder, f"{name}.begun").write_text(str(os.getpid()))
    signal.signal(signal.SIGTERM, lambda *_: Path(folder, f"{name}.told").touch())
    while True:
        time.sleep(0.01)
