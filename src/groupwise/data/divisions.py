"""Splits made of another one: a fold held out, some of the images divided, or all of them once more.

What takes no part stays among the rows, for an image that is left out may join two that are not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from groupwise.data.fold_names import TEST, TRAIN, VAL
from groupwise.data.participants import Participants
from groupwise.data.split import EXCLUDED, Split, make_split, participants_of


def divide_part(
    split: Split,
    part: Collection[str],
    *,
    shares: Mapping[str, float],
    seed: int,
    untested: Collection[str] = (),
) -> Split:
    """The split with the images of the folds in `part` divided anew by `shares`; the others stay.

    Sources are those of all images. Classes of `untested` go to the first of the shares. Raises
    `GroupwiseError` where a class has too few sources for them.
    """
    others = {row.path for row in split.rows if row.fold not in part}
    inner = make_split(
        [row[:3] for row in split.rows],
        Participants([row.cluster for row in split.rows], others, untested),
        shares=shares,
        seed=seed,
    )
    divided = zip(split.rows, inner.rows, strict=True)
    return Split(tuple(before if before.path in others else row for before, row in divided))


def hold_out(division: Split, fold: str, *, val: float, seed: int) -> Split:
    """The split whose test fold is `fold`; of the other images a share `val` selects, the rest teaches.

    Raises `GroupwiseError` where a class has too few sources left for both.
    """
    others = set(division.folds) - {fold}
    split = divide_part(division, others, shares={TRAIN: 1 - val, VAL: val}, seed=seed)
    return Split(tuple(row._replace(fold=TEST) if row.fold == fold else row for row in split.rows))


def divide_again(division: Split, *, seed: int) -> Split:
    """Another division of the same images into folds of the same names.

    Each fold begins with one source drawn at random, because stratification alone leaves nothing to chance
    where all sources differ in size, and a repeat would repeat nothing.
    """
    names = division.folds
    kept = np.array([i for i, row in enumerate(division.rows) if row.fold != EXCLUDED])
    _, first = np.unique(division.sources[kept], return_index=True)
    drawn = np.random.default_rng(seed).permutation(kept[first])[: len(names)]
    drawn_rows = [division.rows[i]._replace(fold=name) for i, name in zip(drawn, names, strict=True)]
    return make_split(
        [row[:3] for row in division.rows],
        participants_of(division),
        shares=dict.fromkeys(names, 1.0),
        seed=seed,
        previous=Split(tuple(drawn_rows)),
    )
