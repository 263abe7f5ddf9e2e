"""Detection: the pairs of a set of photographs that are copies of one exposure."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from groupwise.audit.copies.compared import Compared, draw
from groupwise.audit.copies.features import Features, negative
from groupwise.audit.copies.hashes import near_hashes
from groupwise.audit.copies.score import differs_in_part
from groupwise.audit.copies.searcher import OpenSearcher, Searcher, described, open_searcher
from groupwise.audit.copies.threshold import Threshold, find_threshold, join_thresholds
from groupwise.audit.copies.tiny import find_tiny_copies
from groupwise.audit.copies.verify import Candidate, Look, Pair, Photograph, Turned
from groupwise.audit.copies.vocabulary import Made, made_vocabulary
from groupwise.audit.copies.workers import one_thread_a_worker

Progress = Callable[[int, int], None]
LookAt = Callable[[Sequence[Look]], list[Pair | None]]

TINY_PX = 48
"""Images whose short side is at most this are searched in every pose as well."""

NEGATIVES = (100, 400)
"""Photographic negatives that search: a tenth of the photographs within this range. With `CANDIDATES` pairs
each, and none of them taken for a copy, 100 bound the rate of false matches by 0.0076, 400 by 0.0019."""


@dataclass(frozen=True, eq=False)
class Detection:
    """Pairs of copies, best evidence a pair, sorted by (first, second), and the line they passed.

    `parted` are pairs that are one picture but for a part.
    """

    copies: tuple[Pair, ...]
    threshold: Threshold
    compared: int
    parted: tuple[Pair, ...] = ()


def detect(
    photographs: Sequence[Photograph],
    *,
    seed: int,
    workers: int,
    progress: Progress | None = None,
    compared: Compared | None = None,
    search: OpenSearcher = open_searcher,
    made: Made = made_vocabulary,
) -> Detection:
    """All copies among N photographs without comparing all pairs.

    `progress` is called with the steps done and their number: one a photograph whose candidates are settled,
    and one more for each tiny one. The result depends on `seed` and the names in `compared` (else the
    numbers), not on `workers`, nor on what was compared earlier, nor on where `search` does it.
    """
    compared = compared or Compared(list(map(str, range(len(photographs)))))
    drawn = draw(compared.names, int(np.clip(len(photographs) // 10, *NEGATIVES)), seed)
    negatives = [_negative(described(photographs[k])) for k in drawn]
    names = [*compared.names, *(f"negative of {compared.names[k]}" for k in drawn)]
    tiny = [k for k, one in enumerate(photographs) if one.side <= TINY_PX and one.enlarged > 1]
    n = len(photographs)

    def settled(done: int) -> None:
        if progress:
            progress(done, n + len(tiny))

    with one_thread_a_worker(), search(photographs, negatives, seed, workers, made) as searcher:
        look_at = partial(compared.pairs_of, names=names, compare=searcher.compare)
        hashed = _verify_hashes(photographs, look_at)
        worded = _verify_words(searcher, look_at, settled)
        null = [-1.0 if pair is None else pair.score for pair in look_at(searcher.candidates_of_negatives())]
    here = min(workers, os.cpu_count() or 1)  # however many tasks a cluster runs
    with one_thread_a_worker():
        alike, lines = find_tiny_copies(photographs, tiny, seed, here, lambda done: settled(n + done))
    best: dict[tuple[int, int], Pair] = {}
    for pair in (*hashed, *worded):
        known = best.get((pair.first, pair.second))
        if known is None or pair.score > known.score:
            best[pair.first, pair.second] = pair
    scores = np.array([pair.score for pair in best.values()])
    threshold = find_threshold(scores, np.array(null))
    copies = {(pair.first, pair.second): pair for pair in alike}
    copies |= {key: pair for key, pair in best.items() if pair.score >= threshold.score}
    ordered = tuple(copies[key] for key in sorted(copies))
    parted = (best[key] for key in sorted(best) if key not in copies and differs_in_part(best[key].evidence))
    return Detection(ordered, join_thresholds([threshold, *lines]), len(best), tuple(parted))


def _verify_hashes(photographs: Sequence[Photograph], look_at: LookAt) -> list[Pair]:
    if len(photographs) < 2:
        return []
    near = near_hashes(np.stack([one.hashes for one in photographs]))
    return list(filter(None, look_at([Turned(*found) for found in near])))


def _verify_words(searcher: Searcher, look_at: LookAt, settled: Callable[[int], None]) -> list[Pair]:
    """Pairs of the short lists; `settled` is called with the number of photographs done."""
    pairs: list[Pair] = []
    seen: set[Candidate] = set()
    for done, chunk in searcher.candidates():
        fresh = [candidate for candidate in chunk if candidate not in seen]
        seen.update(fresh)
        pairs += filter(None, look_at(fresh))
        settled(done)
    return pairs


def _negative(photograph: Photograph) -> Photograph:
    features = Features(photograph.features.points, negative(photograph.features.descriptors))
    return Photograph(255 - photograph.grey, photograph.enlarged, photograph.hashes, features)
