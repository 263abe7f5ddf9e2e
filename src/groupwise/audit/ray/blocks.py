"""Blocks of photographs in the memory of a cluster: measured there, and read from there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from groupwise.audit.cache import name_sample
from groupwise.audit.copies.features import Features
from groupwise.audit.copies.index import PHOTOGRAPHS_AT_ONCE
from groupwise.audit.copies.packed import PackedPhotographs
from groupwise.audit.copies.verify import Photograph
from groupwise.audit.copies.workers import one_thread_a_worker
from groupwise.audit.measure import Measured, measure
from groupwise.audit.ray.tasks import keep, look_up, run, submit
from groupwise.audit.search import Progress
from groupwise.data.manifest import Manifest
from groupwise.data.pixel_reading import Reading

_PARTITIONS, _MOST = 256, 4096  # how many partitions there are, unless they would hold more than this
_SMALL = ("shape", "count", "enlarged", "hashes")
_BLOCKS_LOOKED_AT = 4  # that stay at hand


def partition_size(n: int) -> int:
    """How many of N photographs make a block, or a task; between two that are read at once."""
    portions = -(-n // (_PARTITIONS * PHOTOGRAPHS_AT_ONCE))
    return PHOTOGRAPHS_AT_ONCE * int(np.clip(portions, 1, _MOST // PHOTOGRAPHS_AT_ONCE))


@dataclass(frozen=True, eq=False)
class Block:
    """Photographs in the memory of the cluster, by a reference, and what is small of each: `_SMALL`."""

    reference: Any
    small: Mapping[str, npt.NDArray[Any]]


class RemotePhotograph(Photograph):
    """A photograph whose pixels and features are looked up in its block when they are asked for."""

    block: Block
    row: int

    def __init__(self, block: Block, row: int) -> None:
        object.__setattr__(self, "block", block)
        object.__setattr__(self, "row", row)

    @property
    def side(self) -> float:
        """As of any photograph, without a look at its pixels."""
        return float(min(self.block.small["shape"][self.row])) / self.enlarged

    @property
    def enlarged(self) -> float:
        """How many times its source was enlarged."""
        return float(self.block.small["enlarged"][self.row])

    @property
    def hashes(self) -> npt.NDArray[np.uint64]:
        """Its hashes (8,)."""
        return np.asarray(self.block.small["hashes"][self.row], np.uint64)

    @property
    def points(self) -> int:
        """How many local features it has."""
        return int(self.block.small["count"][self.row])

    @property
    def grey(self) -> npt.NDArray[np.uint8]:
        """Its pixels at working size."""
        return _photographs(self.block.reference)[self.row].grey

    @property
    def features(self) -> Features:
        """Its local features."""
        return _photographs(self.block.reference)[self.row].features


@lru_cache(maxsize=_BLOCKS_LOOKED_AT)
def _photographs(reference: Any) -> PackedPhotographs:
    return PackedPhotographs(look_up(reference))


def measure_blocks(
    manifest: Manifest, workers: int, progress: Progress | None, known: Mapping[str, Measured]
) -> list[Measured]:
    """What each usable file holds, by so many tasks at a time; those `known` by name are not read."""
    samples = manifest.usable
    measured = [known.get(name_sample(sample)) for sample in samples]
    unread = [k for k, one in enumerate(measured) if one is None]
    size = partition_size(len(samples))
    parts = [unread[start : start + size] for start in range(0, len(unread), size)]
    calls = (
        partial(submit, _measure, [manifest.file(samples[k]) for k in part], manifest.reading, results=3)
        for part in parts
    )
    done = len(samples) - len(unread)
    for part, (clues, small, reference) in zip(parts, run(calls, workers), strict=True):
        block = Block(reference, look_up(small))
        for row, (k, own) in enumerate(zip(part, clues, strict=True)):
            measured[k] = Measured(photograph=RemotePhotograph(block, row), **own)
        done += len(part)
        if progress:
            progress(done, 2 * len(samples))
    return [one for one in measured if one is not None]


def _measure(
    files: Sequence[Path], reading: Reading
) -> tuple[list[dict[str, Any]], dict[str, npt.NDArray[Any]], dict[str, npt.NDArray[Any]]]:
    """Clues of each file, and of their photographs what is small and all."""
    with one_thread_a_worker():
        measured = [measure(file, reading) for file in files]
    arrays = PackedPhotographs.of([one.photograph for one in measured]).arrays
    clues = [one.clues for one in measured]
    return clues, {name: arrays[name] for name in _SMALL}, arrays


def in_blocks(photographs: Sequence[Photograph]) -> list[RemotePhotograph]:
    """The same in the memory of the cluster, to which those go that are not there yet."""
    remote: list[RemotePhotograph] = []
    size = partition_size(len(photographs))
    for there, run_of in groupby(photographs, key=lambda one: isinstance(one, RemotePhotograph)):
        own = list(run_of)
        if there:
            remote += [one for one in own if isinstance(one, RemotePhotograph)]
            continue
        for start in range(0, len(own), size):
            arrays = PackedPhotographs.of(own[start : start + size]).arrays
            block = Block(keep(arrays), {name: arrays[name] for name in _SMALL})
            remote += [RemotePhotograph(block, row) for row in range(len(own[start : start + size]))]
    return remote


@dataclass(frozen=True, eq=False)
class Place:
    """Where photographs lie that a task asks for: `rows` of each of the blocks, in their order."""

    blocks: list[Block]
    rows: list[list[int]]

    @classmethod
    def of(cls, photographs: Sequence[RemotePhotograph]) -> Place:
        """Of these photographs, in order."""
        parts = [(block, list(own)) for block, own in groupby(photographs, key=lambda one: one.block)]
        return cls([block for block, _ in parts], [[one.row for one in own] for _, own in parts])

    @property
    def size(self) -> int:
        """How many photographs."""
        return sum(map(len, self.rows))

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What a task is given for `read_blocks`: rows, and references to the blocks."""
        return (self.rows, *(block.reference for block in self.blocks))


def read_blocks(
    rows: Sequence[Sequence[int]], blocks: Sequence[Mapping[str, npt.NDArray[Any]]]
) -> Iterator[Photograph]:
    """The photographs of a `Place`, within a task."""
    for own, arrays in zip(rows, blocks, strict=True):
        packed = PackedPhotographs(arrays)
        yield from (packed[row] for row in own)
