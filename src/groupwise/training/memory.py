"""Lack of memory: how it is told from other failures, its error, the peak of a process, and the
allocator that avoids some."""

from __future__ import annotations

import ctypes
import sys

import torch

from groupwise.errors import GroupwiseError

# From glibc's malloc.h
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST = 2**31 - 1


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


def keep_freed_memory() -> None:
    """Let freed memory stay with the process for the next step; does nothing outside glibc.

    glibc maps every large tensor anew and unmaps it when freed, so that each step touches pages that the
    system must first clear. `benchmarks/step.py` measures what it gains.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGEST // 2)
        mallopt(M_TRIM_THRESHOLD, LARGEST)
