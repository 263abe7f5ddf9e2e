"""Many pairs of photographs compared side by side.

In processes: a comparison is some hundred short steps, for which threads take turns at the interpreter, so
that two of them took longer than one (docs/log.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import cv2
from joblib import Parallel, delayed, parallel_config  # type: ignore[import-untyped]

from groupwise.audit.copies.compare import Evidence
from groupwise.audit.copies.packed import PackedPhotographs
from groupwise.audit.copies.verify import Look, Photograph, verify

Compare = Callable[[Sequence[Look]], list[Evidence | None]]
"""What is seen of each pair, in order; None where nothing aligns it."""

LEAST_PHOTOGRAPHS = 300
"""Fewer are compared before other processes have started."""

_PART = 64  # pairs that a process is given at a time
_IDLE_S = 5  # after which a process that has nothing to do ends


@contextmanager
def comparing(photographs: Sequence[Photograph], workers: int) -> Iterator[Compare]:
    """A function that compares pairs of these photographs, by so many processes where they are many."""
    if workers < 2 or len(photographs) < LEAST_PHOTOGRAPHS:
        yield lambda looks: _compare(photographs, looks)
        return
    packed = PackedPhotographs.of(photographs)
    # Long arrays are written once, to a file that the processes map; "c" lets none of them change it.
    with (
        parallel_config(
            "loky", n_jobs=workers, inner_max_num_threads=1, idle_worker_timeout=_IDLE_S, mmap_mode="c"
        ),
        Parallel() as parallel,
    ):

        def compare(looks: Sequence[Look]) -> list[Evidence | None]:
            parts = [looks[start : start + _PART] for start in range(0, len(looks), _PART)]
            found = parallel(delayed(compare_apart)(packed, part) for part in parts)
            return [evidence for part in found for evidence in part]

        yield compare


def _compare(photographs: Sequence[Photograph], looks: Sequence[Look]) -> list[Evidence | None]:
    pairs = [verify(photographs, look) for look in looks]
    return [None if pair is None else pair.evidence for pair in pairs]


def compare_apart(photographs: Sequence[Photograph], looks: Sequence[Look]) -> list[Evidence | None]:
    """The same in a process of its own, which keeps OpenCV to the one core that is its share."""
    cv2.setNumThreads(1)
    return _compare(photographs, looks)
