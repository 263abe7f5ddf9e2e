"""Ctrl-C for processes that others started: a terminal sends it to every one, and each prints a traceback."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker


@contextmanager
def deaf_to_ctrl_c() -> Iterator[None]:
    """Let the processes that are started within not hear Ctrl-C, before they ask for it by `hear_ctrl_c`.

    That which started them hears it, once the block has ended, and ends them.
    """
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # which would end the block, when it is started within (Python 3.11)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def hear_ctrl_c() -> None:
    """Hear Ctrl-C in this process, also one that came before."""
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
