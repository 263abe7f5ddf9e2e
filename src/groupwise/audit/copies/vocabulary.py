"""Visual words and their inverted index: a short list of candidate pairs from local features.

Sivic and Zisserman, "Video Google", ICCV 2003; Nister and Stewenius, "Scalable recognition with a
vocabulary tree", CVPR 2006. The vocabulary grows with the data set, so each list of the index keeps its
length and the work stays near linear in the number of photographs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, diags_array
from sklearn.cluster import MiniBatchKMeans

from groupwise.audit.copies.features import Features, mirrored, unit_descriptors
from groupwise.audit.copies.hough import Postings, insets, post
from groupwise.audit.copies.verify import Candidate

FloatArray = npt.NDArray[np.float32]

CANDIDATES = 12
"""Candidates kept a photograph, in plain and mirrored reading together."""

_WORDS_OF_A_QUERY = 3  # the nearest words, because noise moves a descriptor across the border of its cell
_DESCRIPTORS_A_WORD = 8
_SAMPLES_A_WORD, _MOST_SAMPLES, _MOST_FOR_BRANCHES = 12, 500_000, 100_000
_CHUNK, _ROWS_AT_ONCE = (
    256,
    16_384,
)  # photographs a query, descriptors a distance table: what bounds the memory


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Two-level tree of visual words: (R, 128) branches, then (R, L, 128) leaves a branch."""

    branches: FloatArray
    leaves: FloatArray

    @property
    def size(self) -> int:
        """Number of words."""
        return int(self.leaves.shape[0] * self.leaves.shape[1])

    def words(self, descriptors: FloatArray, count: int = 1) -> npt.NDArray[np.int32]:
        """The `count` nearest words, within the nearest branch, of unit descriptors (K, 128).

        (K, count), the nearest first.
        """
        branch = _nearest(descriptors, self.branches)
        words = np.empty((len(descriptors), count), dtype=np.int32)
        for number in np.unique(branch):
            rows = np.flatnonzero(branch == number)
            distance = _distances(descriptors[rows], self.leaves[number])
            for place in range(count):  # some fifteen times as fast as `argpartition` for so few
                nearest = distance.argmin(axis=1)
                words[rows, place] = number * self.leaves.shape[1] + nearest
                distance[np.arange(len(rows)), nearest] = np.inf
        return words


@dataclass(frozen=True, eq=False)
class Index:
    """N photographs by their V words.

    `words`: the nearest words of the descriptors of each chunk of photographs, (K, 3); `photographs` (V, N):
    the inverted index by the first of them; `weight` (V,): each word's inverse document frequency;
    `postings`: where the points lie that say each word.
    """

    features: Sequence[Features]
    vocabulary: Vocabulary
    words: Sequence[npt.NDArray[np.int32]]
    photographs: csr_array
    weight: FloatArray
    postings: Postings


def _distances(descriptors: FloatArray, centres: FloatArray) -> FloatArray:
    # Squared Euclidean distance up to a constant a row, which no comparison within the row sees.
    return (centres**2).sum(axis=1) - 2 * descriptors @ centres.T  # type: ignore[no-any-return]


