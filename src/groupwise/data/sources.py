"""Sources: samples joined by a group or a cluster, the units that no split may cut."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import gammaln

from groupwise.stats.arrays import Ints


def find_sources(*keys: Sequence[Hashable]) -> Ints:
    """Number the connected components of samples that share a value in any of `keys`.

    Each of `keys` has one value a sample; an empty string or None means "shared with nobody". Returns one
    source number a sample, (N,), counted from 0 in order of first appearance.
    """
    n = len(keys[0])
    if any(len(key) != n for key in keys):
        raise ValueError(f"keys differ in length: {[len(key) for key in keys]}")
    first_seen: dict[tuple[int, Hashable], int] = {}
    # One edge from each sample to the first that showed the same value keeps the graph linear in N.
    edges = [
        (i, first_seen.setdefault((number, value), i))
        for number, key in enumerate(keys)
        for i, value in enumerate(key)
        if value not in ("", None)
    ]
    return number_components(n, edges)


def number_components(n: int, edges: Iterable[tuple[int, int]]) -> Ints:
    """Number the connected components of the graph with `n` vertices and undirected `edges`.

    Returns one number a vertex, (n,), counted from 0 in order of first appearance.
    """
    rows, columns = np.array(list(edges), dtype=np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(n, n))
    _, component = connected_components(graph, directed=False)
    _, first, number = np.unique(component, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[number].astype(np.int64)


def expected_sibling_share(sources: Ints, n_train: int) -> float:
    """Expected share of the images outside training that have a sibling in it, under a random split; exact.

    `sources` (N,) numbers the source of each image, and `n_train` below N of them are drawn for training. An
    image outside has m - 1 siblings among the N - 1 others, so it has none in training with the
    hypergeometric probability C(N - m, n_train) / C(N - 1, n_train). Every image is as likely to be outside,
    so the share is the mean over all images.
    """
    _, number, sizes = np.unique(sources, return_inverse=True, return_counts=True)
    others, rest = len(sources) - 1, len(sources) - sizes  # all others, and those of other sources
    drawn = np.minimum(n_train, rest)
    # By logarithms and without scipy.stats, which takes half a second of the processor to load.
    all_of = gammaln(rest + 1) - gammaln(others + 1)
    left_of = gammaln(others - n_train + 1) - gammaln(rest - drawn + 1)
    alone = np.where(n_train <= rest, np.exp(all_of + left_of), 0.0)
    return float(1 - alone[number].mean())
