"""Models on the same images with sets of labels: how far their mean average precision and AUROC differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy import special

from groupwise.stats.arrays import Floats
from groupwise.stats.bootstrap import jackknife
from groupwise.stats.estimate import Estimate
from groupwise.stats.fold import CLIP
from groupwise.stats.intervals import balanced_support
from groupwise.stats.label_metrics import LabelDraws, LabelFold, label_parts, mean_over_labels
from groupwise.stats.paired_tests import Difference, further_sources, holm, loss_difference, separable
from groupwise.stats.wilson import student_t

SPREAD = "Student's t on the spread over a bootstrap of sources"
LEFT_OUT = "Student's t on the spread over a jackknife of sources"
RANKED = ("average_precision", "auroc")


@dataclass(frozen=True)
class LabelPair:
    """How the model numbered `second` differs from the one numbered `first`, as `paired_tests.Pair`.

    Log loss is binary, in nats a label of an image; the plan of sources is for average precision.
    """

    first: int
    second: int
    average_precision: Difference
    auroc: Difference
    log_loss: Difference
    further_sources: int | None
    separable: float | None

    @property
    def headline(self) -> Difference:
        """The difference that the verdict is on."""
        return self.average_precision


def compare_label_models(
    folds: Sequence[LabelFold], names: Sequence[str], *, seed: int, draws: int = 2000
) -> tuple[LabelPair, ...]:
    """Every pair of models on the same images, corrected for their number after Holm."""
    drawn = [_draw(fold, draws, seed) for fold in folds]
    numbers = list(combinations(range(len(folds)), 2))
    found = []
    for i, j in numbers:
        differences = _ranked(folds[i], drawn[i], drawn[j], names)
        lost = label_losses(folds[j]) - label_losses(folds[i])
        differences["log_loss"] = loss_difference(folds[i].whole, lost, seed=seed, draws=draws)
        found.append(differences)
    for name in (*RANKED, "log_loss"):
        corrected = holm([differences[name].p for differences in found])
        for differences, p in zip(found, corrected, strict=True):
            differences[name] = replace(differences[name], p_holm=p)
    n_sources = folds[0].whole.n_sources
    return tuple(
        LabelPair(
            i,
            j,
            **differences,
            further_sources=further_sources(differences["average_precision"].error, n_sources),
            separable=separable(differences["average_precision"].error),
        )
        for (i, j), differences in zip(numbers, found, strict=True)
    )


def compare_label_folds(
    first: LabelFold, second: LabelFold, names: Sequence[str], *, seed: int, draws: int = 2000
) -> tuple[Estimate, Difference]:
    """The mean average precision of the first model, and the second's less that; `names` are the labels'."""
    theirs, ours = (_draw(one, draws, seed) for one in (first, second))
    figure = mean_over_labels(first, theirs, "average_precision", names)
    return figure, _ranked(first, theirs, ours, names)["average_precision"]


def label_losses(fold: LabelFold) -> Floats:
    """The binary log loss of each image, the mean over its labels, (N,)."""
    true = np.where(fold.members, fold.probs, 1 - fold.probs)
    return np.asarray(-np.log(np.clip(true, CLIP, 1)).mean(axis=1))


def _draw(fold: LabelFold, draws: int, seed: int) -> LabelDraws:
    return LabelDraws.of(fold, np.zeros_like(fold.members), draws, seed)


def _ranked(
    fold: LabelFold, first: LabelDraws, second: LabelDraws, names: Sequence[str]
) -> dict[str, Difference]:
    """The differences in what ranks images; the images and their sources are those of `fold`.

    The same sources are drawn for both models, so that what both find hard cancels.
    """
    return {name: _difference(fold, (first, second), name, names) for name in RANKED}


def _difference(
    fold: LabelFold, pair: tuple[LabelDraws, LabelDraws], name: str, names: Sequence[str]
) -> Difference:
    figure = mean_over_labels(fold, pair[0], name, names)
    if figure.value is None:
        return Difference(0.0, 1.0, 1.0, SPREAD, reason=figure.reason)
    theirs, ours = (float(one.plain[name].mean()) for one in pair)
    value = ours - theirs
    means = [_means(one.draws, name) for one in pair if one.draws is not None]
    if not figure.has_interval or len(means) < 2:
        return Difference(value, 1.0, 1.0, SPREAD, reason=figure.reason)
    df = balanced_support(fold.whole, list(label_parts(fold, fold.rankable, names).values()))[1]
    with np.errstate(invalid="ignore"):  # a draw that lacks a label has no mean
        error, method = float(np.nanstd(means[1] - means[0])), SPREAD
    left_out = [left.mean(axis=1) for one in pair if (left := one.without(name)) is not None]
    if len(left_out) == 2 and np.isfinite(left_out).all():
        error, method = float(np.sqrt(jackknife(value, left_out[1] - left_out[0])[1])), LEFT_OUT
    p = 2 * float(special.stdtr(df, -abs(value) / error)) if error else float(value == 0)
    reach = student_t(df) * error
    return Difference(value, p, p, method, value - reach, value + reach, error)


def _means(draws: Mapping[str, Floats], name: str) -> Floats:
    return np.asarray(draws[name].mean(axis=1))
