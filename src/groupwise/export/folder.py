"""Writes a folder whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from groupwise.errors import UsageError


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `target`, which becomes `target` when the block ends without an error.

    Raises `UsageError` where `target` already holds something.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(
            "already holds something" if target.is_dir() else "is a file",
            place=target,
            remedy="Give another --out, or remove what is there.",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        temporary.chmod(0o755)
        yield temporary
        temporary.replace(target)  # an empty folder gives way
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
