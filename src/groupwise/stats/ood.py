"""Out-of-distribution flags for images unlike those that the network was trained on.

An image is flagged if its features lie far from those of the training images, by the distance to the k-th
nearest of them on the unit sphere (Sun, Ming, Zhu and Li 2022, arXiv 2204.06507), or if its energy is high,
which is minus the log of the summed exponentials of its logits (Liu, Wang, Owens and Li 2020, arXiv
2010.03759). One line for each, both passed by equally many images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from groupwise.stats.arrays import Floats, Floats32, Ints, Mask
from groupwise.stats.conformal import SCORE_MARGIN, source_quantile, too_few

Features = Floats32

NEIGHBOUR = 10
# Images whose distances to the reference are held at a time.
CHUNK = 1024


@dataclass(frozen=True)
class OutOfDistribution:
    """The rule of the flag: a distance above `distance`, or an energy above `energy`.

    About `false_flag_rate` of the images of new sources like those in training are flagged. `sources` is the
    number of sources it was decided by; where they are too few, the lines are None and `reason` says so.
    """

    false_flag_rate: float
    sources: int = 0
    distance: float | None = None
    energy: float | None = None
    reason: str | None = None

    def flags(self, logits: Floats, features: Features, reference: Features) -> Mask:
        """Whether each image is unlike the training data, (N,), by its logits (N, K) and features (N, C).

        `reference` (M, C) are features of training images. Only for a rule that has its lines.
        """
        assert self.distance is not None
        assert self.energy is not None
        far = neighbour_distances(features, reference) > self.distance
        return far | (energies(logits) > self.energy)


def fit_ood(
    logits: Floats, features: Features, reference: Features, sources: Ints, rate: float
) -> OutOfDistribution:
    """Decide by logits (N, K), features (N, C) and sources (N,) that the network did not learn."""
    n_sources = len(np.unique(sources))
    if reason := too_few(n_sources, rate):
        return OutOfDistribution(rate, n_sources, reason=reason)
    scores = (neighbour_distances(features, reference), energies(logits))
    distance, energy = (line + SCORE_MARGIN for line in joint_lines(scores, sources, rate))
    return OutOfDistribution(rate, n_sources, distance, energy)


def joint_lines(scores: Sequence[Floats], sources: Ints, rate: float) -> list[float]:
    """One line on each of several scores (N,), such that about `rate` of the images pass any of them.

    The highest of an image's ranks is its own score, and the line on that becomes one on each. The ranks come
    from the same images, so that the rate can be passed by about 1 / G (docs/decision.md has measured it).
    """
    ranks = [_rank(score, sources) for score in scores]
    line = source_quantile(np.max(ranks, axis=0), sources, rate)
    return [float(score[rank <= line].max()) for score, rank in zip(scores, ranks, strict=True)]


def _rank(scores: Floats, sources: Ints) -> Floats:
    """The share of images that score lower or as much, (N,), each source weighing the same."""
    _, number, sizes = np.unique(sources, return_inverse=True, return_counts=True)
    order = np.argsort(scores, kind="stable")
    mass = np.cumsum(1 / (len(sizes) * sizes[number[order]]))
    return mass[np.searchsorted(scores[order], scores, side="right") - 1]


def neighbour_distances(features: Features, reference: Features) -> Floats:
    """Distance to the k-th nearest reference of each image, (N,), all scaled to length 1; from 0 to 2."""
    k = min(NEIGHBOUR, len(reference)) - 1
    ours, theirs = _unit(features), _unit(reference)
    rows = [ours[start : start + CHUNK] @ theirs.T for start in range(0, len(ours), CHUNK)]
    cosines = [-np.partition(-row, k, axis=1)[:, k] for row in rows]
    return np.sqrt(np.maximum(2 - 2 * np.concatenate(cosines).astype(np.float64), 0))


def _unit(features: Features) -> Features:
    norm = np.linalg.norm(features, axis=1, keepdims=True)
    # A network may be silent on an image; then it is as far from all.
    return np.asarray(features / np.maximum(norm, np.finfo(np.float32).tiny), dtype=np.float32)


def energies(logits: Floats) -> Floats:
    """-log sum exp of the logits (N, K) of each image, (N,); low for what the network knows."""
    return np.asarray(-np.logaddexp.reduce(logits, axis=1))
