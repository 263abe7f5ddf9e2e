"""Joined files: what belongs together after a search, and which of it is one photograph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from groupwise.audit.copies.clusters import cluster_ids, drop_bridges
from groupwise.audit.copies.detect import Detection
from groupwise.audit.copies.insets import Inset, find_insets
from groupwise.audit.copies.verify import Pair
from groupwise.audit.measure import Measured


@dataclass(frozen=True, eq=False)
class Joined:
    """Numbers of what belongs together (N,) and of photographs (N,), and the pairs behind them, by sample.

    A picture that shows another inside belongs to it and is another photograph: `insets` are such pairs,
    `pairs` the rest. `bridges` were left out: they are in neither.
    """

    clusters: npt.NDArray[np.int64]
    photographs: npt.NDArray[np.int64]
    pairs: tuple[Pair, ...]
    insets: tuple[Inset, ...]
    bridges: tuple[Pair, ...]

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
    found = [
        replace(pair, first=kept[pair.first], second=kept[pair.second])
        for pair in detection.copies
        if pair.second < len(kept)
    ]
    edges = [(pair.first, pair.second) for pair in found]
    trusted, bridges = drop_bridges(len(measured), edges, [pair.score for pair in found])
    crossed = set(bridges)
    bound = [pair for pair, edge in zip(found, edges, strict=True) if edge not in crossed]
    looked_at = {i for pair in bound for i in (pair.first, pair.second)}
    insets = find_insets(bound, {i: measured[i].photograph.grey for i in looked_at})
    shown = {(one.pair.first, one.pair.second) for one in insets}
    apart = [edge for edge in trusted if edge not in shown]
    return Joined(
        cluster_ids(len(measured), [*exact, *trusted]),
        cluster_ids(len(measured), [*exact, *apart]),
        tuple(pair for pair in bound if (pair.first, pair.second) not in shown),
        tuple(insets),
        tuple(pair for pair, edge in zip(found, edges, strict=True) if edge in crossed),
    )
