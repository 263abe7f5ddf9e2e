"""Drift: whether two collections of images differ by more than the luck of their sources.

The kernel two-sample test (Gretton, Borgwardt, Rasch, Schölkopf and Smola 2012, JMLR 13:723) with a Gaussian
kernel as wide as the median distance. Its unit is the source: the kernel is averaged over the images of a
source, a source is never compared with itself, and whole sources change sides in the permutations, for the
images of one patient are alike whichever hospital took them. Images are compared within their class, and
sources change sides among those of the same class, so that another mix of classes is no drift of the images;
it has a test of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats
from scipy.spatial.distance import pdist

from groupwise.stats.arrays import Floats, Floats32, Ints, Mask
from groupwise.stats.paired_tests import ALPHA, holm

PERMUTATIONS = 999
FEWEST_SOURCES = 5  # on either side; below, hardly any shift could be told
FEWEST_DIVISIONS = 200.0  # ways to divide the sources; with fewer, no p-value is small
ALONE = "no class has two sources on either side"
FEW_WAYS = "so few sources of the same class can change sides that no difference would stand out"
MOST_IMAGES = 3000  # of each collection: the kernel takes their number squared
MEDIAN_OF = 500  # images that the width of the kernel is taken from


@dataclass(frozen=True, eq=False)
class Collections:
    """Two collections as one list: class numbers (N,), source numbers (N,) and whether an image is new (N,).

    No source has images in both.
    """

    labels: Ints
    sources: Ints
    new: Mask

    @property
    def n_sources(self) -> tuple[int, int]:
        """The sources of the first collection, and those of the new one."""
        return len(np.unique(self.sources[~self.new])), len(np.unique(self.sources[self.new]))

    def thinned(self, seed: int) -> Ints:
        """Places of at most MOST_IMAGES images of either; a source gives one before any gives a second."""
        rng = np.random.default_rng(seed)
        kept = []
        for side in (False, True):
            places = rng.permutation(np.flatnonzero(self.new == side))
            places = places[np.argsort(self.sources[places], kind="stable")]
            turn = np.arange(len(places)) - np.searchsorted(self.sources[places], self.sources[places])
            kept.append(places[np.lexsort((rng.random(len(places)), turn))[:MOST_IMAGES]])
        return np.sort(np.concatenate(kept)).astype(np.int64)


@dataclass(frozen=True)
class DriftTest:
    """Whether one side of the images differs: its p-value, corrected for all tests that were made (Holm).

    Both are None where `reason` says why it cannot be told.
    """

    p: float | None = None
    p_holm: float | None = None
    reason: str | None = None

    @property
    def told(self) -> bool:
        """Whether there is a difference."""
        return self.p_holm is not None and self.p_holm < ALPHA


def drift_tests(values: dict[str, Floats | None], held: Collections, *, seed: int) -> dict[str, DriftTest]:
    """A test of each of `values` (N, D) by name, and of `classes`, the mix of classes.

    None in place of values stands for what cannot be had and is passed over. The same `seed` gives the same
    result.
    """
    if reason := _too_few(held):
        return {
            name: DriftTest(reason=reason) for name in (*values, "classes") if values.get(name, 0) is not None
        }
    places = held.thinned(seed)
    thin = Collections(held.labels[places], held.sources[places], held.new[places])
    found: dict[str, float | str] = {
        name: image_shift_p(one[places], thin, seed=seed) for name, one in values.items() if one is not None
    }
    found["classes"] = class_mix_p(held, seed=seed)
    tested = {name: p for name, p in found.items() if not isinstance(p, str)}
    corrected = dict(zip(tested, holm(list(tested.values())), strict=True))
    return {
        name: DriftTest(reason=p) if isinstance(p, str) else DriftTest(p, corrected[name])
        for name, p in found.items()
    }


def _too_few(held: Collections) -> str | None:
    before, after = held.n_sources
    if min(before, after) < FEWEST_SOURCES:
        return f"{before} and {after} sources are too few, {FEWEST_SOURCES} on either side are needed"
    return None


def image_shift_p(values: Floats, held: Collections, *, seed: int) -> float | str:
    """The p-value of a difference in `values` (N, D) within classes; a sentence where none can be told."""
    sources, numbers = np.unique(held.sources, return_inverse=True)
    new = np.zeros(len(sources), dtype=bool)
    new[numbers] = held.new
    if not any(_enough(new[np.unique(numbers[held.labels == k])]) for k in np.unique(held.labels)):
        return ALONE
    sides = _permuted(new, _strata(held.labels, numbers), seed)
    if sides is None:
        return FEW_WAYS
    kernel = _gaussian(values)
    total, weight = np.zeros(len(sides)), np.zeros(len(sides))
    for k in np.unique(held.labels):
        images = np.flatnonzero(held.labels == k)
        members, cell = np.unique(numbers[images], return_inverse=True)
        mean = np.zeros((len(members), len(images)), dtype=np.float32)
        mean[cell, np.arange(len(images))] = 1 / np.bincount(cell)[cell]
        alike = mean @ kernel[np.ix_(images, images)] @ mean.T
        np.fill_diagonal(alike, 0.0)  # a source with itself
        distance, support = _discrepancies(alike.astype(np.float64), sides[:, members])
        total += distance * support
        weight += support
    scores = np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
    return _upper_p(scores)


def _enough(new: Mask) -> bool:
    """Whether sources of one class can be compared: two of them on either side."""
    return min(int(new.sum()), int((~new).sum())) > 1


def class_mix_p(held: Collections, *, seed: int) -> float:
    """The p-value of a difference in the mean mix of classes of a source."""
    sources, numbers = np.unique(held.sources, return_inverse=True)
    new = np.zeros(len(sources), dtype=bool)
    new[numbers] = held.new
    classes, labels = np.unique(held.labels, return_inverse=True)
    mix = np.zeros((len(sources), len(classes)))
    np.add.at(mix, (numbers, labels), 1.0)
    mix /= mix.sum(axis=1, keepdims=True)
    sides = _permuted(new, np.zeros(len(sources), dtype=np.int64), seed)
    assert sides is not None  # there are enough sources on either side
    after = sides @ mix / sides.sum(axis=1, keepdims=True)
    before = (1 - sides) @ mix / (1 - sides).sum(axis=1, keepdims=True)
    return _upper_p(((after - before) ** 2).sum(axis=1))


def _gaussian(values: Floats) -> Floats32:
    """The kernel between all images, (N, N); half the squared median distance is its width."""
    values = values.astype(np.float32)
    drawn = values[np.random.default_rng(0).permutation(len(values))[:MEDIAN_OF]]
    distances = pdist(drawn, "sqeuclidean")
    width = float(np.median(distances[distances > 0])) if (distances > 0).any() else 1.0
    norms = (values**2).sum(axis=1)
    squared = norms[:, None] + norms[None, :] - 2 * values @ values.T
    return np.asarray(np.exp(-np.maximum(squared, 0) / width), dtype=np.float32)


def _strata(labels: Ints, numbers: Ints) -> Ints:
    """The class of all images of each source, (G,), or one more than any class for sources of several."""
    lowest, highest = np.full(numbers.max() + 1, labels.max()), np.zeros(numbers.max() + 1, dtype=np.int64)
    np.minimum.at(lowest, numbers, labels)
    np.maximum.at(highest, numbers, labels)
    return np.where(lowest == highest, lowest, labels.max() + 1)


def _permuted(new: Mask, strata: Ints, seed: int) -> Floats | None:
    """Which sources are new, (1 + PERMUTATIONS, G): as it is, then with sides exchanged within strata.

    None where they can be exchanged in so few ways that no p-value would be small.
    """
    groups = [np.flatnonzero(strata == one) for one in np.unique(strata)]
    ways = sum(float(np.log(special.comb(len(group), int(new[group].sum())))) for group in groups)
    if ways < np.log(FEWEST_DIVISIONS):
        return None
    rng = np.random.default_rng(seed)
    sides = np.repeat(new[None].astype(np.float64), 1 + PERMUTATIONS, axis=0)
    for group in groups:
        sides[1:, group] = rng.permuted(sides[1:, group], axis=1)
    return sides


def _discrepancies(alike: Floats, new: Floats) -> tuple[Floats, Floats]:
    """The squared mean discrepancy of one class in each division, (P,), unbiased, and what it weighs, (P,).

    `alike` (S, S) is zero on its diagonal, `new` (P, S) says which sources are new.
    """
    after, before = new.sum(axis=1), (1 - new).sum(axis=1)
    towards = new @ alike
    within_new = (towards * new).sum(axis=1)
    across = (towards * (1 - new)).sum(axis=1)
    within_old = alike.sum() - within_new - 2 * across
    enough = (after > 1) & (before > 1)
    pairs = [np.maximum(one, 1) for one in (after * (after - 1), before * (before - 1), after * before)]
    distance = within_new / pairs[0] + within_old / pairs[1] - 2 * across / pairs[2]
    support = np.where(enough, after * before / (after + before), 0.0)
    return distance * enough, support


def _upper_p(scores: Floats) -> float:
    """The share of divisions that score as high as the first, itself among them."""
    least = scores[0] - 1e-9 * abs(scores[0])
    return float((scores >= least).mean())


def normal_scores(values: Floats) -> Floats:
    """Each column of `values` (N, D) as the normal quantiles of its ranks, which no outlier stretches."""
    ranks = stats.rankdata(values, axis=0)
    return np.asarray(special.ndtri((ranks - 0.5) / len(values)), dtype=np.float64)


def standardised_differences(values: Floats, held: Collections) -> Floats:
    """How far the mean source of the new collection lies from the other's, (D,), in standard deviations.

    Of sources, pooled (Cohen's d); 0 where nothing varies.
    """
    _, numbers = np.unique(held.sources, return_inverse=True)
    sizes = np.bincount(numbers)
    means = np.stack([np.bincount(numbers, weights=column) / sizes for column in values.T], axis=1)
    new = np.zeros(len(sizes), dtype=bool)
    new[numbers] = held.new
    before, after = means[~new], means[new]
    parts = [(len(one) - 1) * one.var(axis=0, ddof=1) for one in (before, after)]
    spread = np.sqrt(sum(parts) / (len(means) - 2))
    apart = after.mean(axis=0) - before.mean(axis=0)
    return np.asarray(np.divide(apart, spread, out=np.zeros_like(apart), where=spread > 1e-9))
