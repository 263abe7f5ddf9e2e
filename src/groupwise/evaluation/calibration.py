"""Turns logits into probabilities that mean what they say, by one temperature fitted on a fold apart.

Guo et al. 2017, "On Calibration of Modern Neural Networks" (arXiv 1706.04599), section 4.2. One number for
all classes leaves the order of the classes, and so every accuracy, as it was.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

FloatArray = npt.NDArray[np.float64]
# Beyond these the fold says no more than "certain" or "clueless".
COLDEST, HOTTEST = 0.05, 20.0


def fit_temperature(logits: FloatArray, labels: npt.NDArray[np.int64], sources: int) -> float:
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


def calibrated(logits: FloatArray, temperature: float) -> FloatArray:
    """Class probabilities (N, K) of logits at a temperature."""
    probs: FloatArray = softmax(logits / temperature, axis=1)
    return probs
