"""The usual figures of one fold from labels, probabilities and weights of sources, many weightings at once.

A row of ones gives the plain figure; a row of bootstrap weights gives one draw of it. Every function takes
`weights` (D, G), one row a draw and one column a source, and returns one figure a row. Plain figures agree
with scikit-learn's, whose `sample_weight` the weights stand for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from groupwise.stats.arrays import Floats, Ints, Mask

# Probabilities that went through a CSV file or through float32 do not sum to one exactly.
SUM_TOLERANCE = 1e-4
# Probabilities are kept this far from 0 and 1 in the log loss, as scikit-learn keeps them.
CLIP = float(np.finfo(np.float64).eps)
MOST_LOSS = float(-np.log(CLIP))


@dataclass(frozen=True, eq=False)
class Fold:
    """What is known of one fold: labels (N,), probabilities (N, K) and sources (N,) numbered 0..G-1."""

    labels: Ints
    probs: Floats
    sources: Ints

    @property
    def n(self) -> int:
        return int(self.labels.size)

    @property
    def n_classes(self) -> int:
        return int(self.probs.shape[1])

    @cached_property
    def n_sources(self) -> int:
        return int(self.sources.max()) + 1

    @cached_property
    def predicted(self) -> Ints:
        """The most probable class of each image, (N,); the first of several equal ones."""
        return np.asarray(self.probs.argmax(axis=1), dtype=np.int64)

    @cached_property
    def confidence(self) -> Floats:
        """The highest probability of each image, (N,)."""
        return np.asarray(self.probs.max(axis=1))

    @cached_property
    def right(self) -> Mask:
        """Whether the most probable class is the true one, (N,)."""
        return np.asarray(self.predicted == self.labels)

    @cached_property
    def support(self) -> Ints:
        """Images of each class, (K,)."""
        return np.bincount(self.labels, minlength=self.n_classes).astype(np.int64)

    def per_source(self, values: Floats) -> Floats:
        """Sum `values` (N,) within each source, (G,)."""
        return np.bincount(self.sources, weights=values, minlength=self.n_sources).astype(np.float64)


def check_fold(labels: Ints, probs: Floats, sources: Ints, classes: Sequence[str]) -> Fold:
    """Refuse with ValueError what is not a fold, and number its sources from 0 in ascending order."""
    labels, probs, sources = np.asarray(labels), np.asarray(probs, dtype=np.float64), np.asarray(sources)
    if probs.ndim != 2 or labels.shape != (len(probs),) or sources.shape != (len(probs),):
        raise ValueError(
            f"labels {labels.shape}, probs {probs.shape} and sources {sources.shape} do not fit together"
        )
    if len(probs) == 0:
        raise ValueError("a fold without images has no figures")
    if probs.shape[1] != len(classes) or len(classes) < 2:
        raise ValueError(
            f"{probs.shape[1]} columns of probabilities for {len(classes)} classes; at least 2 are needed"
        )
    # Written so that NaN, which compares as false, is off as well.
    fits = (np.abs(probs.sum(axis=1) - 1) <= SUM_TOLERANCE) & (probs >= 0).all(axis=1)
    if not fits.all():
        row = int(fits.argmin())
        raise ValueError(f"row {row} of probs is no distribution: {probs[row].tolist()}")
    if labels.min() < 0 or labels.max() >= len(classes):
        raise ValueError(
            f"labels run from {labels.min()} to {labels.max()}, classes from 0 to {len(classes) - 1}"
        )
    _, numbers = np.unique(sources, return_inverse=True)
    return Fold(labels.astype(np.int64), probs, numbers.astype(np.int64))


@dataclass(frozen=True, eq=False)
class ClassCounts:
    """Weighted counts a draw and class, each (D, K): correct, labelled so, predicted so."""

    correct: Floats
    labelled: Floats
    predicted: Floats

    @property
    def f1(self) -> Floats:
        """2 TP / (labelled + predicted), (D, K); 0 where a class is neither labelled nor predicted."""
        total = self.labelled + self.predicted
        return np.divide(2 * self.correct, total, out=np.zeros_like(total), where=total > 0)


def class_counts(fold: Fold, weights: Floats) -> ClassCounts:
    """Count, for each draw and class, what is correct, labelled and predicted; O(D N)."""
    right = fold.labels == fold.predicted
    return ClassCounts(
        correct=_weigh(fold, weights, fold.sources[right], fold.labels[right]),
        labelled=_weigh(fold, weights, fold.sources, fold.labels),
        predicted=_weigh(fold, weights, fold.sources, fold.predicted),
    )


def _weigh(fold: Fold, weights: Floats, sources: Ints, classes: Ints) -> Floats:
    counts = csr_array((np.ones(len(sources)), (sources, classes)), shape=(fold.n_sources, fold.n_classes))
    return np.asarray(weights @ counts)


def balanced_accuracy(fold: Fold, counts: ClassCounts) -> Floats:
    """Mean recall of the classes that have images, (D,); NaN in a draw that lost one of them."""
    present = fold.support > 0
    with np.errstate(invalid="ignore"):
        return np.asarray((counts.correct[:, present] / counts.labelled[:, present]).mean(axis=1))


def macro_f1(fold: Fold, counts: ClassCounts) -> Floats:
    """Mean F1 of the classes labelled or predicted anywhere, (D,); NaN in a draw that lost a labelled one."""
    present = fold.support > 0
    seen = present | (np.bincount(fold.predicted, minlength=fold.n_classes) > 0)
    mean = counts.f1[:, seen].mean(axis=1)
    return np.where((counts.labelled[:, present] > 0).all(axis=1), mean, np.nan)


def matthews(counts: ClassCounts) -> Floats:
    """Matthews correlation of labels and answers, (D,); 0 where either is all of one class.

    Of several classes it is that of Gorodkin (2004, Computational Biology and Chemistry 28:367).
    """
    images = counts.labelled.sum(axis=1)
    covariance = counts.correct.sum(axis=1) * images - (counts.labelled * counts.predicted).sum(axis=1)
    spreads = [images**2 - (part**2).sum(axis=1) for part in (counts.labelled, counts.predicted)]
    scale = np.sqrt(np.maximum(spreads[0] * spreads[1], 0))
    return np.asarray(np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > 1e-9 * images**2))


@dataclass(frozen=True, eq=False)
class Ranking:
    """Images in descending order of one class's probability, to weigh them again and again.

    `positive` (P,) are the sources of the images of the class in that order, `negative` (N - P,) those of all
    others. Of the others those that a positive is level with span `first` to `last`, and the positives level
    with it end at `end`, each (P,).
    """

    positive: Ints
    negative: Ints
    first: Ints
    last: Ints
    end: Ints

    @classmethod
    def of(cls, fold: Fold, k: int) -> Ranking:
        """Rank the images of `fold` by the probability of class `k`; O(N log N)."""
        order = np.argsort(-fold.probs[:, k], kind="stable")
        # Scores descend, and searchsorted wants them ascending.
        sources, depth, is_k = fold.sources[order], -fold.probs[order, k], fold.labels[order] == k
        own, other = depth[is_k], depth[~is_k]
        return cls(
            sources[is_k],
            sources[~is_k],
            np.searchsorted(other, own, side="left"),
            np.searchsorted(other, own, side="right"),
            np.searchsorted(own, own, side="right") - 1,
        )

    def weigh(self, weights: Floats) -> tuple[Floats, Floats]:
        """AUROC and average precision for each row of `weights` (D, G), each (D,); NaN without either side.

        O(D N): one cumulative sum a draw and side, apart, so that a side whose images all weigh nothing sums
        to an exact 0. Ties count half in the AUROC and enter the precision together, as scikit-learn has it.
        """
        positive = np.take(weights, self.positive, axis=1)  # (D, P)
        above = np.zeros((len(weights), len(self.negative) + 1))
        np.cumsum(np.take(weights, self.negative, axis=1), axis=1, out=above[:, 1:])  # weight of the first i
        alarms = np.take(above, self.last, axis=1)
        correct = np.take(np.cumsum(positive, axis=1), self.end, axis=1)
        through, total, others = correct + alarms, positive.sum(axis=1), above[:, -1]
        with np.errstate(invalid="ignore", divide="ignore"):
            passed = (positive * (np.take(above, self.first, axis=1) + alarms)).sum(axis=1) / 2
            precision = np.divide(correct, through, out=np.zeros_like(through), where=through > 0)
            return 1 - passed / (total * others), (positive * precision).sum(axis=1) / total


def log_losses(fold: Fold) -> Floats:
    """-log of the probability given to the true class of each image, (N,), in nats; at most MOST_LOSS."""
    return np.asarray(-np.log(np.clip(fold.probs[np.arange(fold.n), fold.labels], CLIP, 1 - CLIP)))


def brier_losses(fold: Fold) -> Floats:
    """Squared distance of each image's probabilities from its one-hot label, (N,), in [0, 2] (Brier 1950)."""
    target = np.eye(fold.n_classes)[fold.labels]
    return np.asarray(((fold.probs - target) ** 2).sum(axis=1))


def weighted_means(weights: Floats, losses: Floats, images: Floats) -> Floats:
    """Mean loss of an image in each draw, (D,), from the `losses` and `images` of each source, both (G,)."""
    total, count = (weights @ np.column_stack([losses, images])).T
    return np.asarray(total / count)
