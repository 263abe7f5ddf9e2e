"""Paired differences between models that answered the same images, with intervals and p-values.

The images of a source stand and fall together, so whole sources are resampled (see `bootstrap`), and whole
sources change sides in the sign-flip test (Fisher 1935, The Design of Experiments, section 21). Where every
source is one image that is, for right and wrong, the exact test of McNemar (1947, Psychometrika 12:153).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy import special

from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.bootstrap import CHUNK_CELLS, source_weights
from groupwise.stats.fold import Fold, balanced_accuracy, check_fold, class_counts, log_losses, weighted_means
from groupwise.stats.intervals import ONE_SOURCE, RARE_CLASS, balanced_support, whole_support
from groupwise.stats.wilson import student_t

ALPHA = 0.05
POWER = 0.8
FLIPS = 10_000
RESIDUE = 1e-13  # far below the share of one image in a billion
TARGET = 0.05  # the difference in accuracy for which further sources are planned

MCNEMAR = "McNemar's exact test"
ALL_FLIPS = "sign flips of sources, all of them"
DRAWN_FLIPS = f"sign flips of sources, {FLIPS:,} at random"


@dataclass(frozen=True)
class Difference:
    """One figure of the second model less that of the first, with a two-sided p-value and 95 % limits.

    `p_holm` is `p` corrected for all pairs that were compared. `error` is the standard error behind the
    limits; all three are None where `reason` says why.
    """

    value: float
    p: float
    p_holm: float
    test: str
    low: float | None = None
    high: float | None = None
    error: float | None = None
    reason: str | None = None

    @property
    def shown(self) -> bool:
        """Whether there is a difference, by the corrected test and by the limits."""
        if self.low is None or self.high is None:
            return False
        return self.p_holm < ALPHA and not self.low <= 0 <= self.high


@dataclass(frozen=True)
class Pair:
    """How the model numbered `second` differs from the one numbered `first`; log loss is in nats an image.

    `further_sources` is how many more would separate a difference of TARGET in accuracy, 0 if these do;
    `separable` is the least difference that these would. Both are None for a single source.
    """

    first: int
    second: int
    accuracy: Difference
    balanced_accuracy: Difference
    log_loss: Difference
    further_sources: int | None
    separable: float | None

    @property
    def headline(self) -> Difference:
        """The difference that the verdict is on."""
        return self.accuracy


@dataclass(frozen=True, eq=False)
class _Measure:
    """One figure's difference, taken apart.

    `parts` (G,) is what each source adds to it, and `unseen` (G,) what it would add were one model right and
    the other wrong on all of it (0 for losses, which have no such bound); `draws` (D,) is the difference in
    bootstrap draws, NaN in those that lost a class, and `df` the degrees of freedom of their spread.
    """

    parts: Floats
    unseen: Floats
    draws: Floats
    df: float


def compare_models(
    labels: Ints,
    probs: Sequence[Floats],
    sources: Ints,
    classes: Sequence[str],
    *,
    seed: int,
    draws: int = 2000,
) -> tuple[Pair, ...]:
    """Every pair of models on the same images, (0, 1), (0, 2), ..., corrected for their number after Holm.

    `labels` (N,) index `classes`, each of `probs` (N, K) is one model's, `sources` (N,) are any integers.
    Raises ValueError for arrays that do not fit. The same `seed` gives the same result; O(draws N K) a pair.
    """
    folds = [check_fold(labels, one, sources, classes) for one in probs]
    numbers = list(combinations(range(len(folds)), 2))
    found = [_compare(folds[i], folds[j], seed, draws) for i, j in numbers]
    for name in found[0]:
        corrected = holm([differences[name].p for differences in found])
        for differences, p in zip(found, corrected, strict=True):
            differences[name] = replace(differences[name], p_holm=p)
    n_sources = folds[0].n_sources
    return tuple(
        Pair(
            i,
            j,
            **differences,
            further_sources=further_sources(differences["accuracy"].error, n_sources),
            separable=separable(differences["accuracy"].error),
        )
        for (i, j), differences in zip(numbers, found, strict=True)
    )


def loss_difference(fold: Fold, lost: Floats, *, seed: int, draws: int) -> Difference:
    """The mean of what a second model loses more than a first, (N,), as a difference of the two."""
    share, sums = np.full(fold.n, 1 / fold.n), fold.per_source(lost)
    images = fold.per_source(np.ones(fold.n))
    drawn = [
        weighted_means(weights, sums, images)
        for weights in (source_weights(fold, draws, seed) if fold.n_sources > 1 else ())
    ]
    resampled = np.concatenate(drawn) if drawn else np.empty(0)
    parts = _add_up(fold, lost * share)
    p, test = sign_flip_p(parts, seed=seed)
    measure = _Measure(parts, np.zeros(fold.n_sources), resampled, whole_support(fold).df)
    return _limit(Difference(float(parts.sum()), p, p, test), measure)


def _compare(first: Fold, second: Fold, seed: int, draws: int) -> dict[str, Difference]:
    found = {}
    for name, measure in _measures(first, second, seed, draws).items():
        if name == "accuracy" and first.n_sources == first.n:
            p, test = mcnemar_p(measure.parts), MCNEMAR
        else:
            p, test = sign_flip_p(measure.parts, seed=seed)
        found[name] = _limit(Difference(float(measure.parts.sum()), p, p, test), measure)
    return found


def _measures(first: Fold, second: Fold, seed: int, draws: int) -> dict[str, _Measure]:
    right = [(fold.predicted == fold.labels).astype(np.float64) for fold in (first, second)]
    losses = log_losses(second) - log_losses(first)
    # The share of each image in accuracy, and in the mean recall of the classes that are present.
    share = np.full(first.n, 1 / first.n)
    recall = 1 / first.support[first.labels] / (first.support > 0).sum()
    by_class = [
        first.per_source((first.labels == k).astype(np.float64)) for k in np.flatnonzero(first.support)
    ]
    split = all((images > 0).sum() > 1 for images in by_class)
    df = whole_support(first).df
    drawn = _draw(first, second, right[1] - right[0], losses, seed, draws)
    return {
        "accuracy": _Measure(
            _add_up(first, (right[1] - right[0]) * share), first.per_source(share), drawn[0], df
        ),
        "balanced_accuracy": _Measure(
            _add_up(first, (right[1] - right[0]) * recall),
            first.per_source(recall),
            drawn[1] if split else np.full(draws, np.nan),
            balanced_support(first, by_class)[1] if split else df,
        ),
        # Equal losses come from equal models, so there nothing is unseen.
        "log_loss": _Measure(_add_up(first, losses * share), np.zeros(first.n_sources), drawn[2], df),
    }


def _add_up(fold: Fold, values: Floats) -> Floats:
    """Sum `values` (N,) within each source, (G,); what is zero but for rounding is zero."""
    parts = fold.per_source(values)
    return np.where(np.abs(parts) > RESIDUE, parts, 0.0)


def _draw(
    first: Fold, second: Fold, gained: Floats, losses: Floats, seed: int, draws: int
) -> tuple[Floats, Floats, Floats]:
    """Differences in accuracy, balanced accuracy and log loss in bootstrap draws, (D,) each."""
    if first.n_sources < 2:
        return (np.empty(0),) * 3
    images = first.per_source(np.ones(first.n))
    gained, losses = first.per_source(gained), first.per_source(losses)
    rows = [
        (
            weighted_means(weights, gained, images),
            balanced_accuracy(second, class_counts(second, weights))
            - balanced_accuracy(first, class_counts(first, weights)),
            weighted_means(weights, losses, images),
        )
        for weights in source_weights(first, draws, seed)
    ]
    accuracy, balanced, loss = (np.concatenate(column) for column in zip(*rows, strict=True))
    return accuracy, balanced, loss


def _limit(difference: Difference, measure: _Measure) -> Difference:
    """Add limits: Student's t on the spread of the draws and of one source more.

    Where few sources tell the models apart, their spread says little of those not drawn. As Agresti and Min
    (2005, Statistics in Medicine 24:729) add one discordant pair, half on each side, one source is added:
    like those that differ, or, if none does, one on which the models differ altogether.
    """
    if len(measure.parts) < 2:
        return replace(difference, reason=ONE_SOURCE)
    defined = measure.draws[np.isfinite(measure.draws)]
    if len(defined) < len(measure.draws) / 2:
        return replace(difference, reason=RARE_CLASS)
    differing = measure.parts[measure.parts != 0]
    further = differing if differing.size else measure.unseen
    error = math.sqrt(defined.var() + (further**2).mean())
    reach = student_t(measure.df) * error
    most = float(measure.unseen.sum()) or math.inf  # shares differ by no more than the whole
    low, high = max(difference.value - reach, -most), min(difference.value + reach, most)
    return replace(difference, low=low, high=high, error=error)


def mcnemar_p(parts: Floats) -> float:
    """The exact two-sided p-value of McNemar's test, from what each image adds to the difference, (N,)."""
    better, worse = int((parts > 0).sum()), int((parts < 0).sum())
    # Of n pairs that differ either way is as likely, so that both tails are alike.
    return min(1.0, 2 * float(special.bdtr(min(better, worse), better + worse, 0.5)))


