"""Turns a division into K folds into the K splits that each hold one fold out, and into other divisions.

Every function keeps sources whole: it deals with the rows of a `Split` and the sources they form.
"""

from __future__ import annotations

import numpy as np

from groupwise.data.split import EXCLUDED, Split, make_split


def hold_out(division: Split, fold: str, *, val: float, seed: int) -> Split:
    """The split whose test fold is `fold`; of the other images a share `val` selects, the rest teaches.

    Raises `GroupwiseError` where a class has too few sources left for both.
    """
    rest = [i for i, row in enumerate(division.rows) if row.fold not in (fold, EXCLUDED)]
    inner = make_split(
        [division.rows[i][:3] for i in rest],
        [division.rows[i].cluster for i in rest],
        shares={"train": 1 - val, "val": val},
        seed=seed,
    )
    rows = [row._replace(fold="test") if row.fold == fold else row for row in division.rows]
    for i, row in zip(rest, inner.rows, strict=True):
        rows[i] = row
    return Split(tuple(rows))


def divide_again(division: Split, *, seed: int) -> Split:
    """Another division of the same images into folds of the same names.

    Each fold begins with one source drawn at random, because stratification alone leaves nothing to chance
    where all sources differ in size, and a repeat would repeat nothing.
    """
    names = division.folds
    _, first = np.unique(division.sources, return_index=True)
    kept = [int(i) for i in first if division.rows[i].fold != EXCLUDED]
    drawn = np.random.default_rng(seed).permutation(kept)[: len(names)]
    begun = [division.rows[i]._replace(fold=name) for i, name in zip(drawn, names, strict=True)]
    return make_split(
        [row[:3] for row in division.rows],
        [row.cluster for row in division.rows],
        shares=dict.fromkeys(names, 1.0),
        seed=seed,
        previous=Split(tuple(begun)),
        excluded=[row.path for row in division.rows if row.fold == EXCLUDED],
    )
