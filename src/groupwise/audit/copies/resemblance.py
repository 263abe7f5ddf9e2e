"""Whether copies can be told at all: not where nearly all pictures show the same part, print or form.

Under a fixed camera two pictures of one kind of part agree like two copies of one photograph, and differ in
a scratch that is smaller than what a copy may lose. No pair gives that away, but the whole does: nobody
collects a data set of a handful of photographs, or of photographs that for the most part stand under several
labels. And copies of one photograph are copies of one another, while pictures that resemble one another form
chains: the first is like the second, the second like the third, and the first not like the third.
Of drawings in a few strokes less is asked, for they hold little that could differ: a d turned is a q.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from groupwise.stats.arrays import Ints

LEAST_IMAGES = 20
"""Fewer images may well be copies of a handful of photographs."""

FEWEST_PHOTOGRAPHS = 4.0
FEWEST_IN_A_CLASS = 3.0
"""Photographs of equal size, in all and in most classes; fewer cannot be divided into folds."""

LEAST_OF_A_CLASS = 10
"""Images; smaller classes say nothing of whether a class can be photographed in several ways."""

MOST_CONFLICTS = 1 / 3
"""Share of images whose photograph stands under several labels, above which it is not the labels that err."""

CHAINED_CONFLICTS, CHAINED_PAIRS = 1 / 50, 1 / 200
"""The same where the pairs form chains, and the share of pairs that join two labels: chains under one label
may be the frames of a film, and one pair may put two whole films in conflict. Of the pairs of characters and
things cut out 1.7 to 71 % join two labels, of the frames of traffic signs one of 2,799."""

LEAST_TRANSITIVITY = 0.6
"""Of copies 0.94 to 1.0 was measured, of parts under a fixed camera 0.7 and 0.8, of stretches of steel that
overlap 0.59, of printed characters 0.3 and 0.45, of 15,000 written ones 0.12."""

SCATTERED, SCATTERED_CONFLICTS = 0.25, 1 / 100
"""Pairs less transitive than this are as scattered as chance would have them; then so many of them that join
two labels are enough, since in large sets most look-alikes are of one class."""

DRAWN, DRAWN_WITHIN = 0.8, 4
"""Share of a picture within so many grey values of its commonest, from which it is a drawing on plain ground:
of handwritten letters 0.88 to 0.96, of photographs 0.1 to 0.6, on white ground as well."""

DRAWN_CONFLICTS, FEWEST_CONFLICTS = 1 / 10, 3
"""Share and number of pairs that join two labels, from which drawings only resemble one another."""

LOOKED_AT = 200
"""Pictures, spread over all, that say whether most are drawings; more would say it no better."""

LEAST_WEDGES = 100
"""Pairs of pairs with a common image; fewer say nothing of chains."""


def pictures_resemble(
    clusters: Ints,
    labels: Sequence[str],
    pairs: Sequence[tuple[int, int]] = (),
    *,
    drawn: bool = False,
) -> bool:
    """Whether the clusters (N,) of images with `labels` (N) join pictures that only resemble one another.

    `pairs` are those of two images that were taken for copies; `drawn` says that most are drawings.
    """
    if len(clusters) < LEAST_IMAGES:
        return False
    names = np.asarray(labels)
    large = [
        name for name, n in zip(*np.unique(names, return_counts=True), strict=True) if n >= LEAST_OF_A_CLASS
    ]
    thin = [name for name in large if _effective(clusters[names == name]) < FEWEST_IN_A_CLASS]
    conflicting = _conflicting(clusters, labels)
    disagreeing = _disagreeing(clusters, names, pairs)
    chained = conflicting > CHAINED_CONFLICTS and disagreeing > CHAINED_PAIRS
    scattered = disagreeing > SCATTERED_CONFLICTS
    transitivity = _transitivity(len(clusters), pairs) if chained or scattered else 1.0
    return bool(
        _effective(clusters) < FEWEST_PHOTOGRAPHS
        or len(thin) > len(large) / 2
        or conflicting > MOST_CONFLICTS
        or (chained and transitivity < LEAST_TRANSITIVITY)
        or (scattered and transitivity < SCATTERED)
        or (drawn and disagreeing >= max(DRAWN_CONFLICTS, FEWEST_CONFLICTS / max(len(pairs), 1)))
    )


def mostly_drawn(greys: Sequence[npt.NDArray[np.uint8]]) -> bool:
    """Whether most pictures (h, w) are drawings on plain ground, by some hundred of them."""
    some = [greys[k] for k in np.linspace(0, len(greys) - 1, min(LOOKED_AT, len(greys))).astype(int)]
    return bool(some) and float(np.median([_plain_share(grey) for grey in some])) >= DRAWN


def _plain_share(grey: npt.NDArray[np.uint8]) -> float:
    counts = np.bincount(grey.ravel(), minlength=256)
    commonest = int(counts.argmax())
    around = counts[max(0, commonest - DRAWN_WITHIN) : commonest + DRAWN_WITHIN + 1]
    return float(around.sum() / grey.size)


def _effective(clusters: Ints) -> float:
    """How many photographs of equal size would be as many as these, of unequal ones."""
    sizes = np.unique(clusters, return_counts=True)[1]
    return float(1 / ((sizes / sizes.sum()) ** 2).sum())


def _conflicting(clusters: Ints, labels: Sequence[str]) -> float:
    """The share of images in clusters of several labels."""
    _, numbers = np.unique(np.asarray(labels), return_inverse=True)
    pairs = np.unique(np.column_stack([clusters, numbers]), axis=0)
    kinds = np.bincount(pairs[:, 0], minlength=int(clusters.max()) + 1)
    return float((kinds[clusters] > 1).mean())


def _disagreeing(clusters: Ints, names: npt.NDArray[np.str_], pairs: Sequence[tuple[int, int]]) -> float:
    """The share of pairs that join two of the labels `names` (N,) in one cluster; bridges join nothing."""
    if not pairs:
        return 0.0
    first, second = np.array(pairs).T
    return float(((names[first] != names[second]) & (clusters[first] == clusters[second])).mean())


def _transitivity(n: int, pairs: Sequence[tuple[int, int]]) -> float:
    """The share of pairs of pairs with a common image whose other two are a pair as well; 1 for too few.

    Newman, Watts and Strogatz 2002 (doi 10.1073/pnas.012582999).
    """
    if not pairs:
        return 1.0
    first, second = np.array(sorted({(min(pair), max(pair)) for pair in pairs})).T
    joined = csr_matrix((np.ones(len(first)), (first, second)), shape=(n, n))
    joined = joined + joined.T
    degrees = np.asarray(joined.sum(axis=1)).ravel()
    wedges = float((degrees * (degrees - 1)).sum())  # each from either end
    closed = float(joined.multiply(joined @ joined).sum())
    return closed / wedges if wedges >= 2 * LEAST_WEDGES else 1.0
