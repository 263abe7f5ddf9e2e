"""Detection: the pairs of a set of photographs that are copies of one exposure."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from groupwise.audit.copies.compared import Compared, draw
from groupwise.audit.copies.features import Features, negative
from groupwise.audit.copies.hashes import near_hashes
from groupwise.audit.copies.threshold import Threshold, find_threshold, join_thresholds
from groupwise.audit.copies.tiny import find_tiny_copies
from groupwise.audit.copies.verify import (
    LEAST_FOR_FEATURES_PX,
    Pair,
    Photograph,
    verify_features,
    verify_orientation,
)
from groupwise.audit.copies.vocabulary import (
    Candidate,
    Index,
    index_photographs,
    short_list,
    train_vocabulary,
)
from groupwise.audit.copies.workers import map_in_chunks, one_thread_a_worker

Progress = Callable[[int, int], None]

TINY_PX = 48
"""Images whose short side is at most this are searched in every pose as well."""

NEGATIVES = (100, 400)
"""Photographic negatives that search: a tenth of the photographs within this range. With `CANDIDATES` pairs
each, and none of them taken for a copy, 100 bound the rate of false matches by 0.0032, 400 by 0.0008."""

_LEAST_FOR_WORDS = 2


@dataclass(frozen=True, eq=False)
class Detection:
    """Pairs of copies, best evidence a pair, sorted by (first, second), and the line they passed."""

    copies: tuple[Pair, ...]
    threshold: Threshold
    compared: int


def detect(
    photographs: Sequence[Photograph],
    *,
    seed: int,
    workers: int = os.cpu_count() or 1,
    progress: Progress | None = None,
    compared: Compared | None = None,
) -> Detection:
    """All copies among N photographs without comparing all pairs.

    `progress` is called with the number of photographs whose candidates are settled, and N. The result
    depends on `seed` and the names in `compared` (else the numbers), not on `workers` nor on what was
    compared earlier.
    """
    compared = compared or Compared(list(map(str, range(len(photographs)))))
    with one_thread_a_worker(), ThreadPoolExecutor(workers) as pool:
        hashed = _verify_hashes(photographs, compared, pool)
        described, null = _verify_words(_with_features(photographs), compared, seed, pool, progress)
        tiny = [k for k, one in enumerate(photographs) if one.side <= TINY_PX and one.enlarged > 1]
        alike, lines = find_tiny_copies(photographs, tiny, seed, pool)
    best: dict[tuple[int, int], Pair] = {}
    for pair in (*hashed, *described):
        known = best.get((pair.first, pair.second))
        if known is None or pair.score > known.score:
            best[pair.first, pair.second] = pair
    scores = np.array([pair.score for pair in best.values()])
    threshold = find_threshold(scores, np.array(null))
    copies = {(pair.first, pair.second): pair for pair in alike}
    copies |= {key: pair for key, pair in best.items() if pair.score >= threshold.score}
    ordered = tuple(copies[key] for key in sorted(copies))
    return Detection(ordered, join_thresholds([threshold, *lines]), len(best))


def _with_features(photographs: Sequence[Photograph]) -> list[Photograph]:
    none = Features(np.zeros((0, 4), np.float32), np.zeros((0, 128), np.uint8))
    return [one if one.side >= LEAST_FOR_FEATURES_PX else replace(one, features=none) for one in photographs]


def _verify_hashes(
    photographs: Sequence[Photograph], compared: Compared, pool: ThreadPoolExecutor
) -> list[Pair]:
    if len(photographs) < 2:
        return []

    def verify(found: tuple[int, int, int]) -> Pair | None:
        i, j, orientation = found
        key = compared.names[i], compared.names[j], f"turned {orientation}"
        return compared.pair(key, (i, j), lambda: verify_orientation(photographs, i, j, orientation))

    near = near_hashes(np.stack([one.hashes for one in photographs]))
    return list(filter(None, map_in_chunks(pool, verify, near)))


def _verify_words(
    photographs: Sequence[Photograph],
    compared: Compared,
    seed: int,
    pool: ThreadPoolExecutor,
    progress: Progress | None,
) -> tuple[list[Pair], list[float]]:
    """Pairs of the short lists, and the scores that photographic negatives reach in the same search."""
    features = [one.features for one in photographs]
    if sum(len(one.points) > 0 for one in features) < _LEAST_FOR_WORDS:
        return [], []
    index = index_photographs(features, train_vocabulary(features, seed, pool), pool)

    def verify(one: Candidate) -> Pair | None:
        key = compared.names[one.first], compared.names[one.second], _way(one)
        return compared.pair(key, (one.first, one.second), lambda: verify_features(photographs, one))

    pairs: list[Pair] = []
    seen: set[Candidate] = set()
    for done, chunk in short_list(index, pool):
        fresh = [candidate for candidate in chunk if candidate not in seen]
        seen.update(fresh)
        pairs += filter(None, map_in_chunks(pool, verify, fresh))
        if progress:
            progress(done, len(photographs))
    return pairs, _verify_negatives(photographs, compared, index, seed, pool)


def _way(candidate: Candidate) -> str:
    return "mirrored" if candidate.mirrored else "plain"


def _verify_negatives(
    photographs: Sequence[Photograph],
    compared: Compared,
    index: Index,
    seed: int,
    pool: ThreadPoolExecutor,
) -> list[float]:
    drawn = sorted(draw(compared.names, int(np.clip(len(photographs) // 10, *NEGATIVES)), seed))
    negatives = [_negative(photographs[k]) for k in drawn]
    # The negatives go in front, so that a query's own number is also its place in the joint list.
    joint = [*negatives, *photographs]

    def verify(one: Candidate) -> Pair | None:
        shifted = Candidate(one.first, one.second + len(drawn), one.mirrored)
        key = f"negative of {compared.names[drawn[one.first]]}", compared.names[one.second], _way(one)
        return compared.pair(key, (shifted.first, shifted.second), lambda: verify_features(joint, shifted))

    queries = [one.features for one in negatives]
    candidates = [c for _, chunk in short_list(index, pool, queries) for c in chunk]
    return [-1.0 if pair is None else pair.score for pair in map_in_chunks(pool, verify, candidates)]


def _negative(photograph: Photograph) -> Photograph:
    features = Features(photograph.features.points, negative(photograph.features.descriptors))
    return replace(photograph, grey=255 - photograph.grey, features=features)
