"""Locks a file against other processes, by a lock that the kernel drops when its holder dies.

Where there are none, nothing is locked, and nothing is refused: on a file system without locks, and on
Windows, which has no `fcntl`.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl

# What a file system answers that has no locks; NFS gives EBADF for a file that could not be opened to write.
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold the lock of `file`, which is there, within the block; waits for those who hold it."""
    descriptor = lock(file)
    try:
        yield
    finally:
        os.close(descriptor)


def lock(file: Path, *, create: bool = False, wait: bool = True) -> int:
    """Lock `file`; returns the descriptor, whose closing unlocks it.

    Without `wait`, raises `BlockingIOError` where another process holds it, or another part of this one.
    """
    if sys.platform == "win32":
        return os.open(os.devnull, os.O_RDWR)
    while True:
        descriptor = _open(file, create)
        try:
            _lock(descriptor, wait)
            if _is_still(file, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # it was replaced or removed while we waited, and its lock says nothing


def _open(file: Path, create: bool) -> int:
    if create:
        return os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        return os.open(file, os.O_RDWR)
    except PermissionError:  # a colleague's, which the folder that is shared allows to be replaced
        return os.open(file, os.O_RDONLY)


def _lock(descriptor: int, wait: bool) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise


def _is_still(file: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(file.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