def _nearest(descriptors: FloatArray, centres: FloatArray) -> npt.NDArray[np.int64]:
    parts = (
        descriptors[start : start + _ROWS_AT_ONCE] for start in range(0, len(descriptors), _ROWS_AT_ONCE)
    )
    found = [np.argmin(_distances(part, centres), axis=1) for part in parts]
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def train_vocabulary(features: Sequence[Features], seed: int, pool: ThreadPoolExecutor) -> Vocabulary:
    """Learn visual words from the photographs themselves; their number follows the number of descriptors."""
    total = sum(len(one.descriptors) for one in features)
    branches = int(np.clip(np.sqrt(total / _DESCRIPTORS_A_WORD / 2), 8, 256))
    leaves = 2 * branches
    rng = np.random.default_rng(seed)
    sample = _sample(features, min(_MOST_SAMPLES, _SAMPLES_A_WORD * branches * leaves), rng)
    top = MiniBatchKMeans(branches, batch_size=4096, n_init=1, max_iter=10, random_state=seed)
    top.fit(sample[rng.permutation(len(sample))[:_MOST_FOR_BRANCHES]])
    centres = np.asarray(top.cluster_centers_, dtype=np.float32)
    parts = np.array_split(sample, -(-len(sample) // _ROWS_AT_ONCE))
    member = np.concatenate(list(pool.map(lambda part: _nearest(part, centres), parts)))
    drawn = [_draw_leaves(np.flatnonzero(member == b), len(sample), leaves, rng) for b in range(branches)]
    return Vocabulary(centres, np.stack(list(pool.map(lambda one: _leaves(sample, *one), drawn))))


def _sample(features: Sequence[Features], size: int, rng: np.random.Generator) -> FloatArray:
    counts = np.array([len(one.descriptors) for one in features])
    share = min(1.0, size / max(1, counts.sum()))
    parts = []
    for one, count in zip(features, counts, strict=True):
        chosen = np.sort(rng.permutation(count)[: round(share * count + rng.random() - 0.5)])
        parts.append(one.descriptors[chosen])
    return unit_descriptors(np.concatenate(parts))


def _draw_leaves(
    members: npt.NDArray[np.int64], total: int, count: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The rows of a branch, and the `count` of them that its leaves begin at."""
    if len(members) < count:  # a thin branch borrows from the whole; spare words do no harm
        members = np.concatenate([members, rng.choice(total, count - len(members))])
    return members, rng.choice(members, count, replace=False)


def _leaves(sample: FloatArray, rows: npt.NDArray[np.int64], begin: npt.NDArray[np.int64]) -> FloatArray:
    members, centres = sample[rows], sample[begin]
    for _ in range(4):
        nearest = _nearest(members, centres)
        table = csr_array((np.ones(len(members), np.float32), (nearest, np.arange(len(members)))))
        sums, sizes = table @ members, np.bincount(nearest, minlength=len(table.indptr) - 1)
        used = np.flatnonzero(sizes)
        centres[used] = sums[used] / sizes[used, None]
    return centres


def short_list(
    index: Index, pool: ThreadPoolExecutor, queries: Sequence[Features] | None = None
) -> Iterator[tuple[int, list[Candidate]]]:
    """The number of queries done and the candidates of the latest chunk: `CANDIDATES` a query, and insets.

    Without `queries` the photographs query themselves, `first` < `second`, and none meets itself. With
    `queries`, `first` is the number of the query and `second` that of the photograph. The next chunk is
    sought in the `pool` while the caller compares the latest.
    """
    asked = index.features if queries is None else queries

    def search(start: int) -> list[Candidate]:
        chunk = asked[start : start + _CHUNK]
        words = index.words[start // _CHUNK] if queries is None else _words(chunk, index.vocabulary)
        both = words, _words(chunk, index.vocabulary, mirror=True)
        tables = [_normalised(_counts(chunk, one, index.vocabulary.size), index.weight) for one in both]
        scores = [(table @ index.photographs).tocsr() for table in tables]
        found = dict.fromkeys(
            _ordered(start + row, candidate, symmetric=queries is None)
            for row in range(len(chunk))
            for candidate in _best(scores, row, start + row if queries is None else -1)
        )
        first = start if queries is None else len(index.features) + start
        owner, points = _points(chunk)
        hits = insets(index.postings, words[:, 0], first + owner, points, index.weight)
        inside = (_ordered(start + query - first, (k, False), symmetric=queries is None) for query, k in hits)
        return list(found | dict.fromkeys(inside))

    starts = range(0, len(asked), _CHUNK)
    upcoming = deque(pool.submit(search, start) for start in starts[:1])
    for start in starts:
        upcoming += [pool.submit(search, after) for after in starts if after == start + _CHUNK]
        yield min(start + _CHUNK, len(asked)), upcoming.popleft().result()


def _ordered(query: int, hit: tuple[int, bool], *, symmetric: bool) -> Candidate:
    other, mirror = hit
    if symmetric:
        return Candidate(min(query, other), max(query, other), mirror)
    return Candidate(query, other, mirror)


def _best(scores: Sequence[csr_array], row: int, own: int) -> list[tuple[int, bool]]:
    columns, values, mirror = [], [], []
    for flag, score in enumerate(scores):
        begin, end = score.indptr[row], score.indptr[row + 1]
        columns.append(score.indices[begin:end])
        values.append(score.data[begin:end])
        mirror.append(np.full(end - begin, bool(flag)))
    column, value, flags = (np.concatenate(part) for part in (columns, values, mirror))
    keep = np.flatnonzero(column != own)
    if len(keep) > CANDIDATES:
        keep = keep[value[keep] >= np.partition(value[keep], -CANDIDATES)[-CANDIDATES]]
    # Ties are broken by number, so the list does not depend on how scipy orders its rows.
    order = keep[np.lexsort((flags[keep], column[keep], -value[keep]))][:CANDIDATES]
    return [(int(column[k]), bool(flags[k])) for k in order]


def index_photographs(
    features: Sequence[Features], vocabulary: Vocabulary, pool: ThreadPoolExecutor
) -> Index:
    """Which photographs hold which words."""
    chunks = [features[start : start + _CHUNK] for start in range(0, len(features), _CHUNK)]
    words = list(pool.map(lambda chunk: _words(chunk, vocabulary), chunks))
    rows = [
        _counts(chunk, spoken[:, :1], vocabulary.size) for chunk, spoken in zip(chunks, words, strict=True)
    ]
    counts = _stack(rows, vocabulary.size)
    frequency = np.bincount(counts.indices, minlength=vocabulary.size)
    weight = np.log(len(features) / np.maximum(frequency, 1)).astype(np.float32)
    photographs = csr_array(_normalised(counts, weight).T.tocsr())
    postings = post(np.concatenate(words)[:, 0], *_points(features), vocabulary.size)
    return Index(features, vocabulary, words, photographs, weight, postings)


def _points(features: Sequence[Features]) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Whose each local feature is, and where it lies."""
    owner = np.repeat(np.arange(len(features)), [len(one.points) for one in features])
    return owner, np.concatenate([one.points for one in features])


def _stack(rows: Sequence[csr_array], columns: int) -> csr_array:
    data, indices = (np.concatenate([getattr(row, name) for row in rows]) for name in ("data", "indices"))
    lengths = np.concatenate([np.diff(row.indptr) for row in rows])
    return csr_array(
        (data, indices, np.concatenate([[0], np.cumsum(lengths)])), shape=(len(lengths), columns)
    )


def _words(
    chunk: Sequence[Features], vocabulary: Vocabulary, *, mirror: bool = False
) -> npt.NDArray[np.int32]:
    descriptors = np.concatenate([one.descriptors for one in chunk])
    unit = unit_descriptors(mirrored(descriptors) if mirror else descriptors)
    return vocabulary.words(unit, _WORDS_OF_A_QUERY)


def _counts(chunk: Sequence[Features], words: npt.NDArray[np.int32], size: int) -> csr_array:
    """How often each photograph of `chunk` says each of `size` words; `words` (K, count) of all of theirs."""
    owner = np.repeat(np.arange(len(chunk)), [len(one.descriptors) for one in chunk])
    ones = np.ones(words.size, dtype=np.float32)
    place = np.repeat(owner, words.shape[1]), words.ravel()
    table = csr_array((ones, place), shape=(len(chunk), size))
    table.sum_duplicates()
    return table


def _normalised(counts: csr_array, weight: FloatArray) -> csr_array:
    # The root tames words that fill one picture (a fence, a fabric).
    counts = counts.copy()
    counts.data = np.sqrt(counts.data) * weight[counts.indices]
    length = np.sqrt(np.asarray((counts**2).sum(axis=1)).ravel())
    return csr_array(diags_array(1 / np.maximum(length, 1e-9)) @ counts)
