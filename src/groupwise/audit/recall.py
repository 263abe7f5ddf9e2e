"""The recall of an audit: composed copies of its own photographs, mixed in, and how many are found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from groupwise.audit.copies.clusters import cluster_ids
from groupwise.audit.copies.compared import draw as draw_names
from groupwise.audit.copies.compositions import DEEPEST, compose
from groupwise.audit.copies.detect import Detection
from groupwise.audit.copies.verify import Photograph, reduce_photograph
from groupwise.audit.copies.workers import one_thread_a_worker
from groupwise.audit.measure import load_rgb
from groupwise.data.manifest import Manifest
from groupwise.files import sha256_bytes
from groupwise.stats.arrays import Pixels
from groupwise.stats.wilson import wilson_of_count

PLANTED = 240
"""Composed copies mixed in to measure the recall, never more than a fifth of the data set."""


@dataclass(frozen=True, eq=False)
class Planted:
    """Copies, their names, the numbers of the photographs that they were made of, and by how many operations.

    A name says all that decides the pixels, which `draw` makes anew by number.
    """

    photographs: tuple[Photograph, ...]
    names: tuple[str, ...]
    sources: tuple[int, ...]
    depths: tuple[int, ...]
    draw: Callable[[int], Pixels]


def plant(
    manifest: Manifest,
    kept: Sequence[int],
    names: Sequence[str],
    seed: int,
    workers: int,
    known: Mapping[str, Photograph],
) -> Planted:
    """Copies of some of the usable samples `kept`, which are called `names`, of depth 1 to `DEEPEST`.

    What is `known` by its name is not made again.
    """
    drawn = _draw_depths(names, min(PLANTED, len(kept) // 5), seed)
    called = [f"copy {seed} {depth} {names[place]}" for place, depth in drawn]

    def draw(number: int) -> Pixels:
        place, depth = drawn[number]
        rng = np.random.default_rng(int(sha256_bytes(called[number].encode())[:16], 16))
        return compose(load_rgb(manifest, kept[place]), depth, rng)

    def make(number: int) -> Photograph:
        name = called[number]
        return known[name] if name in known else reduce_photograph(draw(number))

    with one_thread_a_worker(), ThreadPoolExecutor(workers) as pool:
        made = tuple(pool.map(make, range(len(drawn))))
    places, depths = tuple(place for place, _ in drawn), tuple(depth for _, depth in drawn)
    return Planted(made, tuple(called), places, depths, draw)


def _draw_depths(names: Sequence[str], count: int, seed: int) -> list[tuple[int, int]]:
    """Places of names, each once, and a depth for each, the depths in turn; new names hardly change them."""
    orders = [iter(draw_names(names, len(names), seed * DEEPEST + depth)) for depth in range(DEEPEST)]
    taken: set[int] = set()
    drawn = []
    for number in range(count):
        place = next(place for place in orders[number % DEEPEST] if place not in taken)
        taken.add(place)
        drawn.append((place, 1 + number % DEEPEST))
    return drawn


def measure_recall(detection: Detection, planted: Planted, searched: int) -> dict[str, Any]:
    """How many of the planted, which follow the `searched` photographs, stand with their source; by depth."""
    edges = [(pair.first, pair.second) for pair in detection.copies]
    n = len(planted.sources)
    clusters = cluster_ids(searched + n, edges)
    found = [bool(clusters[source] == clusters[searched + k]) for k, source in enumerate(planted.sources)]
    by_depth = {
        depth: [hit for hit, own in zip(found, planted.depths, strict=True) if own == depth]
        for depth in sorted(set(planted.depths))
    }
    return {
        "planted": n,
        "planted_found": sum(found),
        "planted_recall": sum(found) / n if n else None,
        "planted_recall_interval": wilson_of_count(sum(found), n),
        "planted_by_depth": [
            {
                "operations": depth,
                "planted": len(own),
                "found": sum(own),
                "interval": wilson_of_count(sum(own), len(own)),
            }
            for depth, own in by_depth.items()
        ],
    }
