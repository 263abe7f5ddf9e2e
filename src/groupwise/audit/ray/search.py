"""The search of an audit on a Ray cluster: an index in parts, and pairs compared where photographs meet.

Each step gives what one machine gives, to the last bit on machines of one kind: pairs are compared one by
one, words are read and asked for in the portions of one machine, which partitions do not cut, and parts of
the index propose what the whole would (`parted.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from groupwise.audit.copies.compare import Evidence
from groupwise.audit.copies.comparing import compare_pairs
from groupwise.audit.copies.index import Index, Said, index_words, read_words
from groupwise.audit.copies.packed import PackedPhotographs
from groupwise.audit.copies.parted import join_said, merge_proposals, propose_of_part
from groupwise.audit.copies.searcher import LEAST_FOR_WORDS, described
from groupwise.audit.copies.short_list import CHUNK, Proposals, as_candidates
from groupwise.audit.copies.verify import LEAST_FOR_FEATURES_PX, Candidate, Look, Photograph
from groupwise.audit.copies.vocabulary import Made, Vocabulary, choose_vocabulary, made_vocabulary
from groupwise.audit.copies.workers import apart, one_thread_a_worker
from groupwise.audit.ray.blocks import (
    Block,
    Place,
    RemotePhotograph,
    in_blocks,
    measure_blocks,
    partition_size,
    read_blocks,
)
from groupwise.audit.ray.tasks import keep, run, submit
from groupwise.audit.search import Backend
from groupwise.stats.arrays import Ints

PHOTOGRAPHS_A_PART = 100_000
"""Of the index, at about 8 kB each: a part has to find room beside a task."""

_PAIRS_A_TASK = 64, 8192
"""Fewest and most pairs that are compared by one task: each asks every block for what it needs of it."""

Arrays = Mapping[str, npt.NDArray[Any]]


@contextmanager
def open_ray_searcher(
    photographs: Sequence[Photograph],
    negatives: Sequence[Photograph],
    seed: int,
    workers: int,
    made: Made = made_vocabulary,
) -> Iterator[RaySearcher]:
    """The search on the cluster, so many tasks at a time."""
    remote = in_blocks(photographs)
    yield RaySearcher(remote, in_blocks(negatives), _index(remote, seed, workers, made), workers)


@dataclass(frozen=True, eq=False)
class RaySearcher:
    """Photographs and negatives in blocks, parts of an index, and how many tasks run at a time."""

    photographs: list[RemotePhotograph]
    negatives: list[RemotePhotograph]
    parts: list[_Part]
    workers: int

    def candidates(self) -> Iterator[tuple[int, list[Candidate]]]:
        """As of `Searcher`; of as many partitions at once as there are workers."""
        found: list[Candidate] = []
        done, n = 0, len(self.photographs)
        for number, (size, chunk) in enumerate(self._propose(self.photographs, symmetric=True), start=1):
            found += chunk
            done += size
            if number % self.workers == 0 or done == n:
                yield done, list(dict.fromkeys(found))
                found = []

    def candidates_of_negatives(self) -> list[Candidate]:
        """As of `Searcher`."""
        proposed = self._propose(self.negatives, symmetric=False)
        total = len(self.photographs)
        return [replace(one, first=total + one.first) for _, chunk in proposed for one in chunk]

    def _propose(
        self, queries: Sequence[RemotePhotograph], *, symmetric: bool
    ) -> Iterator[tuple[int, list[Candidate]]]:
        """Of each partition of queries their number and the candidates."""
        if not self.parts:
            return
        partitions = list(_partitions(queries))
        calls = (
            partial(submit, _propose_by_part, part.index, part.begin, first, *place.arguments)
            for begin, place in partitions
            for first in [begin if symmetric else None]
            for part in self.parts
        )
        answers = run(calls, self.workers)
        for begin, place in partitions:
            by_part = [next(answers)[0] for _ in self.parts]
            found: list[Candidate] = []
            for number, proposals in enumerate(zip(*by_part, strict=True)):
                start = begin + number * CHUNK
                found += as_candidates(merge_proposals(proposals), start, symmetric=symmetric)
            yield place.size, found

    def compare(self, looks: Sequence[Look]) -> list[Evidence | None]:
        """The evidence of each pair: every block gives each task what it needs of it."""
        if not looks:
            return []
        size = int(np.clip(-(-len(looks) // (4 * self.workers)), *_PAIRS_A_TASK))
        groups = [looks[start : start + size] for start in range(0, len(looks), size)]
        everyone = [*self.photographs, *self.negatives]
        numbers = [sorted({k for look in own for k in (look.first, look.second)}) for own in groups]
        places = [Place.of([everyone[k] for k in own]) for own in numbers]
        picked = _pick(places)
        calls = (
            partial(submit, _compare, _renumber(own, known), *parts)
            for own, known, parts in zip(groups, numbers, picked, strict=True)
        )
        return [evidence for (found,) in run(calls, self.workers) for evidence in found]


@dataclass(frozen=True, eq=False)
class _Part:
    """A reference to the index of the photographs from number `begin` on."""

    begin: int
    index: Any


def _partitions(photographs: Sequence[RemotePhotograph]) -> Iterator[tuple[int, Place]]:
    """Where each partition begins, and where its photographs lie."""
    size = partition_size(len(photographs))
    for begin in range(0, len(photographs), size):
        yield begin, Place.of(photographs[begin : begin + size])


def _index(photographs: Sequence[RemotePhotograph], seed: int, workers: int, made: Made) -> list[_Part]:
    """The parts of the index; none, if fewer photographs have local features than it takes."""
    counts = [one.points if one.side >= LEAST_FOR_FEATURES_PX else 0 for one in photographs]
    if sum(count > 0 for count in counts) < LEAST_FOR_WORDS:
        return []
    partitions = list(_partitions(photographs))

    def gather(rows: Sequence[Ints]) -> npt.NDArray[np.uint8]:
        calls = (
            partial(submit, _gather, rows[begin : begin + place.size], *place.arguments)
            for begin, place in partitions
        )
        return np.concatenate([found for (found,) in run(calls, workers)])

    with ThreadPoolExecutor(workers) as pool:
        vocabulary = choose_vocabulary(counts, gather, seed, pool, made)
    words = keep(vocabulary)
    calls = (partial(submit, _read, words, *place.arguments, results=2) for _, place in partitions)
    read = list(run(calls, workers))
    frequency, total = keep(sum(own for own, _ in read)), len(photographs)
    a_part = max(1, PHOTOGRAPHS_A_PART // partition_size(total))
    parts = []
    for first in range(0, len(partitions), a_part):
        said = [own for _, own in read[first : first + a_part]]
        parts.append(_Part(partitions[first][0], *submit(_index_part, words, frequency, total, *said)))
    return parts


def _pick(places: Sequence[Place]) -> list[list[Any]]:
    """For each place references to its photographs alone, by block."""
    wanted: dict[Block, list[tuple[int, list[int]]]] = {}
    for number, place in enumerate(places):
        for block, rows in zip(place.blocks, place.rows, strict=True):
            wanted.setdefault(block, []).append((number, rows))
    picked: list[dict[Block, list[Any]]] = [{} for _ in places]
    for block, asked in wanted.items():
        found = submit(_pick_rows, [rows for _, rows in asked], block.reference, results=len(asked))
        for (number, _), reference in zip(asked, found, strict=True):
            picked[number].setdefault(block, []).append(reference)
    return [[own[block].pop(0) for block in place.blocks] for own, place in zip(picked, places, strict=True)]


def _renumber(looks: Sequence[Look], numbers: Sequence[int]) -> list[Look]:
    """The same among the photographs with these `numbers` alone."""
    place = {number: k for k, number in enumerate(numbers)}
    return [replace(look, first=place[look.first], second=place[look.second]) for look in looks]


def _gather(rows: Sequence[Ints], place: Sequence[Sequence[int]], *blocks: Arrays) -> npt.NDArray[np.uint8]:
    """Some descriptors of each photograph."""
    photographs = zip(read_blocks(place, blocks), rows, strict=True)
    return np.concatenate([one.features.descriptors[own] for one, own in photographs])


def _read(vocabulary: Vocabulary, place: Sequence[Sequence[int]], *blocks: Arrays) -> tuple[Ints, Said]:
    with one_thread_a_worker():
        features = [described(one).features for one in read_blocks(place, blocks)]
        said = read_words(features, vocabulary, map)
    return said.frequency(vocabulary), said


def _index_part(vocabulary: Vocabulary, frequency: Ints, total: int, *said: Said) -> Index:
    return index_words(join_said(said), vocabulary, frequency, total)


def _propose_by_part(
    index: Index, begin: int, first: int | None, place: Sequence[Sequence[int]], *blocks: Arrays
) -> list[Proposals]:
    """What a part of the index, from `begin` on, proposes to queries, by chunk.

    The queries are the photographs from number `first` on, or none of them.
    """
    found = []
    with one_thread_a_worker():
        queries = [described(one).features for one in read_blocks(place, blocks)]
        own = np.full(len(queries), -1) if first is None else first + np.arange(len(queries))
        for start in range(0, len(queries), CHUNK):
            chunk = slice(start, start + CHUNK)
            found.append(propose_of_part(index, begin, queries[chunk], own[chunk]))
    return found


def _pick_rows(wanted: Sequence[Sequence[int]], block: Arrays) -> Arrays | tuple[Arrays, ...]:
    """Some of the photographs of a block for each who wants some."""
    photographs = PackedPhotographs(block)
    found = tuple(PackedPhotographs.of([photographs[row] for row in rows]).arrays for rows in wanted)
    return found if len(found) > 1 else found[0]


def _compare(looks: Sequence[Look], *parts: Arrays) -> list[Evidence | None]:
    with one_thread_a_worker():
        return apart(compare_pairs, [one for part in parts for one in PackedPhotographs(part)], looks)


RAY = Backend(measure_blocks, open_ray_searcher)
"""The audit's work on the machines of a Ray cluster, in so many tasks at a time as it is given workers."""
