"""Several processes that answer on one socket, for more cores than one of them fills."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from prometheus_client import multiprocess

from groupwise.console import Console
from groupwise.distributed.ctrl_c import deaf_to_ctrl_c, hear_ctrl_c
from groupwise.errors import GroupwiseError
from groupwise.inference.bundle import open_bundle
from groupwise.serving.metrics import SHARED_FOLDER
from groupwise.serving.server import Address, serve
from groupwise.serving.watching import Watch

POLL_S = 0.2  # how soon a signal is passed on, where no worker has ended
MOST_TRIES = 3  # in a row to replace a worker, before what fails is no chance any more


@dataclass(frozen=True)
class Task:
    """What every worker does: serve `bundle` at `address`, and later ones of it where `watch` says so."""

    bundle: Path
    address: Address
    watch: bool = False


@dataclass(eq=False)
class _Worker:
    process: BaseProcess
    channel: Connection  # tells once that it is ready, or why it cannot be
    tries: int = 1
    ready: bool = False
    trouble: str = ""

    def hear(self) -> None:
        """Take in what it has told."""
        if not self.ready and self.channel.poll():
            with suppress(EOFError):  # it ended before it could tell
                self.trouble = self.channel.recv() or ""
                self.ready = not self.trouble

    @property
    def ended(self) -> str:
        """How, in words; empty while it goes on."""
        if self.process.is_alive():
            return ""
        return f"ended with status {self.process.exitcode}" + (f" ({self.trouble})" if self.trouble else "")


def serve_by_workers(
    count: int,
    task: Task,
    listener: socket.socket,
    *,
    on_ready: Callable[[], None],
    say: Callable[[str], None],
) -> None:
    """Serve by `count` processes until SIGTERM or Ctrl-C, and return when all that was accepted is answered.

    Each loads the model for itself. `on_ready` is called once all of them listen. One that ends by itself is
    replaced, and `say` is told. Raises `GroupwiseError` where one cannot begin, later where that repeats.
    """
    with _one_count() as folder, _stopping() as stop:
        workers = [_start(task, listener) for _ in range(count)]
        try:
            told = False
            while not stop.is_set():
                for worker in workers:
                    worker.hear()
                if not told and all(worker.ready for worker in workers):
                    told = True
                    on_ready()
                for number, worker in enumerate(workers):
                    if worker.ended and not stop.is_set():
                        workers[number] = _replace(worker, task, listener, say, MOST_TRIES if told else 1)
                        multiprocess.mark_process_dead(worker.process.pid, str(folder))  # type: ignore[no-untyped-call]
                wait([worker.process.sentinel for worker in workers], POLL_S)
        finally:
            _end(workers)


def _start(task: Task, listener: socket.socket, tries: int = 1) -> _Worker:
    # Not forked: libraries that have threads do not survive it.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(task, listener, theirs), name="groupwise-serve")
    with deaf_to_ctrl_c():  # it would print a traceback as long as nothing there handles it
        process.start()
    theirs.close()
    return _Worker(process, ours, tries)


def _work(task: Task, listener: socket.socket, channel: Connection) -> None:
    """Be one of the workers."""
    threading.Thread(target=_end_with_parent, args=(channel,), daemon=True).start()
    try:
        predictor = open_bundle(task.bundle)
    except GroupwiseError as error:
        channel.send(str(error))
        sys.exit(1)
    watch = Watch(task.bundle, lambda: open_bundle(task.bundle), Console().say) if task.watch else None

    def tell() -> None:
        hear_ctrl_c()
        channel.send(None)

    serve(predictor, task.address, listener, on_ready=tell, watch=watch)


def _end_with_parent(channel: Connection) -> None:
    """Stop as by SIGTERM when nobody is at the other end any more, who never sends anything."""
    with suppress(EOFError, OSError):
        channel.recv()
    os.kill(os.getpid(), signal.SIGTERM)


def _replace(
    worker: _Worker, task: Task, listener: socket.socket, say: Callable[[str], None], most_tries: int
) -> _Worker:
    worker.hear()  # what it told in the meantime
    if not worker.ready and worker.tries >= most_tries:  # another one would end alike
        raise GroupwiseError(
            f"a worker {worker.ended} before it could answer",
            place="serve",
            remedy="See what it said above; with too little memory give fewer --workers.",
        )
    say(f"A worker {worker.ended}; another one takes its place.")
    worker.channel.close()
    return _start(task, listener, 1 if worker.ready else worker.tries + 1)


def _end(workers: list[_Worker]) -> None:
    """Let every worker finish what it has."""
    for worker in workers:
        if worker.process.is_alive():
            worker.process.terminate()
    for worker in workers:
        worker.process.join()


@contextmanager
def _one_count() -> Iterator[Path]:
    """Where the workers keep their counts, so that each of them gives the sum of all."""
    with tempfile.TemporaryDirectory(prefix="groupwise-serve-") as folder:
        os.environ[SHARED_FOLDER] = folder
        try:
            yield Path(folder)
        finally:
            del os.environ[SHARED_FOLDER]


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set, in place of ending this process."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
