"""Lack of memory: how it is told from other failures, its error, and the peak of a process."""

from __future__ import annotations

import sys

import torch

from groupwise.errors import GroupwiseError


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether it is one; a GPU has a class for it, the CPU's allocator only a message."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def out_of_memory(doing: str, remedy: str) -> GroupwiseError:
    """The error for where no smaller pieces help."""
    return GroupwiseError(f"out of memory {doing}", place="training", remedy=remedy)


def peak_memory_bytes() -> int | None:
    """The most main memory that the process has held so far, or None where the system does not tell."""
    if sys.platform == "win32":
        return None
    import resource  # which Windows lacks

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # KiB elsewhere
