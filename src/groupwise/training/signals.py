"""Turns SIGTERM and Ctrl-C into a request that training heeds after the current step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from groupwise.distributed.world import World
from groupwise.errors import GroupwiseError

CALLS = (signal.SIGTERM, signal.SIGINT)


class Stopping(Exception):  # noqa: N818
    """Training was asked to stop; raised where it can be left, and caught where it is saved."""


class Terminated(GroupwiseError):  # noqa: N818
    """SIGTERM ended training, and all of it was saved.

    The exit status is EX_TEMPFAIL of sysexits.h, which invites to start again: 143 would not tell a run that
    was saved from one that died of the signal.
    """

    exit_status = 75


class StopRequest:
    """Remembers the signal that asked this process to stop."""

    signal: signal.Signals | None = None

    @property
    def is_made(self) -> bool:
        """Whether a signal came."""
        return self.signal is not None

    def heed(self, world: World) -> None:
        """Raise `Stopping` in every process as soon as one was asked to stop."""
        if world.any(self.is_made):
            raise Stopping

    def take(self, number: int, _: FrameType | None) -> None:
        """Take the signal; a second Ctrl-C acts at once, as it would have without us.

        A second SIGTERM does not: launchers pass on the one that a scheduler has sent to every process.
        """
        self.signal = signal.Signals(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def stop_request() -> Iterator[StopRequest]:
    """Catch the signals within the block; outside of the main thread, where Python forbids it, none."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {call: signal.signal(call, request.take) for call in CALLS}
    try:
        yield request
    finally:
        for call, handler in before.items():
            signal.signal(call, handler)
