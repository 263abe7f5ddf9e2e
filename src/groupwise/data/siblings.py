"""Turns the sizes of sources into the share of test images with a sibling in training."""

from __future__ import annotations

import numpy as np
from scipy.stats import hypergeom

from groupwise.data.stratify import IntArray


def expected_sibling_share(sources: IntArray, n_train: int) -> float:
    """Expected share of the images outside training that have a sibling in it, under a random split; exact.

    `sources` (N,) numbers the source of each image, and `n_train` below N of them are drawn for training. An
    image outside has m - 1 siblings among the N - 1 others, so it has none in training with the
    hypergeometric probability C(N - m, n_train) / C(N - 1, n_train). Every image is as likely to be outside,
    so the share is the mean over all images.
    """
    _, number, sizes = np.unique(sources, return_inverse=True, return_counts=True)
    alone = hypergeom.pmf(0, len(sources) - 1, sizes - 1, n_train)
    return float(1 - alone[number].mean())
