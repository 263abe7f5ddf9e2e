"""Independent trainings in several processes at once, each with its share of the threads or its own GPU.

One training cannot keep many threads busy, and several with fewer threads each finish more in the same time.
The processes are started afresh (`parallel.worker`), so that a task and what it returns have to be picklable.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Any

import torch

from groupwise.console import Console
from groupwise.distributed.portable import is_portable
from groupwise.errors import GroupwiseError, UsageError
from groupwise.parallel.process import Task, WorkerProcess
from groupwise.training.side_by_side import torch_threads
from groupwise.training.signals import StopSignal, Terminated, catch_stop_signal

POLL_S = 0.2  # how soon a signal is heeded


def refuse_several_processes(workers: int) -> None:
    """Raise `UsageError` for workers side by side on Windows, or in each process of `torchrun`."""
    if workers > 1 and sys.platform == "win32":
        raise UsageError(
            "several models are not trained side by side on Windows",
            place=f"--jobs {workers}",
            remedy="Leave out --jobs, or run it in the Windows Subsystem for Linux.",
        )
    if workers > 1 and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError(
            "torchrun has several processes train one model at a time",
            place=f"--jobs {workers}",
            remedy="Leave out torchrun to train several models side by side, or leave out --jobs.",
        )


@contextmanager
def shared_threads(workers: int) -> Iterator[None]:
    """Let torch have the threads that each of several workers will have, at least one.

    What is measured within, such as the time of a step, then holds for a worker.
    """
    if workers == 1 or is_portable():  # as many threads for each, so that its bits are those of one alone
        yield
        return
    with torch_threads(max(1, torch.get_num_threads() // workers)):
        yield


def run_side_by_side(
    tasks: Iterable[Task],
    workers: int,
    console: Console,
    *,
    title: str,
    total: int,
    done: int = 0,
    on_done: Callable[[str, Any], None],
) -> None:
    """Run `tasks`, `workers` at a time; `on_done` is given the name of each and what it returned.

    Each process has as many threads as torch has here. A task is taken from `tasks` when its turn comes. The
    first that fails stops the others, which save, and its error is raised under its name. SIGTERM and Ctrl-C
    do the same, and raise `Terminated` and `KeyboardInterrupt`; a second signal acts at once. `title` names
    the bar, which begins at `done` and ends at `total`.
    """
    queue, running, stopped = iter(tasks), dict[int, WorkerProcess](), list[str]()
    failure: Exception | None = None
    with catch_stop_signal() as stop, console.progress(title) as progress, _none_left(running):
        while True:
            if stop.is_set or failure:
                _stop(running, console)
            else:
                _start(queue, running, workers)
            if not running:
                break
            progress(done, total)
            for slot, (what, rest) in _last_words(running, console):
                task = running.pop(slot).leave()
                if what == "done":
                    done += 1
                    on_done(task.name, rest)
                elif what == "stopped" or (what == "failed" and rest[-1] == Terminated.exit_status):
                    stopped.append(task.name)
                else:
                    failure = failure or _error(task.name, what, rest)
    if failure:
        raise failure
    if stop.is_set:
        _leave(stop, stopped)


def _start(queue: Iterator[Task], running: dict[int, WorkerProcess], workers: int) -> None:
    """Fill the free slots, as long as there are tasks."""
    for slot in range(workers):
        if slot not in running and (task := next(queue, None)):
            running[slot] = WorkerProcess(task, slot)


def _stop(running: dict[int, WorkerProcess], console: Console) -> None:
    told = [worker for worker in running.values() if not worker.is_told]
    for worker in told:
        worker.stop()
    for worker in told:  # all are told first: a terminal that is held would hold us
        console.say(f"{worker.task.name}: told to save and leave")


def _last_words(running: dict[int, WorkerProcess], console: Console) -> list[tuple[int, tuple[str, Any]]]:
    """Wait a moment for messages; prints the warnings, and returns the last message of those that ended."""
    ready = wait([worker.link for worker in running.values()], POLL_S)
    ended = []
    for slot in [slot for slot, worker in running.items() if worker.link in ready]:
        what, rest = running[slot].hear()
        if what == "warned":
            console.warn(f"{running[slot].task.name}: {rest}")
        else:
            ended.append((slot, (what, rest)))
    return ended


def _error(name: str, what: str, rest: Any) -> Exception:
    """The error of a task as the command line explains it, under the name of the task."""
    if what == "failed":
        fact, place, remedy, status = rest
        kind = UsageError if status == UsageError.exit_status else GroupwiseError
        return kind(fact, place=f"{name}: {place}", remedy=remedy)
    if what == "dead":
        how = f"was killed by {signal.Signals(-rest).name}" if rest < 0 else f"ended with status {rest}"
        return GroupwiseError(
            f"its process {how}",
            place=name,
            remedy="Go on with --resume, with fewer --jobs if memory ran out.",
        )
    if what == "refused":
        number, reason, file = rest
        return OSError(number, reason, f"{name}: {file}")
    words, trace = rest
    broken = RuntimeError(f"{name}: {words}")
    broken.__cause__ = RuntimeError(f"in its own process:\n{trace}")
    return broken


def _leave(stop: StopSignal, stopped: Sequence[str]) -> None:
    where = f" in {' and '.join(sorted(stopped))}" if stopped else ""
    if stop.signal is signal.SIGINT:
        raise KeyboardInterrupt(f"Stopped{where}. Go on with --resume.")
    raise Terminated(f"stopped by SIGTERM{where}, and saved", place="training", remedy="Go on with --resume.")


@contextmanager
def _none_left(running: dict[int, WorkerProcess]) -> Iterator[None]:
    """Kill the processes that are left when the block is left by an error."""
    try:
        yield
    finally:
        for worker in running.values():
            worker.kill()
