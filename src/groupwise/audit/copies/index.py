"""Inverted index of visual words: which local features of the photographs are like those of a query.

Features are alike that share a word and whose signs hardly differ (Jegou, Douze and Schmid, "Hamming
embedding and weak geometric consistency", ECCV 2008): of those that share a word alone, most are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from groupwise.audit.copies.features import Features, unit_descriptors
from groupwise.audit.copies.vocabulary import SIGNS, Vocabulary, choose_vocabulary, project

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

MOST_SIGNS = 20
"""Signs of 64 by which like features may differ: in the middle 14 to 22 for four pairs of shots."""

STOPPED, LEAST_STOPPED = 0.25, 32
"""Words said by more of the photographs than this share, and than this number, are not heard: they tell
little, and most of what shares a word shares one of these."""

_WORDS_OF_A_QUERY = 3  # the nearest words, because noise moves a descriptor across the border of its cell
_WEIGHTS = np.exp(-((np.arange(SIGNS + 1) / 12.0) ** 2))  # of a match, by the signs that differ
_NO_MATCH = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.uint8)
_PHOTOGRAPHS_AT_ONCE, _MEETINGS_AT_ONCE = 256, 1 << 20  # bound the memory


@dataclass(frozen=True, eq=False)
class Index:
    """D local features of the photographs `features` (N), ordered by word, but for stopped words.

    `photograph` (D,) is whose each is, `points` (D, 4) as in `Features`, `signs` (D,) what it differs by from
    its word; those of word v of V are `starts[v]` to `starts[v + 1]`. `weight` (V,) is each word's inverse
    document frequency, `length` (N,) the root of how many features a photograph has.
    """

    features: Sequence[Features]
    vocabulary: Vocabulary
    photograph: IntArray
    points: FloatArray
    signs: npt.NDArray[np.uint64]
    starts: IntArray
    weight: npt.NDArray[np.float64]
    length: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Matches:
    """M pairs of a query's feature, `row` (M,), and one of the index, `posting` (M,), with `weight` (M,).

    They differ in so many signs, `differ` (M,).
    """

    row: IntArray
    posting: IntArray
    weight: npt.NDArray[np.float64]
    differ: npt.NDArray[np.uint8]


def index_photographs(features: Sequence[Features], seed: int, pool: ThreadPoolExecutor) -> Index:
    """At least one photograph with local features, by its words."""
    vocabulary = choose_vocabulary(features, seed, pool)

    def read(start: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint64]]:
        unit = unit_descriptors(stacked(features[start : start + _PHOTOGRAPHS_AT_ONCE]))
        words = vocabulary.words(unit, 1).ravel()
        return words, vocabulary.signs(project(unit), words)

    parts = list(pool.map(read, range(0, len(features), _PHOTOGRAPHS_AT_ONCE)))
    words, signs = (np.concatenate(part) for part in zip(*parts, strict=True))
    photograph, points = owners(features), np.concatenate([one.points for one in features])
    said = np.unique(words * np.int64(len(features)) + photograph) // len(features)
    frequency = np.bincount(said, minlength=vocabulary.size)
    stopped = frequency > max(LEAST_STOPPED, STOPPED * len(features))
    order = np.argsort(words, kind="stable")
    order = order[~stopped[words[order]]]
    starts = np.searchsorted(words[order], np.arange(vocabulary.size + 1))
    weight = np.log(len(features) / np.maximum(frequency, 1))
    length = np.sqrt([max(1, len(one.points)) for one in features])
    return Index(features, vocabulary, photograph[order], points[order], signs[order], starts, weight, length)


def owners(features: Sequence[Features]) -> IntArray:
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
) -> Iterator[tuple[IntArray, IntArray, npt.NDArray[np.float64], npt.NDArray[np.uint8]]]:
    """Rows, postings, weights and differing signs of what shares a row's word and hardly differs."""
    begins, lengths = index.starts[words], index.starts[words + 1] - index.starts[words]
    portion = np.cumsum(lengths) // _MEETINGS_AT_ONCE
    for first in np.searchsorted(portion, np.unique(portion)).tolist():
        last = int(np.searchsorted(portion, portion[first], "right"))
        count = lengths[first:last]
        row = np.repeat(np.arange(first, last), count)
        posting = np.arange(len(row)) + np.repeat(begins[first:last] - (np.cumsum(count) - count), count)
        differ = np.bitwise_count(signs[row] ^ index.signs[posting])
        near = np.flatnonzero(differ <= MOST_SIGNS)
        row, posting, differ = row[near], posting[near], differ[near]
        yield row, posting, _WEIGHTS[differ] * index.weight[words[row]], differ
