"""What the allocator does with freed memory: keep it for the next step, or let the system have it."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

# From glibc's malloc.h
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST = 2**31 - 1


def keep_freed_memory() -> None:
    """Let freed memory stay with the process for the next step; does nothing outside glibc.

    glibc maps every large tensor anew and unmaps it when freed, so that each step touches pages that the
    system must first clear. `benchmarks/step.py` measures what it gains.
    """
    mallopt = _glibc("mallopt")
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGEST // 2)
        mallopt(M_TRIM_THRESHOLD, LARGEST)


def give_back_memory() -> None:
    """Let the system have the memory of what was freed; does nothing outside glibc.

    glibc keeps it in pieces between what is in use: after the audit of 3,409 photographs 470 MB of 800, of
    the models that a server had before a tenth of it.
    """
    trim = _glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _glibc(name: str) -> Any:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
