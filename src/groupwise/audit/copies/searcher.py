"""The search behind a detection: who proposes pairs of photographs, and who compares them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from groupwise.audit.copies.comparing import Compare, comparing
from groupwise.audit.copies.features import Features
from groupwise.audit.copies.index import Index, index_photographs
from groupwise.audit.copies.short_list import short_list
from groupwise.audit.copies.verify import LEAST_FOR_FEATURES_PX, Candidate, Photograph
from groupwise.audit.copies.vocabulary import Made, made_vocabulary

LEAST_FOR_WORDS = 2
"""Photographs with local features, for some to be proposed."""


class Searcher(Protocol):
    """A set of photographs, and negatives of some, whose numbers follow theirs."""

    @property
    def compare(self) -> Compare:
        """Compares pairs of them."""
        ...

    def candidates(self) -> Iterator[tuple[int, list[Candidate]]]:
        """The number of photographs done and the pairs proposed last, none where few have local features."""
        ...

    def candidates_of_negatives(self) -> list[Candidate]:
        """The pairs of a negative and a photograph that the same search proposes."""
        ...


OpenSearcher = Callable[
    [Sequence[Photograph], Sequence[Photograph], int, int, Made], AbstractContextManager[Searcher]
]
"""Of photographs, negatives, the seed, how many workers, and what gives the words of made scenes."""


@contextmanager
def open_searcher(
    photographs: Sequence[Photograph],
    negatives: Sequence[Photograph],
    seed: int,
    workers: int,
    made: Made = made_vocabulary,
) -> Iterator[Searcher]:
    """The search on this machine, by threads and processes."""
    features = [described(one).features for one in photographs]
    with (
        ThreadPoolExecutor(workers) as pool,
        comparing([*photographs, *negatives], workers) as compare,
    ):
        some = sum(len(one.points) > 0 for one in features) >= LEAST_FOR_WORDS
        index = index_photographs(features, seed, pool, made) if some else None
        yield _Here(features, [one.features for one in negatives], index, pool, compare)


@dataclass(frozen=True, eq=False)
class _Here:
    """The photographs by their visual words, if at least two have any."""

    features: Sequence[Features]
    negatives: Sequence[Features]
    index: Index | None
    pool: ThreadPoolExecutor
    compare: Compare

    def candidates(self) -> Iterator[tuple[int, list[Candidate]]]:
        return short_list(self.index, self.pool, self.features) if self.index else iter(())

    def candidates_of_negatives(self) -> list[Candidate]:
        if self.index is None:
            return []
        total = len(self.features)
        chunks = short_list(self.index, self.pool, self.negatives, symmetric=False)
        return [replace(one, first=total + one.first) for _, chunk in chunks for one in chunk]


def described(photograph: Photograph) -> Photograph:
    """The photograph without its local features, if it is too small for them to say anything."""
    if photograph.side >= LEAST_FOR_FEATURES_PX:
        return photograph
    none = Features(np.zeros((0, 4), np.float32), np.zeros((0, 128), np.uint8))
    return Photograph(photograph.grey, photograph.enlarged, photograph.hashes, none)
