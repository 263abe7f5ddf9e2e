"""Threads for many small tasks, each with one core to itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import cv2
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

In = TypeVar("In")
Out = TypeVar("Out")

_LOCK = threading.Lock()


def map_in_chunks(
    pool: ThreadPoolExecutor, function: Callable[[In], Out], items: Iterable[In], size: int = 32
) -> list[Out]:
    """`function` of each item, in order; chunks keep the cost of a task small beside the work."""
    items = list(items)
    parts: Iterator[list[Out]] = pool.map(
        lambda start: [function(item) for item in items[start : start + size]], range(0, len(items), size)
    )
    return [result for part in parts for result in part]


@contextmanager
def one_thread_a_worker() -> Iterator[None]:
    """Keep OpenCV and BLAS from starting threads inside ours, which made small products ten times slower."""
    with _LOCK, threadpool_limits(1):
        before = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            yield
        finally:
            cv2.setNumThreads(before)
