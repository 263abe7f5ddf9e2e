"""Calibration: probabilities that mean what they say, by one temperature, and the error that is left.

Guo et al. 2017, "On Calibration of Modern Neural Networks" (arXiv 1706.04599), section 4.2. One number for
all classes leaves the order of the classes, and so every accuracy, as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.fold import Fold
from groupwise.stats.intervals import share_of_images

# Beyond these the fold says no more than "certain" or "clueless".
COLDEST, HOTTEST = 0.05, 20.0
MAX_BINS = 15
# The noise of a bin is estimated from its sources, so a bin needs several of them.
SOURCES_PER_BIN = 10


def fit_temperature(logits: Floats, labels: Ints, sources: int) -> float:
    """The temperature with the lowest log loss of logits (N, K) against class numbers (N,) from G sources.

    Above 1 the network was too sure of itself, below 1 not sure enough. A fold without a mistake would ask
    for certainty, so 1 / (G + 2) of each target is spread over all classes: Laplace's rule of succession,
    which Platt (1999) uses to the same end. Many sources make it vanish.
    """
    spread = 1 / (sources + 2)

    def loss(log_temperature: float) -> float:
        log_probs = log_softmax(logits / np.exp(log_temperature), axis=1)
        hit = np.take_along_axis(log_probs, labels[:, None], axis=1)
        return float(-(1 - spread) * hit.mean() - spread * log_probs.mean())

    # The loss is convex in 1 / T, so it has one minimum, which a bounded search finds.
    bounds = (np.log(COLDEST), np.log(HOTTEST))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def says_nothing(temperature: float) -> bool:
    """Whether a fitted temperature is at its ceiling, where all classes are equally probable."""
    return temperature > 0.99 * HOTTEST  # the search ends just short of its bound


def calibrated(logits: Floats, temperature: float) -> Floats:
    """Class probabilities (N, K) of logits at a temperature."""
    probs: Floats = softmax(logits / temperature, axis=1)
    return probs


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
    n_bins = int(np.clip(fold.n_sources // SOURCES_PER_BIN, 1, MAX_BINS))
    edges = np.unique(np.quantile(fold.confidence, np.arange(1, n_bins) / n_bins, method="inverted_cdf"))
    return edges, np.searchsorted(edges, fold.confidence, side="left")


def bin_confidences(fold: Fold) -> Bins:
    """Cut the images into bins of equal mass by their highest probability; ties stay together."""
    edges, number = equal_mass_bins(fold)
    residual = fold.right - fold.confidence
    shape = (fold.n_sources, len(edges) + 1)
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


def reliability(fold: Fold) -> list[dict[str, Any]]:
    """The bins of a fold."""
    edges, number = equal_mass_bins(fold)
    bins = []
    for b in range(len(edges) + 1):
        within = number == b
        if within.any():
            confidence = fold.confidence[within]
            bins.append(
                share_of_images(fold, fold.right, within).as_json()
                | {
                    "confidence": float(confidence.mean()),
                    "lowest": float(confidence.min()),
                    "highest": float(confidence.max()),
                }
            )
    return bins
