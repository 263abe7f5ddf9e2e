"""Visual words and their inverted index: a short list of candidate pairs from local features.

Sivic and Zisserman, "Video Google", ICCV 2003; Nister and Stewenius, "Scalable recognition with a
vocabulary tree", CVPR 2006. The vocabulary grows with the data set, so each list of the index keeps its
length and the work stays near linear in the number of photographs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, diags_array
from sklearn.cluster import MiniBatchKMeans

from groupwise.audit.copies.features import Features, mirrored, unit_descriptors

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


@dataclass(frozen=True)
class Candidate:
    """Photographs that share visual words; `mirrored` if one reads as the mirror image of the other."""

    first: int
    second: int
    mirrored: bool


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Two-level tree of visual words: (R, 128) branches, then (R, L, 128) leaves a branch."""

    branches: FloatArray
    leaves: FloatArray

    @property
    def size(self) -> int:
        """Number of words."""
        return int(self.leaves.shape[0] * self.leaves.shape[1])

    def words(self, descriptors: FloatArray, count: int = 1) -> npt.NDArray[np.int64]:
        """The `count` nearest words, within the nearest branch, of unit descriptors (K, 128): (K, count)."""
        branch = _nearest(descriptors, self.branches)
        words = np.empty((len(descriptors), count), dtype=np.int64)
        for number in np.unique(branch):
            rows = np.flatnonzero(branch == number)
            distance = _distances(descriptors[rows], self.leaves[number])
            nearest = np.argpartition(distance, count - 1, axis=1)[:, :count]
            words[rows] = number * self.leaves.shape[1] + nearest
        return words


@dataclass(frozen=True, eq=False)
class Index:
    """N photographs by their V words.

    `photographs` (V, N): the inverted index; `weight` (V,): each word's inverse document frequency.
    """

    features: Sequence[Features]
    vocabulary: Vocabulary
    photographs: csr_array
    weight: FloatArray


def _distances(descriptors: FloatArray, centres: FloatArray) -> FloatArray:
    # Squared Euclidean distance up to a constant a row, which no comparison within the row sees.
    return (centres**2).sum(axis=1) - 2 * descriptors @ centres.T  # type: ignore[no-any-return]


def _nearest(descriptors: FloatArray, centres: FloatArray) -> npt.NDArray[np.int64]:
    parts = (
        descriptors[start : start + _ROWS_AT_ONCE] for start in range(0, len(descriptors), _ROWS_AT_ONCE)
    )
    found = [np.argmin(_distances(part, centres), axis=1) for part in parts]
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def train_vocabulary(features: Sequence[Features], seed: int) -> Vocabulary:
    """Learn visual words from the photographs themselves; their number follows the number of descriptors."""
    total = sum(len(one.descriptors) for one in features)
    branches = int(np.clip(np.sqrt(total / _DESCRIPTORS_A_WORD / 2), 8, 256))
    leaves = 2 * branches
    rng = np.random.default_rng(seed)
    sample = _sample(features, min(_MOST_SAMPLES, _SAMPLES_A_WORD * branches * leaves), rng)
    top = MiniBatchKMeans(branches, batch_size=4096, n_init=1, max_iter=10, random_state=seed)
    top.fit(sample[rng.permutation(len(sample))[:_MOST_FOR_BRANCHES]])
    centres = np.asarray(top.cluster_centers_, dtype=np.float32)
    member = _nearest(sample, centres)
    return Vocabulary(
        centres, np.stack([_leaves(sample[member == b], sample, leaves, rng) for b in range(branches)])
    )


def _sample(features: Sequence[Features], size: int, rng: np.random.Generator) -> FloatArray:
    counts = np.array([len(one.descriptors) for one in features])
    share = min(1.0, size / max(1, counts.sum()))
    parts = []
    for one, count in zip(features, counts, strict=True):
        chosen = np.sort(rng.permutation(count)[: round(share * count + rng.random() - 0.5)])
        parts.append(one.descriptors[chosen])
    return unit_descriptors(np.concatenate(parts))


