"""Weights of whole sources: drawn within strata for a bootstrap, or left out in turn for a jackknife.

The stratified bootstrap of whole sources (Davison and Hinkley 1997, chapter 3), drawing from each stratum one
source fewer than it holds, so that the spread of the draws is not too small (Rao and Wu 1988, JASA 83:231).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.fold import Fold

# Bounds the memory of a chunk of draws: 16 MB for each array of draws by images.
CHUNK_CELLS = 1 << 21

BLOCKS = 500
"""At most as many blocks of sources are left out; the standard error then has an error of some 3 %."""


def strata(fold: Fold) -> Ints:
    """The stratum of each source, (G,): the class of all its images, or K for sources that hold several.

    A lone source cannot be resampled, so lone sources share a stratum; if that holds one still, it joins the
    smallest other ("collapsed strata", Cochran 1977, section 5A.12).
    """
    lowest, highest = np.full(fold.n_sources, fold.n_classes), np.full(fold.n_sources, -1)
    np.minimum.at(lowest, fold.sources, fold.labels)
    np.maximum.at(highest, fold.sources, fold.labels)
    stratum = np.where(lowest == highest, lowest, fold.n_classes)
    sizes = np.bincount(stratum, minlength=fold.n_classes + 2)
    lone = sizes[stratum] == 1
    stratum[lone] = fold.n_classes + 1
    sizes[sizes == 1] = 0
    if lone.sum() == 1 and sizes.any():
        stratum[lone] = np.where(sizes > 0, sizes, fold.n_sources + 1).argmin()
    return stratum


def source_weights(fold: Fold, draws: int, seed: int) -> Iterator[Floats]:
    """Yield weights of sources in chunks (D, G) that add up to `draws` rows.

    Of the k sources of a stratum k - 1 are drawn with replacement, each weighing k / (k - 1) as often as it
    is drawn. The draws depend on `seed` and the fold alone. Raises ValueError for a single source.
    """
    if fold.n_sources < 2:
        raise ValueError("a single source cannot be resampled")
    rng = np.random.default_rng(seed)
    stratum = strata(fold)
    sizes = np.unique(stratum, return_counts=True)[1]
    # Strata are drawn side by side; this is the column of each source.
    column = np.argsort(np.argsort(stratum, kind="stable"))
    chunk = max(1, CHUNK_CELLS // fold.n)
    for start in range(0, draws, chunk):
        rows = min(chunk, draws - start)
        drawn = np.concatenate([_resample(int(size), rows, rng) for size in sizes], axis=1)
        yield np.take(drawn, column, axis=1)


def _resample(size: int, rows: int, rng: np.random.Generator) -> Floats:
    drawn = rng.integers(size, size=(rows, size - 1)) + size * np.arange(rows)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=rows * size).reshape(rows, size)
    return counts.astype(np.float64) * (size / (size - 1))


def left_out_weights(fold: Fold, seed: int) -> Iterator[Floats]:
    """Yield weights of sources in chunks (D, G) that leave out each source in turn, of many each block."""
    count = min(fold.n_sources, BLOCKS)
    block = np.random.default_rng(seed).permutation(fold.n_sources) % count
    chunk = max(1, CHUNK_CELLS // fold.n)
    for start in range(0, count, chunk):
        numbers = np.arange(start, min(start + chunk, count))
        yield (block != numbers[:, None]).astype(np.float64)


def jackknife(value: float, left_out: Floats) -> tuple[float, float]:
    """Bias and variance of a figure from its values (D,) without each block.

    The delete-one jackknife (Efron and Stein 1981, Annals of Statistics 9:586), or by blocks.
    """
    count, mean = len(left_out), float(left_out.mean())
    return (count - 1) * (mean - value), (count - 1) / count * float(((left_out - mean) ** 2).sum())
