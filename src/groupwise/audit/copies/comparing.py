"""Many pairs of photographs compared side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from groupwise.audit.copies.compare import Evidence
from groupwise.audit.copies.mapped import Together
from groupwise.audit.copies.verify import Look, Photograph, verify
from groupwise.audit.copies.workers import LEAST_FOR_PROCESSES, applying

Compare = Callable[[Sequence[Look]], list[Evidence | None]]
"""What is seen of each pair, in order; None where nothing aligns it."""

_PART = 64  # pairs that a process is given at a time


@contextmanager
def comparing(photographs: Sequence[Photograph], workers: int) -> Iterator[Compare]:
    """A function that compares pairs of these photographs, by so many processes where they are many."""
    if workers < 2 or len(photographs) < LEAST_FOR_PROCESSES:
        yield lambda looks: compare_pairs(photographs, looks)
        return
    together = Together(photographs)
    with applying(workers) as apply:

        def compare(looks: Sequence[Look]) -> list[Evidence | None]:
            parts = [(together, looks[start : start + _PART]) for start in range(0, len(looks), _PART)]
            return [evidence for part in apply(compare_pairs, parts) for evidence in part]

        yield compare


def compare_pairs(photographs: Sequence[Photograph], looks: Sequence[Look]) -> list[Evidence | None]:
    """What is seen of pairs of these photographs, one after another."""
    pairs = [verify(photographs, look) for look in looks]
    return [None if pair is None else pair.evidence for pair in pairs]
