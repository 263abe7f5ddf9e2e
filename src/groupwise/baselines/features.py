"""Simple features of pictures, colour and shape, and a logistic regression over them.

Colour is an 8 x 8 thumbnail and a histogram of each channel; shape are the orientations of edges in 8 x 8
cells, as in the histograms of oriented gradients (Dalal and Triggs 2005, CVPR), each cell scaled to sum to
one and rooted (Arandjelovic and Zisserman 2012, CVPR).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from groupwise.stats.arrays import Floats, Floats32, Ints

Pictures = npt.NDArray[np.uint8]

CELL_PX = 8
BINS = 16  # of each channel's histogram
ORIENTATIONS = 8  # from 0 to 180 degrees
LUMA = np.array([299, 587, 114])  # thousandths, ITU-R BT.601; whole, so that the angle of an edge is exact
INVERSE_PENALTY = 0.003  # of the regression; of 0.001 to 0.1 the best on `val` of four sets (docs/log.md)
ITERATIONS = 200
AT_ONCE = 32  # whose intermediate arrays stay in a processor's cache


def image_features(images: Pictures) -> Floats32:
    """The features of images (N, S, S, C), S a multiple of CELL_PX, as (N, D)."""
    parts = [_features(images[i : i + AT_ONCE]) for i in range(0, len(images), AT_ONCE)]
    return np.concatenate(parts)


def _features(images: Pictures) -> Floats32:
    n, side, _, channels = images.shape
    cells = side // CELL_PX
    shares = images.astype(np.float32) / 255
    rows = shares.reshape(n, cells, CELL_PX, side, channels).mean(axis=2)
    thumbnail = rows.reshape(n, cells, cells, CELL_PX, channels).mean(axis=3)
    return np.concatenate(
        [thumbnail.reshape(n, -1), _histograms(images), _orientations(*_grey(images))], axis=1
    ).astype(np.float32)


def _grey(images: Pictures) -> tuple[Ints, int]:
    """Images as one channel (N, S, S), colours weighted as eyes do, other channels alike; and its highest."""
    channels = images.shape[3]
    weights = LUMA if channels == len(LUMA) else np.ones(channels, dtype=np.int64)
    return np.asarray(images @ weights, dtype=np.int64), 255 * int(weights.sum())


def _histograms(images: Pictures) -> Floats:
    """The share of each image's pixels in every bin of each channel, (N, C BINS)."""
    n, height, width, channels = images.shape
    bins = images.reshape(n, height * width, channels) // (256 // BINS)
    all_bins = channels * BINS
    places = bins + BINS * np.arange(channels) + all_bins * np.arange(n)[:, None, None]
    counts = np.bincount(places.ravel(), minlength=all_bins * n)
    return np.asarray(counts.reshape(n, all_bins) / (height * width))


def _orientations(grey: Ints, highest: int) -> Floats:
    """The root of the share of each orientation in the edges of every cell, of grey images (N, S, S)."""
    n, side = grey.shape[:2]
    padded = np.pad(grey, ((0, 0), (1, 1), (1, 1)), mode="edge")
    across = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    strength = np.hypot(across, down) / highest
    orientation = (np.arctan2(down, across) / np.pi % 1 * ORIENTATIONS).astype(np.int64) % ORIENTATIONS
    cells = side // CELL_PX
    row = np.arange(side) // CELL_PX
    cell = (np.arange(n)[:, None, None] * cells + row[:, None]) * cells + row
    sums = np.bincount(
        (cell * ORIENTATIONS + orientation).ravel(),
        weights=strength.ravel(),
        minlength=n * cells**2 * ORIENTATIONS,
    ).reshape(n, cells**2, ORIENTATIONS)
    # As if every cell had a faint edge of all orientations, so that noise in a plain area says little.
    return np.asarray(np.sqrt(sums / (sums.sum(axis=2, keepdims=True) + 1))).reshape(n, -1)


def fit_regression(features: Floats32, labels: Ints | npt.NDArray[np.uint8]) -> Pipeline:
    """Multinomial logistic regression over standardised features (N, D) of at least two classes.

    Where `labels` are sets (N, K), one regression a label, a constant for one that all images have or none.
    """
    regression = LogisticRegression(C=INVERSE_PENALTY, max_iter=ITERATIONS)
    if labels.ndim == 2:
        regression = OneVsRestClassifier(regression)
    with threadpool_limits(1, user_api="blas"):  # products as narrow as the classes gain nothing from more
        return make_pipeline(StandardScaler(), regression).fit(features, labels)


def class_probabilities(fitted: Pipeline, features: Floats32, num_classes: int) -> Floats:
    """The probabilities (N, K) of images by their features (N, D); 0 for classes that it has not learnt."""
    if fitted[-1].__class__ is OneVsRestClassifier:
        return np.asarray(fitted.predict_proba(features), dtype=np.float64)
    probs = np.zeros((len(features), num_classes))
    probs[:, fitted.classes_] = fitted.predict_proba(features)
    return probs
