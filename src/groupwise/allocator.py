"""Keeps the C library from handing memory back to the system after every layer of the network."""

from __future__ import annotations

import ctypes
import sys

# From glibc's malloc.h
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST = 2**31 - 1


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
