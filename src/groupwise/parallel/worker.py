"""The process of one task: runs what the pool sends, and sends back what came of it.

The parent alone decides when to stop, by a word over the link or by its death; SIGTERM and Ctrl-C, which a
terminal or a scheduler may send to the whole group, are blocked here, so that none of them counts twice.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from groupwise.console import Console
from groupwise.errors import GroupwiseError

Message = tuple[str, Any]
"""What came (warned, done, stopped, failed, refused by the system, or broken), and the rest of it."""


class QuietConsole(Console):
    """Says nothing but what the user should not overlook, which the parent prints."""

    def __init__(self, send: Callable[[Message], None]) -> None:
        super().__init__(quiet=True)
        self._send = send

    def warn(self, text: str) -> None:
        """Let the parent print one line."""
        self._send(("warned", text))


def main(descriptor: int) -> None:
    """Serve the parent at the other end of the socket `descriptor`."""
    link = Connection(descriptor)
    os.set_inheritable(descriptor, False)  # what this process starts may outlive it
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # unless training has a handler that saves
    try:
        message = _attempt(link)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    except KeyboardInterrupt:
        message = ("stopped", None)
    with suppress(OSError):  # a parent that died does not listen
        link.send(message)


def _attempt(link: Connection) -> Message:
    try:
        function, arguments = link.recv()
        threading.Thread(target=_stop_when_told, args=(link,), daemon=True).start()
        return "done", function(*arguments, QuietConsole(link.send))
    except GroupwiseError as error:
        return "failed", (error.fact, error.place, error.remedy, error.exit_status)
    except Exception as error:
        if isinstance(error, OSError) and error.filename is not None:
            return "refused", (error.errno, error.strerror, str(error.filename))
        return "broken", (f"{type(error).__name__}: {error}", traceback.format_exc())


def _stop_when_told(link: Connection) -> None:
    """Wait for the parent's word or its death; then do as if SIGTERM had come, which saves."""
    with suppress(EOFError, OSError):
        link.recv()
    _thread.interrupt_main(signal.SIGTERM)


if __name__ == "__main__":
    main(int(sys.argv[1]))
