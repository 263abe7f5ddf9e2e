"""The lock by which one process at a time trains in a folder.

Of two, the one that lags would delete the checkpoints of the other, and take data that are being prepared for
what a crash has left. It is the lock of a hidden file, and dies with its process. The file lies in the
folder and not beside it, because a container may be given that folder alone; so `clear` empties a folder but
for the file, and `is_occupied` does not count it.
"""

from __future__ import annotations

import errno
import os
import platform
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from groupwise.errors import UsageError

LOCK_FILE = ".training"
ORPHAN_S = 30.0  # how long a worker whose parent was killed may take to notice, save and leave
POLL_S = 0.1
# What a file system answers that has no locks; NFS gives EBADF for a file that could not be opened to write.
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF)


@contextmanager
def training_lock(folder: Path, *, patience_s: float = 0.0) -> Iterator[None]:
    """Keep other processes from training in `folder` within the block.

    The folder is made if need be, and gone after the block if nothing has come into it. Raises `UsageError`
    where another process trains there, and has not ended after `patience_s`.
    """
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    descriptor = _acquire(folder, time.monotonic() + patience_s)
    try:
        with suppress(OSError):  # a full disk; whoever is refused then does not read by whom
            (folder / LOCK_FILE).write_text(f"process {os.getpid()} on {platform.node()}")
        yield
    finally:
        (folder / LOCK_FILE).unlink(missing_ok=True)  # while it is ours: it would be another's afterwards
        os.close(descriptor)
        with suppress(OSError):  # the first that holds something, and those above it, stay
            for place in new:
                place.rmdir()


def _acquire(folder: Path, until: float) -> int:
    while True:
        _make(folder)
        try:
            return lock(folder / LOCK_FILE, create=True, wait=False)
        except FileNotFoundError:
            continue  # another process has just removed the folder, into which nothing came
        except BlockingIOError:
            if time.monotonic() >= until:
                raise UsageError(
                    f"is being trained by {_holder(folder)}",
                    place=folder,
                    remedy="Wait until it ends, or end it, and add --resume; or give another --run.",
                ) from None
        time.sleep(POLL_S)


def _make(folder: Path) -> None:
    with suppress(FileExistsError):
        folder.mkdir(parents=True, exist_ok=True)
        return
    with suppress(FileNotFoundError):  # it was a folder, which another process has just removed
        if not stat.S_ISDIR(folder.lstat().st_mode):
            raise UsageError("is not a folder", place=folder, remedy="Give another --run.")


def _holder(folder: Path) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return (folder / LOCK_FILE).read_text() or "another process"
    return "another process"


def is_occupied(folder: Path) -> bool:
    """Whether `folder` holds anything but the file of the lock."""
    return any(path.name != LOCK_FILE for path in folder.iterdir())


def clear(folder: Path) -> None:
    """Remove all that is in `folder` but the file of the lock, which would be lost with it."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != LOCK_FILE:
            path.unlink()


if sys.platform != "win32":
    import fcntl


@contextmanager
def locked(file: Path, *, passing: bool = False) -> Iterator[None]:
    """Hold the lock of `file` within the block; waits for those who hold it.

    It is there, or `passing`: then it is made for the lock, and removed behind the block.
    """
    descriptor = lock(file, create=passing)
    try:
        yield
    finally:
        if passing:
            file.unlink(missing_ok=True)  # while it is ours
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
