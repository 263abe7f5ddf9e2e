"""Turns labels into ones that mean nothing, as far as sources make labels exchangeable.

What may be permuted is what would be exchangeable if pixels said nothing of the class (Good 2005,
Permutation, Parametric and Bootstrap Tests of Hypotheses, chapter 1), and that is not the image: copies of
one photograph keep one label, or the permutation would destroy the very leak that it is to show.

Where every source holds one class, labels are permuted among sources: each class keeps its number of sources.

Where some source holds several, each source renames the classes by a permutation of its own. Images of a
source that shared a class still do, and the new name of an image is uniform whatever its pixels show. The
renamings are rows of Latin squares, so within a square every class gets every name once. Sources of one
class are renamed likewise: were they permuted among themselves, to be one of them would tell of the label.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from groupwise.data.stratify import IntArray


def one_class_each(labels: Sequence[str], sources: IntArray) -> bool:
    """Whether no source holds two classes; `labels` and `sources` are (N,)."""
    return len(set(zip(labels, sources.tolist(), strict=True))) == len(set(sources.tolist()))


def permute_labels(labels: Sequence[str], sources: IntArray, *, seed: int) -> list[str]:
    """Labels (N,) that mean nothing, for images of `sources` (N,)."""
    rng = np.random.default_rng(seed)
    names, label = np.unique(np.asarray(labels), return_inverse=True)
    _, first, source = np.unique(sources, return_index=True, return_inverse=True)
    if one_class_each(labels, sources):
        return [str(name) for name in names[rng.permutation(label[first])[source]]]
    squares = [_latin_square(len(names), rng) for _ in range(-(-len(first) // len(names)))]
    renamings = rng.permutation(np.concatenate(squares))  # (at least S, K): a row is the renaming of a source
    return [str(name) for name in names[renamings[source, label]]]


def _latin_square(order: int, rng: np.random.Generator) -> IntArray:
    """A shuffled cyclic square (K, K): every row and every column holds every symbol."""
    cyclic = (np.arange(order)[:, None] + np.arange(order)) % order
    rows, columns, symbols = (rng.permutation(order) for _ in range(3))
    return np.asarray(symbols[cyclic[rows][:, columns]], dtype=np.int64)
