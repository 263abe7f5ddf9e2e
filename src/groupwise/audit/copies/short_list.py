"""The short list: for each photograph those whose local features are most like its own, and a few more.

Sivic and Zisserman, "Video Google", ICCV 2003, with the matches of `index.py` for common words.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from groupwise.audit.copies.features import Features, mirrored
from groupwise.audit.copies.hough import insets
from groupwise.audit.copies.index import Index, IntArray, Matches, match, owners, stacked
from groupwise.audit.copies.verify import Candidate

CANDIDATES = 12
"""Candidates kept a photograph, in plain and mirrored reading together."""

CHUNK = 128
"""Photographs that query at once: what bounds the memory."""


class Proposal(NamedTuple):
    """A photograph of an index that is proposed to a query: mirrored, or as lying inside it, and how much."""

    query: int
    other: int
    mirrored: bool
    inset: bool
    value: float


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
    descriptors, owner = stacked(chunk), owners(chunk)
    both = match(index, descriptors), match(index, mirrored(descriptors))
    scores = np.stack([_scores(index, one, owner, len(chunk)) for one in both])
    inside = own >= 0
    scores[:, inside, own[inside]] = 0
    whole = [Proposal(query, *one) for query in range(len(chunk)) for one in _best(scores[:, query])]
    points = np.concatenate([one.points for one in chunk])
    within = insets(index, both[0], owner, points, own)
    return [*whole, *(Proposal(query, other, False, True, votes) for query, other, votes in within)]


def _scores(index: Index, found: Matches, owner: IntArray, queries: int) -> npt.NDArray[np.float64]:
    """How much each of Q `queries`, whose features `owner` tells, shares with each photograph, (Q, N)."""
    n = index.size
    pair = owner[found.row] * n + index.photograph[found.posting]
    sums = np.bincount(pair, found.weight, minlength=queries * n).reshape(queries, n)
    return np.asarray(sums / index.length)


def _best(scores: npt.NDArray[np.float64]) -> list[tuple[int, bool, bool, float]]:
    """The photographs of the `CANDIDATES` highest scores (2, N), plain and mirrored, that are not 0."""
    values = scores.ravel()
    keep = np.flatnonzero(values)
    if len(keep) > CANDIDATES:
        keep = keep[values[keep] >= np.partition(values[keep], -CANDIDATES)[-CANDIDATES]]
    mirror, number = np.divmod(keep, scores.shape[1])
    # Ties are broken by number.
    order = np.lexsort((mirror, number, -values[keep]))[:CANDIDATES]
    return [(int(number[k]), bool(mirror[k]), False, float(values[keep[k]])) for k in order]
