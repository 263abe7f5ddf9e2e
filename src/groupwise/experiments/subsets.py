"""Parts of the training sources of a split, each within every larger one, and what they really hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from groupwise.data.split import EXCLUDED, Split
from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.label_rule import Members

FRACTIONS = (1 / 8, 1 / 4, 1 / 2, 1.0)  # of the training sources


@dataclass(frozen=True)
class Part:
    """A part of the training sources: the `fraction` asked for, and what it holds, on average over seeds.

    `share` is that of the training images.
    """

    fraction: float
    sources: float
    images: float
    share: float


def parts_of(split: Split, seeds: Sequence[int]) -> list[Part]:
    """The parts of FRACTIONS, smallest first and all of it last.

    Every class keeps a source, so that of many or small classes an eighth may be a third; of parts that come
    to the same number of sources the one asked for as the largest stays.
    """
    orders = [_order(split, seed) for seed in seeds]
    sizes = np.bincount(orders[0].number)
    parts: dict[int, Part] = {}
    for fraction in FRACTIONS:
        kept = [order.place <= fraction for order in orders]
        sources = float(np.mean([of.sum() for of in kept]))
        images = float(np.mean([sizes[of].sum() for of in kept]))
        parts[round(sources)] = Part(fraction, sources, images, images / sizes.sum())
    return list(parts.values())


@dataclass(frozen=True, eq=False)
class _Order:
    """Training rows (N,), the number of the source of each, and the least part that keeps a source (S,)."""

    rows: Ints
    number: Ints
    place: Floats


def subset(split: Split, size: float, *, seed: int) -> Split:
    """The split with a fraction `size` of its training sources, in every class about as large a one.

    Of one seed a smaller subset lies within every larger one, and every class keeps a source at least. A
    source of several labels counts for the rarest of them.
    """
    order = _order(split, seed)
    rows = list(split.rows)
    for i in order.rows[(order.place > size)[order.number]].tolist():
        rows[i] = rows[i]._replace(fold=EXCLUDED)
    return Split(tuple(rows))


def _order(split: Split, seed: int) -> _Order:
    rng = np.random.default_rng(seed)
    train = split.indices("train")
    sources, first, number = np.unique(split.sources[train], return_index=True, return_inverse=True)
    has = _labels_of_sources(split, train, number, first)
    rarest = np.where(has, has.sum(axis=0), np.inf).argmin(axis=1)
    place = np.empty(len(sources))
    for k in np.unique(rarest):
        members = rng.permutation(np.flatnonzero(rarest == k))
        place[members] = (np.arange(len(members)) + rng.random()) / len(members)
        place[members[0]] = 0.0
    for k in np.flatnonzero(has.any(axis=0)):
        place[np.where(has[:, k], place, np.inf).argmin()] = 0.0
    return _Order(train, number, place)


def _labels_of_sources(split: Split, train: Ints, number: Ints, first: Ints) -> Members:
    """Which labels each source of the rows `train` has, (S, K); of classes that of its first image."""
    members = split.targets.members[train].astype(bool)
    if not split.several:
        return members[first]
    has = np.zeros((len(first), members.shape[1]), dtype=bool)
    np.logical_or.at(has, number, members)
    return has
