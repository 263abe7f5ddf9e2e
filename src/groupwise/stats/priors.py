"""Probabilities for other shares of the classes than those that were learnt from (Saerens et al. 2002).

Neural Computation 14:21, equation 2.4. What an image looks like, given its class, is taken to stay the same.
"""

from __future__ import annotations

import numpy as np

from groupwise.stats.arrays import Floats, Ints


def with_equal_classes(probs: Floats, counts: Ints) -> Floats:
    """Probabilities (N, K) for equally frequent classes, of those for classes as many as `counts` (K,)."""
    return _weighed(probs, 1 / np.maximum(counts, 1))


def with_shares(probs: Floats, counts: Ints) -> Floats:
    """Probabilities (N, K) for classes as frequent as `counts` (K,), of those for equally frequent ones."""
    return _weighed(probs, np.asarray(counts, float))


def _weighed(probs: Floats, weights: Floats) -> Floats:
    weighed = probs * weights
    return np.asarray(weighed / weighed.sum(axis=1, keepdims=True))
