"""The launch of `torchrun` that this process belongs to, and whether it is a restart."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from groupwise.files import sha256_bytes


def restarted() -> bool:
    """Whether `torchrun` started this process again after another had failed."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def launch() -> str | None:
    """A name of the `torchrun` that started this process, the same when it starts it again; None without one.

    Its run id alone is no such name: one that the user gives may come back with every start, and over several
    machines it is "none" otherwise. So its process counts too, and when that began, as every container has a
    process of number 1.
    """
    run_id = os.environ.get("TORCHELASTIC_RUN_ID")
    if run_id is None:
        return None
    agent = os.getppid()
    return sha256_bytes(f"{run_id} {platform.node()} {agent} {_begun(agent)}".encode())[:16]


def _begun(process: int) -> str:
    """When a process began, in clock ticks since the machine did; nothing where Linux does not say."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return ""
    return status.rpartition(")")[2].split()[19]  # field 22; the second, a name, may hold anything
