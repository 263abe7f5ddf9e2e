"""Turns confidences into their calibration error, without the error that chance alone would add.

Top-label calibration error in bins of equal mass, root mean square over bins, with the noise of each bin
subtracted (Kumar, Liang and Ma 2019, NeurIPS; Roelofs et al. 2022, AISTATS). Their noise is that of
independent images; here it is the variance between sources. The two agree where every image is its own source
and each bin holds a single confidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from groupwise.evaluation.weighted import Floats, Fold, Ints

MAX_BINS = 15
# The noise of a bin is estimated from its sources, so a bin needs several of them.
SOURCES_PER_BIN = 10


@dataclass(frozen=True, eq=False)
class Bins:
    """Sums within each source and bin, both (G, B): correct minus confidence, and images.

    `edges` (B - 1,) are the highest confidences of all bins but the last.
    """

    residuals: Floats
    images: Floats
    edges: Floats


def equal_mass_bins(fold: Fold) -> tuple[Floats, Ints]:
    """Highest confidences (B - 1,) of all bins but the last, and the bin of each image, (N,)."""
    n_bins = int(np.clip(fold.groups // SOURCES_PER_BIN, 1, MAX_BINS))
    edges = np.unique(np.quantile(fold.confidence, np.arange(1, n_bins) / n_bins, method="inverted_cdf"))
    return edges, np.searchsorted(edges, fold.confidence, side="left")


def bin_confidences(fold: Fold) -> Bins:
    """Cut the images into bins of equal mass by their highest probability; ties stay together."""
    edges, number = equal_mass_bins(fold)
    residual = fold.right - fold.confidence
    shape = (fold.groups, len(edges) + 1)
    cells: NDArray[np.intp] = np.ravel_multi_index((fold.sources, number), shape)
    size = shape[0] * shape[1]
    residuals = np.bincount(cells, weights=residual, minlength=size).reshape(shape)
    images = np.bincount(cells, minlength=size).reshape(shape)
    return Bins(residuals.astype(np.float64), images.astype(np.float64), edges)


def squared_errors(bins: Bins, weights: Floats) -> tuple[Floats, Floats]:
    """Squared calibration error of each draw (D,), and the noise that was subtracted from it (D,).

    In each bin the squared mean residual exceeds the squared miscalibration by the variance of that mean,
    which is subtracted: G_b / (G_b - 1) times the squared residuals of sources, over the squared number of
    images. Bins are averaged by their images; one from a single source says nothing and counts nothing. The
    result is unbiased, and so negative at times.
    """
    images = weights @ bins.images  # (D, B)
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = (weights @ bins.residuals) / images
        spread = (
            weights @ bins.residuals**2
            - 2 * gap * (weights @ (bins.residuals * bins.images))
            + gap**2 * (weights @ bins.images**2)
        )
        groups = (bins.images > 0).sum(axis=0)
        noise = groups / (groups - 1) * spread / images**2
    use = (images > 0) & (groups > 1)
    share = images / images.sum(axis=1, keepdims=True)
    squared = np.where(use, share * (gap**2 - noise), 0.0).sum(axis=1)
    return squared, np.where(use, share * noise, 0.0).sum(axis=1)
