"""Accuracy by the values of further columns of the user's table, as `slices.json` holds it.

    schema, fold, n, sources, accuracy   the fold as a whole; accuracy is a figure as in `metrics.json`
    labels      "several" where images have sets of them: accuracy is of those with exactly the right ones
    columns     [{column, binned, heterogeneity (`stats.heterogeneity`), slices: [{value, n, sources,
                accuracy, recall: {class: figure}, p, p_holm, reason?}]}]: `p` is of the difference in
                accuracy to the rest of the fold, null where `reason` says so; `p_holm` corrects it for all
                slices of all columns (Holm 1979)
    skipped     [{column, reason}]: columns that make no slices
    worst       {column, value} of the lowest accuracy among slices of several sources; null if there is none,
                or if several tie
    compared    how many slices that was chosen among

Values are shuffled among sources for the p-value, which asks that all images of a source share a value
(Fisher's randomisation test; Good 2005, section 3.2). Nothing is predicted again: these are further looks at
predictions whose making was counted, and so no further reading of the fold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from groupwise.stats.arrays import Floats, Ints, Mask
from groupwise.stats.bootstrap import CHUNK_CELLS
from groupwise.stats.columns import BLANK, Cut, cut_column
from groupwise.stats.estimate import SCHEMA, Estimate
from groupwise.stats.fold import Fold
from groupwise.stats.heterogeneity import heterogeneity
from groupwise.stats.intervals import share_of_images
from groupwise.stats.paired_tests import holm

DRAWS = 2000
SEVERAL = "images of one source have several values"


@dataclass(frozen=True, eq=False)
class Judged:
    """Which images are right, (N,), and which classes each has and was said to have, (N, K) both.

    Of sets of labels an image is right that was given all of its labels and no other.
    """

    right: Mask
    has: Mask
    said: Mask

    @classmethod
    def of(cls, fold: Fold) -> Judged:
        """By the most probable class."""
        each = np.arange(fold.n_classes)
        return cls(fold.right, fold.labels[:, None] == each, fold.predicted[:, None] == each)


def slice_fold(
    fold: Fold,
    columns: Mapping[str, Sequence[str]],
    classes: Sequence[str],
    *,
    seed: int,
    judged: Judged | None = None,
) -> dict[str, Any]:
    """What `slices.json` holds, but for the name of the fold; `columns` have one cell an image.

    `judged` says what is right where that is not the most probable class. The same `seed` gives the same
    result; takes O(draws G) time a column.
    """
    judged = judged or Judged.of(fold)
    cuts = {name: _cut(fold, cells) for name, cells in columns.items()}
    used = {name: cut for name, cut in cuts.items() if isinstance(cut, Cut)}
    found = {name: _slices(fold, cut, classes, judged, seed) for name, cut in used.items()}
    _correct([one for slices in found.values() for one in slices])
    compared = [(name, one) for name, slices in found.items() for one in slices if one["sources"] > 1]
    lowest = min((one["accuracy"]["value"] for _, one in compared), default=None)
    worst = [(name, one["value"]) for name, one in compared if one["accuracy"]["value"] == lowest]
    return {
        "schema": SCHEMA,
        "n": fold.n,
        "sources": fold.n_sources,
        "accuracy": share_of_images(fold, judged.right, np.ones(fold.n, dtype=bool)).as_json(),
        "columns": [
            {
                "column": name,
                "binned": cut.binned,
                "slices": found[name],
                "heterogeneity": None if cut.binned else _heterogeneity(found[name]),
            }
            for name, cut in used.items()
        ],
        "skipped": [
            {"column": name, "reason": reason} for name, reason in cuts.items() if isinstance(reason, str)
        ],
        "worst": {"column": worst[0][0], "value": worst[0][1]} if len(worst) == 1 else None,
        "compared": len(compared),
    }


def _cut(fold: Fold, cells: Sequence[str]) -> Cut | str:
    cut = cut_column(cells)
    if isinstance(cut, Cut) and not any(_sources(fold, cut, i) > 1 for i in range(len(cut.names))):
        return "every value belongs to a single source"
    return cut


def _sources(fold: Fold, cut: Cut, number: int) -> int:
    return len(np.unique(fold.sources[cut.numbers == number]))


def _slices(fold: Fold, cut: Cut, classes: Sequence[str], judged: Judged, seed: int) -> list[dict[str, Any]]:
    p_values = _p_values(fold, cut, judged.right, seed)
    found = []
    for number, name in enumerate(cut.names):
        within = cut.numbers == number
        p = None if p_values is None else p_values[number]
        found.append(
            {
                "value": name,
                "n": int(within.sum()),
                "sources": _sources(fold, cut, number),
                "accuracy": share_of_images(fold, judged.right, within).as_json(),
                "recall": _recall(fold, within, classes, judged),
                "p": p,
                "p_holm": p,
            }
            | ({"reason": SEVERAL} if p is None else {})
        )
    return found


def _recall(fold: Fold, within: Mask, classes: Sequence[str], judged: Judged) -> dict[str, Any]:
    """Of the classes that have images there."""
    members = {name: (k, within & judged.has[:, k]) for k, name in enumerate(classes)}
    return {
        name: share_of_images(fold, judged.said[:, k], mask).as_json()
        for name, (k, mask) in members.items()
        if mask.any()
    }


def _heterogeneity(slices: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The random-effects summary of the slices that have a name, where each source is of one slice."""
    if any(one["p"] is None for one in slices):
        return None
    sites = [one for one in slices if one["value"] != BLANK]  # whose images may be of any site
    return heterogeneity([Estimate.from_json(one["accuracy"]) for one in sites])


def _correct(slices: list[dict[str, Any]]) -> None:
    tested = [one for one in slices if one["p"] is not None]
    for one, corrected in zip(tested, holm([one["p"] for one in tested]), strict=True):
        one["p_holm"] = corrected


def _p_values(fold: Fold, cut: Cut, judged: Mask, seed: int) -> list[float] | None:
    """Two-sided, one a slice; None where a source has several values."""
    value_of = np.full(fold.n_sources, -1)
    value_of[fold.sources] = cut.numbers
    if (value_of[fold.sources] != cut.numbers).any():
        return None
    right, images = fold.per_source(judged.astype(np.float64)), fold.per_source(np.ones(fold.n))
    gaps = np.abs(_gaps(right, images, value_of[None], len(cut.names)))[0]
    rng, exceeded = np.random.default_rng(seed), np.ones(len(cut.names))
    at_once = max(1, CHUNK_CELLS // fold.n_sources)
    for start in range(0, DRAWS, at_once):
        drawn = np.stack([rng.permutation(value_of) for _ in range(min(at_once, DRAWS - start))])
        # what ties but for rounding, ties
        exceeded += (np.abs(_gaps(right, images, drawn, len(cut.names))) >= gaps - 1e-12).sum(axis=0)
    return [float(p) for p in exceeded / (DRAWS + 1)]


def _gaps(right: Floats, images: Floats, value_of: Ints, values: int) -> Floats:
    """Accuracy of each slice less that of the rest, (D, V), by the values of sources in D draws, (D, G)."""
    draws = len(value_of)
    cells = (value_of + values * np.arange(draws)[:, None]).ravel()

    def sums(weights: Floats) -> Floats:
        found = np.bincount(cells, weights=np.tile(weights, draws), minlength=draws * values)
        return np.asarray(found.reshape(draws, values))

    inside, n_inside = sums(right), sums(images)
    gaps: Floats = inside / n_inside - (right.sum() - inside) / (images.sum() - n_inside)
    return gaps
