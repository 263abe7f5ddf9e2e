"""Files of the user's cache folder: for this user alone, and each with its own digest.

Their folder is `~/.cache/groupwise/audit`, or `$XDG_CACHE_HOME`. What was damaged, was cut short or is
another user's is not read, and where nothing can be written nothing is kept.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from groupwise.errors import GroupwiseError
from groupwise.files import sha256_bytes, write_atomic

MAX_BYTES = 2 * 10**9
"""Of a file, and of all of them together."""

_DIGEST = 64  # hexadecimal digits


def cache_folder() -> Path:
    """Where the files stand, whether or not they do yet."""
    try:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # the user of a container may have no home: nothing can be kept
        base = Path(os.devnull)
    return base / "groupwise" / "audit"


def read_sealed(file: Path) -> bytes:
    """What was written; `ValueError` or `OSError` where the file is not whole, or not this user's."""
    content = file.read_bytes() if _own(file) else b""
    digest, content = content[:_DIGEST], content[_DIGEST:]
    if sha256_bytes(content).encode() != digest:
        raise ValueError(f"{file} is not whole, or not this user's")
    return content


def write_sealed(file: Path, content: bytes) -> bool:
    """Replace the file; whether that could be done."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(file, sha256_bytes(content).encode() + content)
    except (OSError, GroupwiseError):  # no home, no space: it is worked out again
        return False
    return True


def _own(file: Path) -> bool:
    found = file.stat()
    mine = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    return mine and stat.S_ISREG(found.st_mode) and found.st_size <= MAX_BYTES
