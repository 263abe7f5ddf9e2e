"""The short list: for each photograph those whose local features are most like its own, and a few more.

Sivic and Zisserman, "Video Google", ICCV 2003, with the matches of `index.py` for common words; of those that
share most the ones whose matches agree (`agreement.py`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from groupwise.audit.copies.agreement import agreeing_votes
from groupwise.audit.copies.features import Features, mirrored
from groupwise.audit.copies.hough import MOST, insets
from groupwise.audit.copies.index import Index, Matches, match, owners, stacked
from groupwise.audit.copies.verify import Candidate
from groupwise.stats.arrays import Floats, Ints

CANDIDATES = 5
"""Candidates kept a photograph, in plain and mirrored reading together. Of planted copies as many are among
them as among the 12 that share most with it, and each costs a comparison (docs/log.md)."""

SHORTLISTED = 24
"""Photographs a query and reading that share most with it, of which it is asked how much of that agrees."""

CHUNK = 128
"""Photographs that query at once: what bounds the memory."""


Proposals = npt.NDArray[np.void]
"""Photographs of an index that are proposed to queries, one a row of `PROPOSAL`: mirrored, or inside them.

`value` is how much of what they share agrees on one map, `shared` how much that is in all.
"""

PROPOSAL = np.dtype(
    [
        *[("query", np.int64), ("other", np.int64), ("mirrored", bool), ("inset", bool)],
        *[("value", np.float64), ("shared", np.float64)],
    ]
)


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


def as_candidates(proposals: Proposals, start: int, *, symmetric: bool) -> list[Candidate]:
    """Each once, where the queries of the chunk are numbered from `start`."""
    pairs = [(start + query, other, mirrored) for query, other, mirrored, *_ in proposals.tolist()]
    if symmetric:
        pairs = [(min(query, other), max(query, other), mirrored) for query, other, mirrored in pairs]
    return [Candidate(*pair) for pair in dict.fromkeys(pairs)]


def propose(index: Index, chunk: Sequence[Features], own: Ints) -> Proposals:
    """What the index proposes to the queries of a chunk: to each the best first, then insets to each.

    `own` (Q,) is the number of each query in the index, or -1.
    """
    return select(shortlist(index, chunk, own))


def select(shortlisted: Proposals) -> Proposals:
    """Of what shares most with each query that of which most agrees, and of insets those of most votes."""
    # Ties are broken by number.
    one = shortlisted
    shared = one[np.lexsort((one["other"], -one["shared"], one["mirrored"], one["query"], one["inset"]))]
    one = shared[_ranks(shared, "inset", "query", "mirrored") < SHORTLISTED]
    agree = one[np.lexsort((one["mirrored"], one["other"], -one["value"], one["query"], one["inset"]))]
    return agree[_ranks(agree, "inset", "query") < np.where(agree["inset"], MOST, CANDIDATES)]


def _ranks(rows: Proposals, *names: str) -> Ints:
    """Where each row stands among those, one after another, that are alike in the columns `names`."""
    differ = [rows[name][1:] != rows[name][:-1] for name in names]
    begins = np.append(True, np.any(differ, axis=0))[: len(rows)]
    ranks: Ints = np.arange(len(rows)) - np.flatnonzero(begins)[np.cumsum(begins) - 1]
    return ranks


def shortlist(index: Index, chunk: Sequence[Features], own: Ints) -> Proposals:
    """What shares most with each query in either reading, and insets; `own` as of `propose`."""
    descriptors, owner = stacked(chunk), owners(chunk)
    points = np.concatenate([one.points for one in chunk])
    plain, inside = match(index, descriptors), own >= 0
    query, other, votes = insets(index, plain, owner, points, own)
    found = [_rows(query, other, False, True, votes, votes)]
    for reading, matches in enumerate((plain, match(index, mirrored(descriptors)))):
        met = owner[matches.row] * index.size + index.photograph[matches.posting]
        scores = _scores(index, matches, met, len(chunk))
        scores[inside, own[inside]] = 0
        pairs = np.concatenate([_most(one) + query * index.size for query, one in enumerate(scores)])
        votes = agreeing_votes(index, matches, met, points, pairs, mirrored=bool(reading))
        query, other = np.divmod(pairs, index.size)
        found.append(_rows(query, other, reading, False, votes / index.length[other], scores.ravel()[pairs]))
    return np.concatenate(found)


def _rows(*columns: npt.ArrayLike) -> Proposals:
    """Columns of `PROPOSAL`, the first an array, as rows."""
    rows = np.empty(np.shape(columns[0]), PROPOSAL)
    for name, column in zip(PROPOSAL.fields or (), columns, strict=True):
        rows[name] = column
    return rows


def _scores(index: Index, found: Matches, met: Ints, queries: int) -> Floats:
    """How much each of Q `queries` shares with each photograph, (Q, N); `met` is the pair of each match."""
    n = index.size
    sums = np.bincount(met, found.weight, minlength=queries * n).reshape(queries, n)
    return np.asarray(sums / index.length)


def _most(scores: Floats) -> Ints:
    """The photographs of the `SHORTLISTED` highest scores (N,) that are not 0."""
    keep = np.flatnonzero(scores)
    if len(keep) > SHORTLISTED:
        keep = keep[scores[keep] >= np.partition(scores[keep], -SHORTLISTED)[-SHORTLISTED]]
    return np.asarray(keep[np.argsort(-scores[keep], kind="stable")][:SHORTLISTED])
