"""Sets of labels: which ones a network gives an image, and which it may have by a stated rate of misses.

A threshold a label is chosen for the highest F1 of the label. Beside them stands one threshold of conformal
risk control (Angelopoulos, Bates, Fisch, Lei and Schuster 2022, arXiv 2208.02814): the set of all labels
whose probability reaches it misses at most `alpha` of an image's true labels, on average over new sources.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit

from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.calibration import COLDEST, HOTTEST
from groupwise.stats.conformal import ROUNDING, just_below, too_few
from groupwise.stats.label_rule import LabelRule, Members

LEAST_SOURCES = 10
"""Sources of a label with which it has a threshold of its own; with fewer, that of all labels together."""


def label_probabilities(logits: Floats, temperature: float) -> Floats:
    """The probability of each label, (N, K), apart from the others."""
    return np.asarray(expit(np.asarray(logits, dtype=np.float64) / temperature))


def fit_label_temperature(logits: Floats, members: Members, sources: int) -> float:
    """The temperature with the lowest binary log loss of logits (N, K), from G sources.

    As for classes, 1 / (G + 2) of each target is spread, here over yes and no.
    """
    target = members + (0.5 - members) / (sources + 2)

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float((np.logaddexp(0, scaled) - target * scaled).mean())

    bounds = (np.log(COLDEST), np.log(HOTTEST))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def undecided_rule(classes: int, alpha: float, reason: str) -> LabelRule:
    """The rule where there is nothing to decide by: as probable as not, and no promise."""
    return LabelRule((0.5,) * classes, alpha, reason=reason)


def fit_label_rule(probs: Floats, members: Members, sources: Ints, alpha: float) -> LabelRule:
    """Decide by probabilities and true labels, both (N, K), and sources (N,) that were not learnt from."""
    members = members.astype(bool)
    common = best_f1_threshold(probs.ravel(), members.ravel())
    thresholds = tuple(
        best_f1_threshold(probs[:, k], members[:, k])
        if len(np.unique(sources[members[:, k]])) >= LEAST_SOURCES and not members[:, k].all()
        else common
        for k in range(probs.shape[1])
    )
    labelled = members.any(axis=1)
    n_sources = len(np.unique(sources[labelled]))
    if reason := too_few(n_sources, alpha):
        return LabelRule(thresholds, alpha, n_sources, reason=reason)
    threshold = risk_threshold(probs[labelled], members[labelled], sources[labelled], alpha)
    return LabelRule(thresholds, alpha, n_sources, threshold)


def best_f1_threshold(probs: Floats, members: Members) -> float:
    """The line with the highest F1 of images (N,) at or above it; 0.5 where none has the label.

    Of equal ones the highest, and just below the image that it lets in.
    """
    if not members.any():
        return 0.5
    order = np.argsort(-probs, kind="stable")
    hits = np.cumsum(members[order])
    f1 = 2 * hits / (np.arange(1, len(probs) + 1) + hits[-1])
    last = np.append(np.diff(probs[order]) != 0, True)  # equal ones come in together
    best = int(np.where(last, f1, -1.0).argmax())
    return just_below(float(probs[order[best]]))


def missed_shares(members: Members, found: Members) -> Floats:
    """The share of each image's labels that is not found, (N,); 0 of an image without any."""
    count = members.sum(axis=1)
    return np.asarray((members & ~found).sum(axis=1) / np.maximum(count, 1))


def risk_threshold(probs: Floats, members: Members, sources: Ints, alpha: float) -> float:
    """The highest line at which a new source misses `alpha` of the true labels at most, in expectation.

    Every image has a label. With G sources, each of the mean share that its images miss, the line is the
    highest with (sum of these + 1) / (G + 1) <= alpha; a source can miss all, which is the 1.
    """
    _, number, sizes = np.unique(sources, return_inverse=True, return_counts=True)
    rows, columns = np.nonzero(members)
    weight = 1 / (members.sum(axis=1)[rows] * sizes[number[rows]] * (len(sizes) + 1))
    scores = probs[rows, columns]
    order = np.argsort(scores, kind="stable")
    # Missed where the line is above a label's score: of ascending scores, all that come before
    missed = np.cumsum(weight[order]) - weight[order] + 1 / (len(sizes) + 1)
    first = np.searchsorted(scores[order], scores[order], side="left")  # of equal ones none is missed
    within = np.flatnonzero(missed[first] <= alpha + ROUNDING)
    return just_below(float(scores[order[within[-1]]]))