def _leaves(members: FloatArray, everything: FloatArray, count: int, rng: np.random.Generator) -> FloatArray:
    if len(members) < count:  # a thin branch borrows from the whole; spare words do no harm
        members = np.concatenate([members, everything[rng.choice(len(everything), count - len(members))]])
    centres = members[rng.choice(len(members), count, replace=False)].copy()
    for _ in range(4):
        nearest = _nearest(members, centres)
        table = csr_array((np.ones(len(members), np.float32), (nearest, np.arange(len(members)))))
        sums, sizes = table @ members, np.bincount(nearest, minlength=len(table.indptr) - 1)
        used = np.flatnonzero(sizes)
        centres[used] = sums[used] / sizes[used, None]
    return centres


def short_list(
    index: Index, queries: Sequence[Features] | None = None
) -> Iterator[tuple[int, list[Candidate]]]:
    """The number of queries done and the candidates of the latest chunk, the best `CANDIDATES` a query.

    Without `queries` the photographs query themselves, `first` < `second`, and none meets itself. With
    `queries`, `first` is the number of the query and `second` that of the photograph.
    """
    asked = index.features if queries is None else queries
    for start in range(0, len(asked), _CHUNK):
        chunk = asked[start : start + _CHUNK]
        scores = [(_query(chunk, index, mirror) @ index.photographs).tocsr() for mirror in (False, True)]
        found = dict.fromkeys(
            _ordered(start + row, candidate, symmetric=queries is None)
            for row in range(len(chunk))
            for candidate in _best(scores, row, start + row if queries is None else -1)
        )
        yield start + len(chunk), list(found)


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


def index_photographs(features: Sequence[Features], vocabulary: Vocabulary) -> Index:
    """Which photographs hold which words."""
    rows = [
        _counts(features[start : start + _CHUNK], vocabulary, mirror=False, count=1)
        for start in range(0, len(features), _CHUNK)
    ]
    counts = _stack(rows, vocabulary.size)
    frequency = np.bincount(counts.indices, minlength=vocabulary.size)
    weight = np.log(len(features) / np.maximum(frequency, 1)).astype(np.float32)
    return Index(features, vocabulary, csr_array(_normalised(counts, weight).T.tocsr()), weight)


def _stack(rows: Sequence[csr_array], columns: int) -> csr_array:
    data, indices = (np.concatenate([getattr(row, name) for row in rows]) for name in ("data", "indices"))
    lengths = np.concatenate([np.diff(row.indptr) for row in rows])
    return csr_array(
        (data, indices, np.concatenate([[0], np.cumsum(lengths)])), shape=(len(lengths), columns)
    )


def _query(chunk: Sequence[Features], index: Index, mirror: bool) -> csr_array:
    words = _counts(chunk, index.vocabulary, mirror=mirror, count=_WORDS_OF_A_QUERY)
    return _normalised(words, index.weight)


def _counts(chunk: Sequence[Features], vocabulary: Vocabulary, *, mirror: bool, count: int) -> csr_array:
    owner = np.repeat(np.arange(len(chunk)), [len(one.descriptors) for one in chunk])
    descriptors = np.concatenate([one.descriptors for one in chunk])
    words = vocabulary.words(unit_descriptors(mirrored(descriptors) if mirror else descriptors), count)
    ones = np.ones(words.size, dtype=np.float32)
    table = csr_array((ones, (np.repeat(owner, count), words.ravel())), shape=(len(chunk), vocabulary.size))
    table.sum_duplicates()
    return table


def _normalised(counts: csr_array, weight: FloatArray) -> csr_array:
    # The root tames words that fill one picture (a fence, a fabric).
    counts = counts.copy()
    counts.data = np.sqrt(counts.data) * weight[counts.indices]
    length = np.sqrt(np.asarray((counts**2).sum(axis=1)).ravel())
    return csr_array(diags_array(1 / np.maximum(length, 1e-9)) @ counts)
