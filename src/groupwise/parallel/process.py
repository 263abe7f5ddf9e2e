"""The parent's end of a worker: started, heard, told when to stop.

The other end is `parallel.worker`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from typing import Any

import torch

from groupwise.training.signals import STOP_SIGNALS

LEAVE_S = 30.0  # how long a process may take to end after its last word


@dataclass(frozen=True)
class Task:
    """A function of a module, called in a process of its own as `function(*arguments, console)`."""

    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


class WorkerProcess:
    """A process and the link to it."""

    def __init__(self, task: Task, slot: int) -> None:
        self.task, self.is_told = task, False
        self.link, theirs = Pipe()
        command = [sys.executable, "-P", "-m", "groupwise.parallel.worker", str(theirs.fileno())]
        # Signals are ours to heed; what is blocked stays so in the new process. Nor may one come between.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=_environment(slot),
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()
        self._send((task.function, task.arguments))

    def stop(self) -> None:
        """Ask it, once, to save and leave."""
        if not self.is_told:
            self.is_told = True
            self._send("stop")

    def _send(self, word: Any) -> None:
        with suppress(OSError):  # it is dead, which `hear` finds
            self.link.send(word)

    def hear(self) -> tuple[str, Any]:
        """The next message; "dead" with the exit status if it ended without one."""
        try:
            message: tuple[str, Any] = self.link.recv()
        except (EOFError, OSError):
            return "dead", self.process.wait()
        return message

    def leave(self) -> Task:
        """Wait until it has ended; returns its task."""
        try:
            self.process.wait(LEAVE_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self.link.close()
        return self.task

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()


def _environment(slot: int) -> dict[str, str]:
    """That of a process: its threads, its GPU, and the modules that are found here."""
    threads = str(torch.get_num_threads())
    environment = os.environ | {
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,  # which torch prefers
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    if devices := _devices():
        environment["CUDA_VISIBLE_DEVICES"] = devices[slot % len(devices)]
    return environment


def _devices() -> Sequence[str]:
    """The names of the GPUs that may be used here."""
    count = torch.cuda.device_count()
    named = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return named.split(",")[:count] if named else [str(number) for number in range(count)]
