"""Visual words, and what a descriptor differs by from its word as 64 signs.

Sivic and Zisserman, "Video Google", ICCV 2003; Nister and Stewenius, "Scalable recognition with a
vocabulary tree", CVPR 2006; Jegou, Douze and Schmid, "Hamming embedding and weak geometric consistency",
ECCV 2008. Words of made scenes serve any photographs, and a file that is added changes none of them; with
the signs they propose as many copies as words learnt from the photographs (docs/log.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from groupwise.audit.copies.features import unit_descriptors
from groupwise.audit.copies.scenes import scene_descriptors
from groupwise.stats.arrays import Floats32, Ints

Gather = Callable[[Sequence[Ints]], npt.NDArray[np.uint8]]
"""The descriptors (K, 128) in these rows of each photograph."""

MOST_FOR_MADE = 10_000
"""Photographs for which the words of made scenes are enough: with more, each word is said too often."""

SIGNS = 64

_MADE = 64, 64  # branches, and leaves of each
_DESCRIPTORS_A_WORD, _SAMPLES_A_WORD, _MOST_SAMPLES = 32, 12, 500_000
_STEPS_OF_BRANCHES, _MOST_FOR_BRANCHES, _STEPS_OF_LEAVES = 8, 100_000, 4
_ROWS_AT_ONCE = 16_384  # of a table of distances: what bounds the memory


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Two-level tree of V visual words: (R, 128) branches, then (R, L, 128) leaves a branch."""

    branches: Floats32
    leaves: Floats32

    @property
    def size(self) -> int:
        """Number of words."""
        return int(self.leaves.shape[0] * self.leaves.shape[1])

    def words(self, descriptors: Floats32, count: int) -> npt.NDArray[np.int32]:
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

    @cached_property
    def borders(self) -> Floats32:
        """Where the words lie along the directions of `project`, (V, `SIGNS`)."""
        return project(self.leaves.reshape(self.size, -1))

    def signs(self, projected: Floats32, words: npt.NDArray[np.int32]) -> npt.NDArray[np.uint64]:
        """On which sides of their `words` (K,) descriptors lie that were `projected` (K, `SIGNS`); (K,)."""
        return np.packbits(projected > self.borders[words], axis=1).view(np.uint64).ravel()


Made = Callable[[], Vocabulary]
"""What gives the words of made scenes: `made_vocabulary`, or what has kept its answer."""


def project(descriptors: Floats32) -> Floats32:
    """Descriptors (K, 128) along `SIGNS` directions at right angles, drawn once and for all; (K, `SIGNS`)."""
    return descriptors @ _directions()


@cache
def _directions() -> Floats32:
    drawn = np.random.default_rng(0).normal(size=(128, SIGNS))
    return np.linalg.qr(drawn)[0].astype(np.float32)


def choose_vocabulary(
    counts: Sequence[int], gather: Gather, seed: int, pool: ThreadPoolExecutor, made: Made
) -> Vocabulary:
    """The words of made scenes; of very many photographs, words learnt from these.

    `counts` (N,) tells how many local features each photograph has, `gather` gives the descriptors.
    """
    if len(counts) <= MOST_FOR_MADE:
        return made()
    total = sum(counts)
    branches = int(np.clip(np.sqrt(total / _DESCRIPTORS_A_WORD / 2), 8, 256))
    leaves = 2 * branches
    rng = np.random.default_rng(seed)
    rows = _draw_rows(counts, min(_MOST_SAMPLES, _SAMPLES_A_WORD * branches * leaves), rng)
    sample = unit_descriptors(gather(rows))
    return learn(sample, branches, leaves, rng, pool.map)


@cache
def made_vocabulary() -> Vocabulary:
    """The words of made scenes, the same for all data."""
    return learn(unit_descriptors(scene_descriptors()), *_MADE, np.random.default_rng(0), map)


def learn(
    sample: Floats32,
    branches: int,
    leaves: int,
    rng: np.random.Generator,
    apply: Callable[..., Iterable[Any]],
) -> Vocabulary:
    """Words by k-means, twice, of unit descriptors (K, 128); `apply` is `map`, or that of a pool."""
    some = sample[rng.permutation(len(sample))[:_MOST_FOR_BRANCHES]]
    centres = _means(some, some[:branches].copy(), _STEPS_OF_BRANCHES)
    parts = np.array_split(sample, -(-len(sample) // _ROWS_AT_ONCE))
    member = np.concatenate(list(apply(lambda part: _nearest(part, centres), parts)))
    drawn = [_draw_leaves(np.flatnonzero(member == b), len(sample), leaves, rng) for b in range(branches)]
    found = apply(lambda one: _means(sample[one[0]], sample[one[1]], _STEPS_OF_LEAVES), drawn)
    return Vocabulary(centres, np.stack(list(found)))


def _distances(descriptors: Floats32, centres: Floats32) -> Floats32:
    # Squared Euclidean distance up to a constant a row, which no comparison within the row sees.
    return (centres**2).sum(axis=1) - 2 * descriptors @ centres.T  # type: ignore[no-any-return]


def _nearest(descriptors: Floats32, centres: Floats32) -> Ints:
    parts = (
        descriptors[start : start + _ROWS_AT_ONCE] for start in range(0, len(descriptors), _ROWS_AT_ONCE)
    )
    found = [np.argmin(_distances(part, centres), axis=1) for part in parts]
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def _draw_rows(counts: Sequence[int], size: int, rng: np.random.Generator) -> list[Ints]:
    """Of each photograph that many of its features that about `size` of all are drawn."""
    share = min(1.0, size / max(1, sum(counts)))
    return [np.sort(rng.permutation(count)[: round(share * count + rng.random() - 0.5)]) for count in counts]


def _draw_leaves(members: Ints, total: int, count: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """The rows of a branch, and the `count` of them that its leaves begin at."""
    if len(members) < count:  # a thin branch borrows from the whole; spare words do no harm
        members = np.concatenate([members, rng.choice(total, count - len(members))])
    return members, rng.choice(members, count, replace=False)


def _means(members: Floats32, centres: Floats32, steps: int) -> Floats32:
    """So many steps of k-means that begin at `centres`, which are changed."""
    for _ in range(steps):
        nearest = _nearest(members, centres)
        table = csr_array((np.ones(len(members), np.float32), (nearest, np.arange(len(members)))))
        sums, sizes = table @ members, np.bincount(nearest, minlength=len(table.indptr) - 1)
        used = np.flatnonzero(sizes)
        centres[used] = sums[used] / sizes[used, None]
    return centres
