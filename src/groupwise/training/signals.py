"""Stop signals: SIGTERM and Ctrl-C, caught, and checked where training can be left."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from groupwise.distributed.world import World
from groupwise.errors import GroupwiseError

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopping(Exception):  # noqa: N818
    """Training was asked to stop; raised where it can be left, and caught where it is saved."""


class Terminated(GroupwiseError):  # noqa: N818
    """SIGTERM ended training, and all of it was saved.

    The exit status is EX_TEMPFAIL of sysexits.h, which invites to start again: 143 would not tell a run that
    was saved from one that died of the signal.
    """

    exit_status = 75


class StopSignal:
    """The signal that asked this process to stop, if one came."""

    signal: signal.Signals | None = None

    @property
    def is_set(self) -> bool:
        """Whether a signal came."""
        return self.signal is not None

    def check(self, world: World) -> None:
        """Raise `Stopping` in every process as soon as one was asked to stop."""
        if world.any(self.is_set):
            raise Stopping

    def handle(self, number: int, _: FrameType | None) -> None:
        """Take the signal; a second Ctrl-C acts at once, as it would have without us.

        A second SIGTERM does not: launchers pass on the one that a scheduler has sent to every process.
        """
        self.signal = signal.Signals(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def catch_stop_signal() -> Iterator[StopSignal]:
    """Catch the signals within the block; outside of the main thread, where Python forbids it, none."""
    stop = StopSignal()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop.handle) for number in STOP_SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
