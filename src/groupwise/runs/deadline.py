"""The moment by which a command has promised to end, counted from the first instruction of its process."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

_BEGAN: ContextVar[float | None] = ContextVar("began", default=None)
START_TIME = 19  # of the fields in /proc/self/stat behind the name, proc(5)


@dataclass(frozen=True)
class Deadline:
    """When a command began, as a reading of `clock`, and how many seconds it may take in all."""

    budget_s: float
    began: float
    clock: Callable[[], float] = field(default=time.monotonic, compare=False)

    @classmethod
    def of(cls, budget_s: float) -> Deadline:
        """That of the command which runs, or, called from a program of the user's, from now on."""
        began = _BEGAN.get()
        return cls(budget_s, time.monotonic() if began is None else began)

    @property
    def spent_s(self) -> float:
        """Seconds since the command began."""
        return self.clock() - self.began

    @property
    def left_s(self) -> float:
        """Seconds until it has to end; below 0 where that is past."""
        return self.budget_s - self.spent_s

    def share(self, parts: float, kept_s: float = 0.0) -> Deadline:
        """That of the next of so many equal parts of what is left, but for `kept_s` for what follows them."""
        now = self.clock()
        return Deadline(max(self.left_s - kept_s, 0.0) / parts, now, self.clock)


@contextmanager
def command_began(at: float) -> Iterator[None]:
    """Let the budget of a command within the block count from `at`, a reading of `time.monotonic`."""
    token = _BEGAN.set(at)
    try:
        yield
    finally:
        _BEGAN.reset(token)


def process_began() -> float:
    """When this process began, as a reading of `time.monotonic`; now, where the system does not say."""
    now = time.monotonic()
    with suppress(OSError, ValueError, IndexError, AttributeError):
        behind_name = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        ticks = int(behind_name[START_TIME])
        age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
        return now - max(age_s, 0.0)
    return now


def waited_for_processor() -> tuple[float, float]:
    """Seconds that this thread has run, and those that it waited for a processor; (0, 0) if nothing says."""
    with suppress(OSError, ValueError):
        words = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat").read_text().split()
        return int(words[0]) / 1e9, int(words[1]) / 1e9
    return 0.0, 0.0