def sign_flip_p(parts: Floats, *, seed: int) -> tuple[float, str]:
    """The two-sided p-value of a difference from what each source adds to it, (G,), and the test's name.

    Were the models alike, each source could as well have gone the other way. All flips are tried where they
    are no more than FLIPS; else FLIPS are drawn, and what was seen counts as one of them (Phipson and Smyth
    2010, Stat. Appl. Genet. Mol. Biol. 9:39).
    """
    parts = parts[parts != 0]  # flipping nothing changes nothing
    # Sums that are equal but for rounding are equal.
    least = abs(parts.sum()) - 1e-9 * np.abs(parts).sum()
    if 2 ** min(parts.size, 64) <= FLIPS:
        patterns = np.arange(2**parts.size)[:, None] >> np.arange(parts.size) & 1
        return float((np.abs((2 * patterns - 1) @ parts) >= least).mean()), ALL_FLIPS
    rng = np.random.default_rng(seed)
    chunk = max(1, CHUNK_CELLS // parts.size)
    extreme = 0
    for start in range(0, FLIPS, chunk):
        signs = 2 * rng.integers(2, size=(min(chunk, FLIPS - start), parts.size), dtype=np.int8) - 1
        extreme += int((np.abs(signs @ parts) >= least).sum())
    return (extreme + 1) / (FLIPS + 1), DRAWN_FLIPS


def holm(p: Sequence[float]) -> list[float]:
    """p-values corrected for their number, in the same order (Holm 1979, Scand. J. Statist. 6:65)."""
    values = np.asarray(p, dtype=np.float64)
    order = values.argsort()
    stepped = np.minimum(np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)), 1)
    corrected = np.empty_like(values)
    corrected[order] = stepped
    return [float(value) for value in corrected]


def separable(error: float | None) -> float | None:
    """The least difference that a test at ALPHA finds with probability POWER, given its standard error.

    (z(1 - ALPHA / 2) + z(POWER)) standard errors (Lachin 1981, Controlled Clinical Trials 2:93).
    """
    return None if error is None else error * float(special.ndtri(1 - ALPHA / 2) + special.ndtri(POWER))


def further_sources(error: float | None, n_sources: int) -> int | None:
    """How many sources beyond `n_sources` make TARGET separable; 0 if it is.

    The squared error shrinks as sources are added, so n_sources (separable / TARGET)^2 are needed: Lachin's
    (z(1 - ALPHA / 2) + z(POWER))^2 s^2 / TARGET^2 with the variance s^2 = n_sources error^2 of a source.
    The error counts one source more than was seen, so where few sources differ the plan leans long.
    """
    least = separable(error)
    return None if least is None else max(0, math.ceil(n_sources * (least / TARGET) ** 2) - n_sources)
