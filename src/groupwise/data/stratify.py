"""Stratified assignment of sources to folds; pure arrays in and out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from groupwise.stats.arrays import Floats, Ints, Mask

Labels = Ints | npt.NDArray[np.uint8]
"""Class numbers (N,), or 1 for each label of an image, (N, K)."""

UNASSIGNED = -1
PASSES = 20  # over the sources, of which few are needed until no move helps
NEAR_ENOUGH = 0.002  # of a label's images, from which on a share is met
LEAST_SIZE = 0.5  # of what a fold should hold, below which no exchange of sources may leave it


def assign_random(n: int, shares: Sequence[float], seed: int) -> Ints:
    """Cut a random permutation of n samples at the shares, as the tutorial's `random_split` does."""
    ends = np.floor(np.cumsum(shares) / sum(shares) * n + 1e-9).astype(np.int64)
    folds = np.searchsorted(ends, np.arange(n), side="right")
    return np.random.default_rng(seed).permutation(folds).astype(np.int64)


def assign_sources(
    labels: Labels,
    sources: Ints,
    shares: Sequence[float],
    seed: int,
    *,
    given: Ints | None = None,
) -> Ints:
    """Give every source one fold, so that each fold holds its share of each class as nearly as they allow.

    Args:
        labels: Class numbers from 0, (N,), or 1 for each label that a sample has, (N, K).
        sources: Any number a source, (N,).
        shares: Relative size of each fold, (F,).
        seed: Decides among sources of equal size.
        given: Fold of samples that must keep theirs, `UNASSIGNED` elsewhere, (N,).

    Returns the fold number of each sample, (N,). Sources go largest first to the fold where they add least
    to the chi-square distance between what the folds hold and what they should: a greedy form of the
    iterative stratification of Sechidis et al. 2011.
    """
    _, number = np.unique(sources, return_inverse=True)
    counts = _count(labels, number)
    target = np.outer(np.asarray(shares) / np.sum(shares), counts.sum(axis=0))  # (F, K)
    weight = 1 / np.maximum(target, np.finfo(float).tiny)  # an absent class adds nothing, times anything

    fold = np.full(len(counts), UNASSIGNED, dtype=np.int64)
    if given is not None:
        fold[number[given != UNASSIGNED]] = given[given != UNASSIGNED]
    free = np.flatnonzero(fold == UNASSIGNED)
    have = np.zeros_like(target)
    np.add.at(have, fold[fold != UNASSIGNED], counts[fold != UNASSIGNED])

    order = np.random.default_rng(seed).permutation(free)
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    for source in order:
        added = counts[source]
        cost = (added * (2 * (have - target) + added) * weight).sum(axis=1)  # (F,)
        fold[source] = cost.argmin()
        have[fold[source]] += added
    if labels.ndim == 2:
        _improve(counts, fold, free, target)
    _fill_missing_classes(counts, fold, free, target)
    return fold[number]


def _count(labels: Labels, number: Ints) -> Floats:
    """Samples of each class in each source, (S, K); of sets of labels also all samples and those without."""
    sources = number.max(initial=-1) + 1
    if labels.ndim == 1:
        counts = np.zeros((sources, labels.max(initial=-1) + 1))
        np.add.at(counts, (number, labels), 1)
        return counts
    columns = np.column_stack([labels, np.ones(len(labels)), labels.sum(axis=1) == 0]).astype(float)
    counts = np.zeros((sources, columns.shape[1]))
    np.add.at(counts, number, columns)
    return counts


def _improve(counts: Floats, fold: Ints, free: Ints, target: Floats) -> None:
    """Move sources, one at a time, so that labels' shares come nearer to their targets; changes `fold`.

    Sets of labels pull a source towards several folds at once, so that the order of the greedy pass matters.
    A source moves wherever fewer labels stand in a single source of a fold, which would leave them without an
    interval; else where the largest relative deviation of any label and fold becomes smaller; else the sum of
    the squares.
    """
    columns, scale = counts.shape[1], np.maximum(counts.sum(axis=0), 1)
    both = np.column_stack([counts, counts > 0])
    enough = both[:, columns:].sum(axis=0) >= 2 * len(target)
    have = np.zeros((len(target), both.shape[1]))
    np.add.at(have, fold, both)

    def cost(held: Floats) -> tuple[float, float, float]:
        off = np.abs(held[:, :columns] - target) / scale
        lone = (held[:, columns:] < 2)[:, enough].sum()
        return float(lone), float(off.max()), float((off**2).sum())

    best = cost(have)
    for _ in range(PASSES):
        before = best
        for source in free:
            for other in range(len(target)):
                if other == fold[source]:
                    continue
                moved = have.copy()
                moved[fold[source]] -= both[source]
                moved[other] += both[source]
                if (found := cost(moved)) < best:
                    best, fold[source], have = found, other, moved
            if best[:2] <= (0.0, NEAR_ENOUGH):
                return
        if best == before:
            return


def _fill_missing_classes(counts: Floats, fold: Ints, free: Ints, target: Floats) -> None:
    """Move the smallest source that can be spared into each fold that lacks a class, or exchange two that
    leave fewer folds without one; changes `fold`.
    """
    holds = counts > 0  # (S, K)
    for wanting in range(len(target)):
        for label in range(counts.shape[1]):
            if holds[fold == wanting, label].any():
                continue
            holders = [s for s in free.tolist() if holds[s, label]]
            donors = [s for s in holders if _spare(s, holds, fold)]
            if donors:
                fold[min(donors, key=lambda s: counts[s].sum())] = wanting
            else:
                _exchange(holders, wanting, counts, fold, free, target)


def _exchange(
    holders: Sequence[int], wanting: int, counts: Floats, fold: Ints, free: Ints, target: Floats
) -> None:
    """Exchange one of `holders` for a source of the fold `wanting`, if fewer folds then lack a class.

    It takes the pair that leaves the fewest lacking, and of several the one that leaves what the folds hold
    nearest to `target`; none that leaves a fold less than half as large as it should be.
    """
    have = np.zeros_like(target)
    np.add.at(have, fold, counts)
    others = free[fold[free] == wanting]
    found = []
    for source in holders:
        pair = [fold[source], wanting]
        moved = counts[others] - counts[source]
        after = have[pair] + np.stack([moved, -moved], axis=1)  # (T, 2, K)
        fewer = (have[pair] == 0).sum() - (after == 0).sum(axis=(1, 2))
        off = _distance(after, target[pair]) - _distance(have[pair], target[pair])
        fits = (after.sum(axis=2) >= LEAST_SIZE * target[pair].sum(axis=1)).all(axis=1)
        better = np.flatnonzero(fits & (fewer > 0)).tolist()
        found += [(-int(fewer[t]), float(off[t]), source, int(others[t])) for t in better]
    if found:
        _, _, source, other = min(found)
        fold[source], fold[other] = wanting, fold[source]


def _distance(have: Floats, target: Floats) -> Floats:
    """The chi-square distance between what folds hold and what they should, summed over both."""
    return np.asarray(((have - target) ** 2 / np.maximum(target, 1e-9)).sum(axis=(-2, -1)))


def _spare(source: int, holds: Mask, fold: Ints) -> bool:
    """Whether the fold of `source` keeps every class of that source without it."""
    siblings = holds[fold == fold[source]]
    return bool((siblings[:, holds[source]].sum(axis=0) > 1).all())
