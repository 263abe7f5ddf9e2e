"""Detection: the pairs of a set of photographs that are copies of one exposure."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from groupwise.audit.copies.compared import Compared, draw
from groupwise.audit.copies.comparing import comparing
from groupwise.audit.copies.features import Features, negative
from groupwise.audit.copies.hashes import near_hashes
from groupwise.audit.copies.index import Index, index_photographs
from groupwise.audit.copies.short_list import short_list
from groupwise.audit.copies.threshold import Threshold, find_threshold, join_thresholds
from groupwise.audit.copies.tiny import find_tiny_copies
from groupwise.audit.copies.verify import (
    LEAST_FOR_FEATURES_PX,
    Candidate,
    Look,
    Pair,
    Photograph,
    Turned,
)
from groupwise.audit.copies.workers import one_thread_a_worker

Progress = Callable[[int, int], None]
LookAt = Callable[[Sequence[Look]], list[Pair | None]]

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
    planted: Collection[tuple[int, int]] = (),
) -> Detection:
    """All copies among N photographs without comparing all pairs.

    `planted` are pairs known to be copies: where they fall short of the line they say nothing of look-alikes.

    `progress` is called with the number of photographs whose candidates are settled, and N. The result
    depends on `seed` and the names in `compared` (else the numbers), not on `workers` nor on what was
    compared earlier.
    """
    compared = compared or Compared(list(map(str, range(len(photographs)))))
    described = _with_features(photographs)
    drawn = draw(compared.names, int(np.clip(len(photographs) // 10, *NEGATIVES)), seed)
    negatives = [_negative(described[k]) for k in drawn]
    names = [*compared.names, *(f"negative of {compared.names[k]}" for k in drawn)]
    with (
        one_thread_a_worker(),
        ThreadPoolExecutor(workers) as pool,
        comparing([*photographs, *negatives], workers) as compare,
    ):
        look_at = partial(compared.pairs_of, names=names, compare=compare)
        hashed = _verify_hashes(photographs, look_at)
        index = _index(described, seed, pool)
        worded = _verify_words(index, look_at, pool, progress)
        null = _verify_negatives(index, negatives, look_at, pool)
        tiny = [k for k, one in enumerate(photographs) if one.side <= TINY_PX and one.enlarged > 1]
        alike, lines = find_tiny_copies(photographs, tiny, seed, pool)
    best: dict[tuple[int, int], Pair] = {}
    for pair in (*hashed, *worded):
        known = best.get((pair.first, pair.second))
        if known is None or pair.score > known.score:
            best[pair.first, pair.second] = pair
    scores = np.array([pair.score for key, pair in best.items() if key not in planted])
    threshold = find_threshold(scores, np.array(null))
    copies = {(pair.first, pair.second): pair for pair in alike}
    copies |= {key: pair for key, pair in best.items() if pair.score >= threshold.score}
    ordered = tuple(copies[key] for key in sorted(copies))
    return Detection(ordered, join_thresholds([threshold, *lines]), len(best))


def _with_features(photographs: Sequence[Photograph]) -> list[Photograph]:
    none = Features(np.zeros((0, 4), np.float32), np.zeros((0, 128), np.uint8))
    return [one if one.side >= LEAST_FOR_FEATURES_PX else replace(one, features=none) for one in photographs]


def _verify_hashes(photographs: Sequence[Photograph], look_at: LookAt) -> list[Pair]:
    if len(photographs) < 2:
        return []
    near = near_hashes(np.stack([one.hashes for one in photographs]))
    return list(filter(None, look_at([Turned(*found) for found in near])))


def _index(described: Sequence[Photograph], seed: int, pool: ThreadPoolExecutor) -> Index | None:
    """The photographs by their visual words, if at least two have any."""
    features = [one.features for one in described]
    if sum(len(one.points) > 0 for one in features) < _LEAST_FOR_WORDS:
        return None
    return index_photographs(features, seed, pool)


def _verify_words(
    index: Index | None, look_at: LookAt, pool: ThreadPoolExecutor, progress: Progress | None
) -> list[Pair]:
    """Pairs of the short lists."""
    pairs: list[Pair] = []
    seen: set[Candidate] = set()
    for done, chunk in short_list(index, pool) if index else ():
        fresh = [candidate for candidate in chunk if candidate not in seen]
        seen.update(fresh)
        pairs += filter(None, look_at(fresh))
        if progress and index:
            progress(done, len(index.features))
    return pairs


def _verify_negatives(
    index: Index | None, negatives: Sequence[Photograph], look_at: LookAt, pool: ThreadPoolExecutor
) -> list[float]:
    """The scores that photographic negatives reach in the same search."""
    if index is None:
        return []
    total = len(index.features)  # which the negatives follow
    queries = [one.features for one in negatives]
    candidates = [
        Candidate(total + one.first, one.second, one.mirrored)
        for _, chunk in short_list(index, pool, queries)
        for one in chunk
    ]
    return [-1.0 if pair is None else pair.score for pair in look_at(candidates)]


def _negative(photograph: Photograph) -> Photograph:
    features = Features(photograph.features.points, negative(photograph.features.descriptors))
    return replace(photograph, grey=255 - photograph.grey, features=features)
