"""Inverted index of visual words: which local features of the photographs are like those of a query.

Features are alike that share a word and whose signs hardly differ (Jegou, Douze and Schmid, "Hamming
embedding and weak geometric consistency", ECCV 2008): of those that share a word alone, most are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from groupwise.audit.copies.features import Features, unit_descriptors
from groupwise.audit.copies.vocabulary import (
    SIGNS,
    Made,
    Vocabulary,
    choose_vocabulary,
    made_vocabulary,
    project,
)
from groupwise.stats.arrays import Floats, Floats32, Ints

MOST_SIGNS = 20
"""Signs of 64 by which like features may differ: in the middle 14 to 22 for four pairs of shots."""

STOPPED, LEAST_STOPPED = 0.25, 32
"""Words said by more of the photographs than this share, and than this number, are not heard: they tell
little, and most of what shares a word shares one of these."""

PHOTOGRAPHS_AT_ONCE = 256
"""Whose words are read at once. The last bits of a product depend on how many rows it has, so whoever parts
the photographs parts them between such."""

_WORDS_OF_A_QUERY = 3  # the nearest words, because noise moves a descriptor across the border of its cell
_WEIGHTS = np.exp(-((np.arange(SIGNS + 1) / 12.0) ** 2))  # of a match, by the signs that differ
_NO_MATCH = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.uint8)
_MEETINGS_AT_ONCE = 1 << 20  # bounds the memory


@dataclass(frozen=True, eq=False)
class Index:
    """D local features of N photographs, ordered by word, but for stopped words.

    `photograph` (D,) is whose each is, `points` (D, 4) as in `Features`, `signs` (D,) what it differs by from
    its word; those of word v of V are `starts[v]` to `starts[v + 1]`. `weight` (V,) is each word's inverse
    document frequency, `length` (N,) the root of how many features a photograph has.
    """

    vocabulary: Vocabulary
    photograph: Ints
    points: Floats32
    signs: npt.NDArray[np.uint64]
    starts: Ints
    weight: Floats
    length: Floats

    @property
    def size(self) -> int:
        """Number of photographs."""
        return len(self.length)


@dataclass(frozen=True, eq=False)
class Said:
    """D local features of N photographs as they stand, with their words: what an index is made of.

    `photograph` (D,), `points` (D, 4), `words` (D,) and `signs` (D,), and how many each has, `count` (N,).
    """

    photograph: Ints
    points: Floats32
    words: npt.NDArray[np.int32]
    signs: npt.NDArray[np.uint64]
    count: Ints

    def frequency(self, vocabulary: Vocabulary) -> Ints:
        """How many of the photographs say each word, (V,)."""
        n = np.int64(len(self.count))
        return np.bincount(np.unique(self.words * n + self.photograph) // n, minlength=vocabulary.size)


@dataclass(frozen=True, eq=False)
class Matches:
    """M pairs of a query's feature, `row` (M,), and one of the index, `posting` (M,), with `weight` (M,).

    They differ in so many signs, `differ` (M,).
    """

    row: Ints
    posting: Ints
    weight: Floats
    differ: npt.NDArray[np.uint8]


def index_photographs(
    features: Sequence[Features], seed: int, pool: ThreadPoolExecutor, made: Made = made_vocabulary
) -> Index:
    """At least one photograph with local features, by its words."""

    def gather(rows: Sequence[Ints]) -> npt.NDArray[np.uint8]:
        return np.concatenate([one.descriptors[own] for one, own in zip(features, rows, strict=True)])

    vocabulary = choose_vocabulary([len(one.points) for one in features], gather, seed, pool, made)
    said = read_words(features, vocabulary, pool.map)
    return index_words(said, vocabulary, said.frequency(vocabulary), len(features))


def read_words(features: Sequence[Features], vocabulary: Vocabulary, apply: Callable[..., Any]) -> Said:
    """The words of at least one photograph; `apply` is `map`, or that of a pool."""

    def read(start: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint64]]:
        unit = unit_descriptors(stacked(features[start : start + PHOTOGRAPHS_AT_ONCE]))
        words = vocabulary.words(unit, 1).ravel()
        return words, vocabulary.signs(project(unit), words)

    parts = list(apply(read, range(0, len(features), PHOTOGRAPHS_AT_ONCE)))
    words, signs = (np.concatenate(part) for part in zip(*parts, strict=True))
    points = np.concatenate([one.points for one in features])
    return Said(owners(features), points, words, signs, np.array([len(one.points) for one in features]))


def index_words(said: Said, vocabulary: Vocabulary, frequency: Ints, total: int) -> Index:
    """The index of these photographs, `frequency` (V,) of all `total` of which say each word."""
    stopped = frequency > max(LEAST_STOPPED, STOPPED * total)
    order = np.argsort(said.words, kind="stable")
    order = order[~stopped[said.words[order]]]
    starts = np.searchsorted(said.words[order], np.arange(vocabulary.size + 1))
    weight = np.log(total / np.maximum(frequency, 1))
    length = np.sqrt(np.maximum(1, said.count))
    photograph, points, signs = said.photograph[order], said.points[order], said.signs[order]
    return Index(vocabulary, photograph, points, signs, starts, weight, length)


def owners(features: Sequence[Features]) -> Ints:
    """Whose each local feature is, by number."""
    return np.repeat(np.arange(len(features)), [len(one.points) for one in features])


def stacked(features: Sequence[Features]) -> npt.NDArray[np.uint8]:
    """The descriptors of all, (K, 128)."""
    return np.concatenate([one.descriptors for one in features])


def match(index: Index, descriptors: npt.NDArray[np.uint8]) -> Matches:
    """The features of the index that are like these `descriptors` (K, 128)."""
    unit = unit_descriptors(descriptors)
    words, projected = index.vocabulary.words(unit, _WORDS_OF_A_QUERY), project(unit)
    parts = [part for own in words.T for part in _meet(index, own, index.vocabulary.signs(projected, own))]
    return Matches(*map(np.concatenate, zip(_NO_MATCH, *parts, strict=True)))


def _meet(
    index: Index, words: npt.NDArray[np.int32], signs: npt.NDArray[np.uint64]
) -> Iterator[tuple[Ints, Ints, Floats, npt.NDArray[np.uint8]]]:
    """Rows, postings, weights and differing signs of what shares a row's word and hardly differs."""
    begins, lengths = index.starts[words], index.starts[words + 1] - index.starts[words]
    portion = np.cumsum(lengths) // _MEETINGS_AT_ONCE
    for first in np.searchsorted(portion, np.unique(portion)).tolist():
        last = int(np.searchsorted(portion, portion[first], "right"))
        count = lengths[first:last]
        row = np.repeat(np.arange(first, last), count)
        posting = np.arange(len(row)) + np.repeat(begins[first:last] - (np.cumsum(count) - count), count)
        differ = np.bitwise_count(np.repeat(signs[first:last], count) ^ index.signs[posting])
        near = np.flatnonzero(differ <= MOST_SIGNS)
        row, posting, differ = row[near], posting[near], differ[near]
        yield row, posting, _WEIGHTS[differ] * index.weight[words[row]], differ
