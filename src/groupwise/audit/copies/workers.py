"""Many small tasks side by side, each with one core to itself.

In processes, where a task is many short steps: for these threads take turns at the interpreter, so that two
of them took longer than one (docs/log.md).
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import cv2
from joblib import Parallel, delayed, parallel_config  # type: ignore[import-untyped]
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from groupwise.distributed.ctrl_c import deaf_to_ctrl_c

Out = TypeVar("Out")

Apply = Callable[[Callable[..., Any], Iterable[tuple[Any, ...]]], Iterator[Any]]
"""Applies a function to each of several groups of arguments, in order."""

LEAST_FOR_PROCESSES = 300
"""Fewer photographs are compared before other processes have started."""

_IDLE_S = 5  # after which a process that has nothing to do ends
_LOCK = threading.Lock()


@contextmanager
def applying(workers: int) -> Iterator[Apply]:
    """What applies functions to many arguments by so many processes; here, if by one alone."""
    if workers < 2:
        yield lambda function, tasks: (function(*task) for task in tasks)
        return
    # Long arrays are written once, to a file that the processes map; "c" lets none of them change it.
    with (
        warnings.catch_warnings(),
        parallel_config(
            "loky", n_jobs=workers, inner_max_num_threads=1, idle_worker_timeout=_IDLE_S, mmap_mode="c"
        ),
        Parallel(return_as="generator") as parallel,
    ):
        # One that ended for want of work is started anew, as on a busy machine; nothing is lost.
        warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)

        def apply(function: Callable[..., Out], tasks: Iterable[tuple[Any, ...]]) -> Iterator[Out]:
            with deaf_to_ctrl_c():  # the processes are started by the first of these calls
                done: Iterator[Out] = parallel(delayed(apart)(function, *task) for task in tasks)
            return done

        yield apply


def apart(function: Callable[..., Out], *task: Any) -> Out:
    """`function` of the arguments, in a process whose OpenCV keeps to the one core that is its share."""
    cv2.setNumThreads(1)
    return function(*task)


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
