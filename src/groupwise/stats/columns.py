"""Slices of images by the cells of a further column of the user's table, or why there are none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from groupwise.stats.arrays import Ints

MOST_SLICES = 20
"""More values than these are an identity or a date, not a condition, and each holds too little to tell."""

QUANTILES = 4
BLANK = "(no value)"


@dataclass(frozen=True, eq=False)
class Cut:
    """The slice of each image, `numbers` (N,), and what each slice is called; `binned` if by quantiles."""

    names: tuple[str, ...]
    numbers: Ints
    binned: bool = False


def cut_column(cells: Sequence[str]) -> Cut | str:
    """The slices of a column with one cell an image; a sentence where the column makes none.

    More than MOST_SLICES different numbers are cut at their quartiles; anything else is cut by value. Blank
    cells are a slice of their own.
    """
    cells = [cell.strip() for cell in cells]
    values = sorted(set(cells))
    if len(values) < 2:
        return f"the same for all images: {values[0] or BLANK}" if values else "no images"
    numbers = [_to_number(cell) for cell in cells]
    if len(values) > MOST_SLICES and all(
        number is not None or not cell for number, cell in zip(numbers, cells, strict=True)
    ):
        return _cut_by_quantile(np.array([math.nan if number is None else number for number in numbers]))
    if len(values) == len(cells):
        return "another value for every image"
    if len(values) > MOST_SLICES:
        return f"{len(values):,} values, and more than {MOST_SLICES} are too many to compare"
    if all(number is not None for cell, number in zip(cells, numbers, strict=True) if cell):
        values.sort(key=lambda cell: _to_number(cell) or 0.0)
    place = {value: i for i, value in enumerate(values)}
    return Cut(tuple(value or BLANK for value in values), np.array([place[cell] for cell in cells]))


def _to_number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _cut_by_quantile(values: np.typing.NDArray[np.float64]) -> Cut:
    """Slices of about equal size; equal numbers stay together, and NaN is the last slice."""
    known = values[np.isfinite(values)]
    inner = np.quantile(known, np.arange(1, QUANTILES) / QUANTILES, method="inverted_cdf")
    edges = np.unique(inner[inner < known.max()])
    numbers = np.where(np.isfinite(values), np.searchsorted(edges, values, side="left"), len(edges) + 1)
    names = []
    for i in range(len(edges) + 1):
        within = values[numbers == i]
        names.append(f"{within.min():g} to {within.max():g}")
    if len(known) < len(values):
        names.append(BLANK)
    return Cut(tuple(names), numbers.astype(np.int64), binned=True)
