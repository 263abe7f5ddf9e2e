"""The short list: for each photograph those whose local features are most like its own, and a few more.

Sivic and Zisserman, "Video Google", ICCV 2003, with the matches of `index.py` for common words.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from groupwise.audit.copies.features import Features, mirrored
from groupwise.audit.copies.hough import insets
from groupwise.audit.copies.index import Index, IntArray, Matches, match, owners, stacked
from groupwise.audit.copies.verify import Candidate

CANDIDATES = 12
"""Candidates kept a photograph, in plain and mirrored reading together."""

_CHUNK = 128  # photographs that query at once: what bounds the memory


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
        own = np.arange(start, start + len(chunk)) if queries is None else np.full(len(chunk), -1)
        return [
            _ordered(start + query, other, mirror, symmetric=queries is None)
            for query, other, mirror in _propose(index, chunk, own)
        ]

    starts = range(0, len(asked), _CHUNK)
    upcoming = deque(pool.submit(search, start) for start in starts[:1])
    for start in starts:
        upcoming += [pool.submit(search, after) for after in starts if after == start + _CHUNK]
        yield min(start + _CHUNK, len(asked)), list(dict.fromkeys(upcoming.popleft().result()))


def _ordered(query: int, other: int, mirror: bool, *, symmetric: bool) -> Candidate:
    if symmetric:
        return Candidate(min(query, other), max(query, other), mirror)
    return Candidate(query, other, mirror)


def _propose(index: Index, chunk: Sequence[Features], own: IntArray) -> Iterator[tuple[int, int, bool]]:
    """Queries, the photographs of the index proposed to each, and whether mirrored.

    `own` (Q,) is the number of each query in the index, or -1.
    """
    descriptors, owner = stacked(chunk), owners(chunk)
    both = match(index, descriptors), match(index, mirrored(descriptors))
    scores = np.stack([_scores(index, one, owner, len(chunk)) for one in both])
    inside = own >= 0
    scores[:, inside, own[inside]] = 0
    for query in range(len(chunk)):
        yield from ((query, other, mirror) for other, mirror in _best(scores[:, query]))
    points = np.concatenate([one.points for one in chunk])
    yield from ((query, other, False) for query, other in insets(index, both[0], owner, points, own))


def _scores(index: Index, found: Matches, owner: IntArray, queries: int) -> npt.NDArray[np.float64]:
    """How much each of Q `queries`, whose features `owner` tells, shares with each photograph, (Q, N)."""
    n = len(index.features)
    pair = owner[found.row] * n + index.photograph[found.posting]
    sums = np.bincount(pair, found.weight, minlength=queries * n).reshape(queries, n)
    return np.asarray(sums / index.length)


def _best(scores: npt.NDArray[np.float64]) -> list[tuple[int, bool]]:
    """The photographs of the `CANDIDATES` highest scores (2, N), plain and mirrored, that are not 0."""
    values = scores.ravel()
    keep = np.flatnonzero(values)
    if len(keep) > CANDIDATES:
        keep = keep[values[keep] >= np.partition(values[keep], -CANDIDATES)[-CANDIDATES]]
    mirror, number = np.divmod(keep, scores.shape[1])
    # Ties are broken by number.
    order = np.lexsort((mirror, number, -values[keep]))[:CANDIDATES]
    return [(int(number[k]), bool(mirror[k])) for k in order]
