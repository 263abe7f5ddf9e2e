"""Tells a lack of memory from other failures, in words for whoever can mend it."""

from __future__ import annotations

import torch

from groupwise.errors import GroupwiseError


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether it is one; a GPU has a class for it, the CPU's allocator only a message."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def out_of_memory(doing: str, remedy: str) -> GroupwiseError:
    """The error for where no smaller pieces help."""
    return GroupwiseError(f"out of memory {doing}", place="training", remedy=remedy)
