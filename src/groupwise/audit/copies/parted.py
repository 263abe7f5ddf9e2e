"""An index in parts, each of some of the photographs: together they propose what one index of all would.

What a photograph shares with a query is a sum over its own features alone, with weights that count the
photographs of all parts. So each part makes its short list, and the best of those are the best of all, to the
last bit. Parts by visual word would send every match between machines in place of 24 proposals a reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from groupwise.audit.copies.features import Features
from groupwise.audit.copies.index import Index, Said
from groupwise.audit.copies.short_list import Proposals, select, shortlist
from groupwise.stats.arrays import Ints


def join_said(parts: Sequence[Said]) -> Said:
    """The features of consecutive photographs as those of one part, numbered from 0."""
    before = np.cumsum([0, *(len(one.count) for one in parts)])
    return Said(
        np.concatenate([one.photograph + shift for one, shift in zip(parts, before, strict=False)]),
        np.concatenate([one.points for one in parts]),
        np.concatenate([one.words for one in parts]),
        np.concatenate([one.signs for one in parts]),
        np.concatenate([one.count for one in parts]),
    )


def propose_of_part(index: Index, begin: int, chunk: Sequence[Features], own: Ints) -> Proposals:
    """As `shortlist` by an index of the photographs from number `begin` on, in numbers of the whole."""
    within = own - begin
    here = np.where((own >= 0) & (within >= 0) & (within < index.size), within, -1)
    found = shortlist(index, chunk, here)
    found["other"] += begin
    return found


def merge_proposals(parts: Iterable[Proposals]) -> Proposals:
    """The best of what all parts propose to the queries of a chunk, in the order of one index."""
    return select(np.concatenate(list(parts)))
