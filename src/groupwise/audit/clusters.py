"""Turns pairs of samples that show one photograph into numbered clusters (connected components)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from groupwise.data.sources import number_components


def cluster_ids(n: int, edges: Iterable[tuple[int, int]]) -> npt.NDArray[np.int64]:
    """Cluster number of each of `n` samples, (n,), counted from 0 in order of first appearance.

    Samples joined by a chain of `edges` share a number; a sample without an edge has one of its own.
    """
    return number_components(n, edges)
