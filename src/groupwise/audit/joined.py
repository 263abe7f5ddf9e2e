"""Joined files: what belongs together after a search, and which of it is one photograph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from groupwise.audit.copies.clusters import cluster_ids, drop_bridges
from groupwise.audit.copies.detect import Detection
from groupwise.audit.copies.insets import Inset, find_insets
from groupwise.audit.copies.verify import Pair
from groupwise.audit.measure import Measured
from groupwise.stats.arrays import Ints

MOST_OF_ONE = 8
"""Photographs that are one but for a part: somebody pastes a few things into a photograph, and a camera that
stands still takes hundreds, of which each may show another thing."""


@dataclass(frozen=True, eq=False)
class Joined:
    """Numbers of what belongs together (N,) and of photographs (N,), and the pairs behind them, by sample.

    A picture that shows another inside belongs to it and is another photograph: `insets` are such pairs. So
    does one that is another but for a part: `parted`. `pairs` are the rest. `bridges` were left out, and so
    were `crowded`, pairs that are one but for a part within sets of more than `MOST_OF_ONE`.
    """

    clusters: Ints
    photographs: Ints
    pairs: tuple[Pair, ...]
    insets: tuple[Inset, ...]
    bridges: tuple[Pair, ...]
    parted: tuple[Pair, ...]
    crowded: tuple[Pair, ...]

    @property
    def passed(self) -> list[tuple[int, int]]:
        """The samples of all pairs that pass for copies, whether they join or not."""
        return [(pair.first, pair.second) for pair in (*self.pairs, *self.bridges)]


def join(
    measured: Sequence[Measured],
    kept: Sequence[int],
    exact: Sequence[tuple[int, int]],
    detection: Detection,
) -> Joined:
    """Join N samples by the pairs of equal files, `exact`, and those that `detection` found among `kept`."""
    found = _by_sample(detection.copies, kept)
    edges = [(pair.first, pair.second) for pair in found]
    trusted, bridges = drop_bridges(len(measured), edges, [pair.score for pair in found])
    crossed = set(bridges)
    bound = [pair for pair, edge in zip(found, edges, strict=True) if edge not in crossed]
    looked_at = {i for pair in bound for i in (pair.first, pair.second)}
    insets = find_insets(bound, {i: measured[i].photograph.grey for i in looked_at})
    shown = {(one.pair.first, one.pair.second) for one in insets}
    apart = [edge for edge in trusted if edge not in shown]
    clusters = cluster_ids(len(measured), [*exact, *trusted])
    parted, crowded = _part(clusters, _by_sample(detection.parted, kept))
    drawn_in = [(pair.first, pair.second) for pair in parted]
    return Joined(
        cluster_ids(len(measured), [*exact, *trusted, *drawn_in]),
        cluster_ids(len(measured), [*exact, *apart]),
        tuple(pair for pair in bound if (pair.first, pair.second) not in shown),
        tuple(insets),
        tuple(pair for pair, edge in zip(found, edges, strict=True) if edge in crossed),
        parted,
        crowded,
    )


def _by_sample(pairs: Sequence[Pair], kept: Sequence[int]) -> list[Pair]:
    """Pairs of photographs as pairs of samples, those with a planted copy left out."""
    own = (pair for pair in pairs if pair.second < len(kept))
    return [replace(pair, first=kept[pair.first], second=kept[pair.second]) for pair in own]


def _part(clusters: Ints, pairs: Sequence[Pair]) -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
    """Of pairs that are one but for a part those that join few of the `clusters` (N,), and the others."""
    between = [pair for pair in pairs if clusters[pair.first] != clusters[pair.second]]
    ends = [(int(clusters[pair.first]), int(clusters[pair.second])) for pair in between]
    sets = cluster_ids(int(clusters.max(initial=-1)) + 1, ends)
    size = np.bincount(sets)[sets]
    parted = tuple(pair for pair in between if size[clusters[pair.first]] <= MOST_OF_ONE)
    crowded = tuple(pair for pair in between if size[clusters[pair.first]] > MOST_OF_ONE)
    return parted, crowded
