"""Whether copies can be told at all: not where nearly all pictures show the same part, print or form.

Under a fixed camera two pictures of one kind of part agree like two copies of one photograph, and differ in
a scratch that is smaller than what a copy may lose. No pair gives that away, but the whole does: nobody
collects a data set of a handful of photographs, or of photographs that for the most part stand under several
labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

LEAST_IMAGES = 20
"""Fewer images may well be copies of a handful of photographs."""

FEWEST_PHOTOGRAPHS = 4.0
FEWEST_IN_A_CLASS = 3.0
"""Photographs of equal size, in all and in most classes; fewer cannot be divided into folds."""

LEAST_OF_A_CLASS = 10
"""Images; smaller classes say nothing of whether a class can be photographed in several ways."""

MOST_CONFLICTS = 1 / 3
"""Share of images whose photograph stands under several labels, above which it is not the labels that err."""


def pictures_resemble(clusters: npt.NDArray[np.int64], labels: Sequence[str]) -> bool:
    """Whether the clusters (N,) of images with `labels` (N) join pictures that only resemble one another."""
    if len(clusters) < LEAST_IMAGES:
        return False
    names = np.asarray(labels)
    large = [
        name for name, n in zip(*np.unique(names, return_counts=True), strict=True) if n >= LEAST_OF_A_CLASS
    ]
    thin = [name for name in large if _effective(clusters[names == name]) < FEWEST_IN_A_CLASS]
    return bool(
        _effective(clusters) < FEWEST_PHOTOGRAPHS
        or len(thin) > len(large) / 2
        or _conflicting(clusters, labels) > MOST_CONFLICTS
    )


def _effective(clusters: npt.NDArray[np.int64]) -> float:
    """How many photographs of equal size would be as many as these, of unequal ones."""
    sizes = np.unique(clusters, return_counts=True)[1]
    return float(1 / ((sizes / sizes.sum()) ** 2).sum())


def _conflicting(clusters: npt.NDArray[np.int64], labels: Sequence[str]) -> float:
    """The share of images in clusters of several labels."""
    _, numbers = np.unique(np.asarray(labels), return_inverse=True)
    pairs = np.unique(np.column_stack([clusters, numbers]), axis=0)
    kinds = np.bincount(pairs[:, 0], minlength=int(clusters.max()) + 1)
    return float((kinds[clusters] > 1).mean())
