"""Writes a folder whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from groupwise.errors import UsageError


@contextmanager
def whole_folder(target: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a temporary folder beside `target`, which becomes `target` when the block ends without an error.

    After an error nothing is left, not even the folders above it that were made. Raises `UsageError` where
    `target` already holds something, unless it is to be replaced.
    """
    if not replace and target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(
            "already holds something" if target.is_dir() else "is a file",
            place=target,
            remedy="Give another --out, or remove what is there.",
        )
    made = [folder for folder in target.parents if not folder.exists()]  # the deepest first
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
        try:
            temporary.chmod(0o755)
            yield temporary
            if replace:
                shutil.rmtree(target, ignore_errors=True)
            temporary.replace(target)  # an empty folder gives way
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except BaseException:
        for folder in made:
            with suppress(OSError):  # somebody else wrote there meanwhile
                folder.rmdir()
        raise
