"""The short list: for each photograph those whose local features are most like its own, and a few more.

Sivic and Zisserman, "Video Google", ICCV 2003, with the matches of `index.py` for common words; of those that
share most the ones whose matches agree (`agreement.py`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby, islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from groupwise.audit.copies.agreement import agreeing_votes
from groupwise.audit.copies.features import Features, mirrored
from groupwise.audit.copies.hough import MOST, insets
from groupwise.audit.copies.index import Index, IntArray, Matches, match, owners, stacked
from groupwise.audit.copies.verify import Candidate

CANDIDATES = 5
"""Candidates kept a photograph, in plain and mirrored reading together. Of planted copies as many are among
them as among the 12 that share most with it, and each costs a comparison (docs/log.md)."""

SHORTLISTED = 24
"""Photographs a query and reading that share most with it, of which it is asked how much of that agrees."""

CHUNK = 128
"""Photographs that query at once: what bounds the memory."""


class Proposal(NamedTuple):
    """A photograph of an index that is proposed to a query: mirrored, or as lying inside it.

    `value` is how much of what they share agrees on one map, `shared` how much that is in all.
    """

    query: int
    other: int
    mirrored: bool
    inset: bool
    value: float
    shared: float


def short_list(
    index: Index, pool: ThreadPoolExecutor, queries: Sequence[Features], *, symmetric: bool = True
) -> Iterator[tuple[int, list[Candidate]]]:
    """The number of queries done and the candidates of the latest chunk: `CANDIDATES` a query, and insets.

    If `symmetric` the `queries` are the photographs of the index, `first` < `second`, and none meets itself.
    Otherwise `first` is the number of the query and `second` that of the photograph. The next chunk is
    sought in the `pool` while the caller compares the latest.
    """

    def search(start: int) -> list[Candidate]:
        chunk = queries[start : start + CHUNK]
        own = np.arange(start, start + len(chunk)) if symmetric else np.full(len(chunk), -1)
        return as_candidates(propose(index, chunk, own), start, symmetric=symmetric)

    starts = range(0, len(queries), CHUNK)
    upcoming = deque(pool.submit(search, start) for start in starts[:1])
    for start in starts:
        upcoming += [pool.submit(search, after) for after in starts if after == start + CHUNK]
        yield min(start + CHUNK, len(queries)), upcoming.popleft().result()


def as_candidates(proposals: Iterable[Proposal], start: int, *, symmetric: bool) -> list[Candidate]:
    """Each once, where the queries of the chunk are numbered from `start`."""
    pairs = [(start + one.query, one.other, one.mirrored) for one in proposals]
    if symmetric:
        pairs = [(min(query, other), max(query, other), mirrored) for query, other, mirrored in pairs]
    return [Candidate(*pair) for pair in dict.fromkeys(pairs)]


def propose(index: Index, chunk: Sequence[Features], own: IntArray) -> list[Proposal]:
    """What the index proposes to the queries of a chunk: to each the best first, then insets to each.

    `own` (Q,) is the number of each query in the index, or -1.
    """
    return select(shortlist(index, chunk, own))


def select(shortlisted: Iterable[Proposal]) -> list[Proposal]:
    """Of what shares most with each query that of which most agrees, and of insets those of most votes."""
    # Ties are broken by number.
    shared = sorted(shortlisted, key=lambda one: (*_reading(one), -one.shared, one.other))
    most = [one for _, own in groupby(shared, _reading) for one in islice(own, SHORTLISTED)]
    agree = sorted(most, key=lambda one: (*_kind(one), -one.value, one.other, one.mirrored))
    return [
        one for kind, own in groupby(agree, _kind) for one in islice(own, MOST if kind[0] else CANDIDATES)
    ]


def _kind(one: Proposal) -> tuple[bool, int]:
    return one.inset, one.query


def _reading(one: Proposal) -> tuple[bool, int, bool]:
    return one.inset, one.query, one.mirrored


def shortlist(index: Index, chunk: Sequence[Features], own: IntArray) -> list[Proposal]:
    """What shares most with each query in either reading, and insets; `own` as of `propose`."""
    descriptors, owner = stacked(chunk), owners(chunk)
    points = np.concatenate([one.points for one in chunk])
    plain, inside = match(index, descriptors), own >= 0
    found: list[Proposal] = []
    for reading, matches in enumerate((plain, match(index, mirrored(descriptors)))):
        met = owner[matches.row] * index.size + index.photograph[matches.posting]
        scores = _scores(index, matches, met, len(chunk))
        scores[inside, own[inside]] = 0
        pairs = np.concatenate([_most(one) + query * index.size for query, one in enumerate(scores)])
        votes = agreeing_votes(index, matches, met, points, pairs, mirrored=bool(reading))
        query, other = np.divmod(pairs, index.size)
        values = votes / index.length[other]
        found += [
            Proposal(int(q), int(o), bool(reading), False, float(value), float(shared))
            for q, o, value, shared in zip(query, other, values, scores.ravel()[pairs], strict=True)
        ]
    within = insets(index, plain, owner, points, own)
    return [*found, *(Proposal(query, other, False, True, votes, votes) for query, other, votes in within)]


def _scores(index: Index, found: Matches, met: IntArray, queries: int) -> npt.NDArray[np.float64]:
    """How much each of Q `queries` shares with each photograph, (Q, N); `met` is the pair of each match."""
    n = index.size
    sums = np.bincount(met, found.weight, minlength=queries * n).reshape(queries, n)
    return np.asarray(sums / index.length)


def _most(scores: npt.NDArray[np.float64]) -> IntArray:
    """The photographs of the `SHORTLISTED` highest scores (N,) that are not 0."""
    keep = np.flatnonzero(scores)
    if len(keep) > SHORTLISTED:
        keep = keep[scores[keep] >= np.partition(scores[keep], -SHORTLISTED)[-SHORTLISTED]]
    return np.asarray(keep[np.argsort(-scores[keep], kind="stable")][:SHORTLISTED])
