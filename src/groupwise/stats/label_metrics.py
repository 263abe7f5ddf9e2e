"""The figures of `metrics.json` for a fold with sets of labels, each with n, sources and interval.

A label is measured against its absence; means are over the labels that stand in the fold. Plain figures agree
with scikit-learn's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.bootstrap import left_out_weights, source_weights
from groupwise.stats.estimate import SCHEMA, SETS, Estimate
from groupwise.stats.fold import Fold, Ranking
from groupwise.stats.intervals import (
    ONE_SOURCE,
    balanced_support,
    fraction,
    jackknifed_share,
    resampled_share,
    share_of_images,
)
from groupwise.stats.label_rule import LabelAnswers, Members
from groupwise.stats.label_sets import missed_shares
from groupwise.stats.metrics import FEW_SOURCES, f1_share


@dataclass(frozen=True, eq=False)
class LabelFold:
    """True labels (N, K), their probabilities (N, K), and sources (N,) numbered 0..G-1."""

    members: Members
    probs: Floats
    sources: Ints

    @property
    def n(self) -> int:
        return len(self.probs)

    @property
    def n_sources(self) -> int:
        return self.whole.n_sources

    @cached_property
    def whole(self) -> Fold:
        """The images and their sources, as of one class; it is what sums and supports are taken over."""
        return self._as_fold(np.zeros(self.n, dtype=np.int64), 0)

    @cached_property
    def each(self) -> tuple[Fold, ...]:
        """For each label the fold of two classes: without it, and with it."""
        return tuple(
            self._as_fold(self.members[:, k].astype(np.int64), k) for k in range(self.probs.shape[1])
        )

    @cached_property
    def present(self) -> list[int]:
        """The labels that an image of the fold has."""
        return np.flatnonzero(self.members.any(axis=0)).tolist()

    @cached_property
    def rankable(self) -> list[int]:
        """The labels that some images have and others have not."""
        return [k for k in self.present if not self.members[:, k].all()]

    def per_source(self, values: Any) -> Floats:
        return self.whole.per_source(np.asarray(values, dtype=np.float64))

    def _as_fold(self, labels: Ints, k: int) -> Fold:
        return Fold(labels, np.column_stack([1 - self.probs[:, k], self.probs[:, k]]), self.sources)


def check_label_fold(members: Any, probs: Floats, sources: Ints) -> LabelFold:
    """Refuse with ValueError what does not fit, and number the sources from 0."""
    members, probs = np.asarray(members).astype(bool), np.asarray(probs, dtype=np.float64)
    if probs.ndim != 2 or members.shape != probs.shape or len(sources) != len(probs) or not len(probs):
        raise ValueError(f"labels {members.shape}, probs {probs.shape} and {len(sources)} sources do not fit")
    if not ((probs >= 0) & (probs <= 1)).all():
        raise ValueError("probabilities lie outside of 0 to 1")
    _, numbers = np.unique(sources, return_inverse=True)
    return LabelFold(members, probs, numbers.astype(np.int64))


def rank_figures(fold: LabelFold, weights: Floats) -> tuple[Floats, Floats]:
    """AUROC and average precision of each rankable label in each draw, both (D, R)."""
    both = [Ranking.of(fold.each[k], 1).weigh(weights) for k in fold.rankable]
    if not both:
        return np.zeros((len(weights), 0)), np.zeros((len(weights), 0))
    auroc, precision = zip(*both, strict=True)
    return np.column_stack(auroc), np.column_stack(precision)


def mean_average_precision(fold: LabelFold) -> float:
    """The mean over the labels that images can be ranked by; nan without one."""
    if not fold.rankable:
        return float("nan")
    return float(rank_figures(fold, np.ones((1, fold.whole.n_sources)))[1].mean())


@dataclass(frozen=True, eq=False)
class LabelDraws:
    """Figures of a fold in one row, and in bootstrap draws of its sources where there are several.

    `left_out` is the average precision of each rankable label without each block of sources, (D, R).
    """

    plain: Mapping[str, Floats]
    draws: Mapping[str, Floats] | None
    left_out: Floats | None = None

    @classmethod
    def of(cls, fold: LabelFold, called: Members, draws: int, seed: int) -> LabelDraws:
        sums = [
            np.array([fold.per_source(x[:, k]) for k in range(x.shape[1])]).T
            for x in (fold.members & called, fold.members, called)
        ]  # (G, K) each

        def weigh(weights: Floats) -> dict[str, Floats]:
            auroc, precision = rank_figures(fold, weights)
            correct, labelled, said = (weights @ one for one in sums)
            total = labelled + said
            f1 = np.divide(2 * correct, total, out=np.zeros_like(total), where=total > 0)
            lost = (labelled[:, fold.present] <= 0).any(axis=1)
            macro = f1[:, fold.present].mean(axis=1) if fold.present else np.full(len(weights), np.nan)
            return {"auroc": auroc, "average_precision": precision, "macro_f1": np.where(lost, np.nan, macro)}

        plain = weigh(np.ones((1, fold.whole.n_sources)))
        if fold.whole.n_sources < 2:
            return cls(plain, None)
        chunks = [weigh(weights) for weights in source_weights(fold.whole, draws, seed)]
        left = [rank_figures(fold, weights)[1] for weights in left_out_weights(fold.whole, seed)]
        drawn = {name: np.concatenate([c[name] for c in chunks]) for name in plain}
        return cls(plain, drawn, np.concatenate(left))

    def without(self, name: str) -> Floats | None:
        """The figure of each rankable label without each block of sources, (D, R), where that is told."""
        return self.left_out if name == "average_precision" else None


def measure_label_fold(
    fold: LabelFold, said: LabelAnswers, classes: Sequence[str], *, seed: int, draws: int = 2000
) -> dict[str, Any]:
    """Every figure of a fold by what was said of its images; ready for JSON, as `measure_fold`'s."""
    called = said.given
    exact = np.asarray((called == fold.members).all(axis=1))
    empty = np.asarray(fold.members.sum(axis=1) == 0)
    drawn = LabelDraws.of(fold, called, draws, seed)
    every = np.ones(fold.n, dtype=bool)
    return {
        "schema": SCHEMA,
        "labels": SETS,
        "n": fold.n,
        "sources": fold.whole.n_sources,
        "average_precision": mean_over_labels(fold, drawn, "average_precision", classes).as_json(),
        "auroc": mean_over_labels(fold, drawn, "auroc", classes).as_json(),
        "macro_f1": _macro_f1(fold, drawn, classes).as_json(),
        "micro_f1": _micro_f1(fold, called).as_json(),
        "accuracy": share_of_images(fold.whole, exact, every).as_json(),
        "without": share_of_images(fold.whole, empty, every).as_json(),
        "risk_control": _risk_control(fold, said),
        "per_class": {
            name: _label_figures(fold, drawn, called, said.thresholds[k], classes, k)
            for k, name in enumerate(classes)
        },
        "warnings": _warnings(fold, classes),
    }


def _label_figures(
    fold: LabelFold, drawn: LabelDraws, called: Members, threshold: float, classes: Sequence[str], k: int
) -> dict[str, Any]:
    name, one, has, said = classes[k], fold.each[k], fold.members[:, k], called[:, k]
    figures = {
        "precision": share_of_images(one, has, said, f"no image was given {name}"),
        "recall": share_of_images(one, said, has, f"no image of {name} in this fold"),
        "specificity": share_of_images(one, ~said, ~has, f"no image without {name} in this fold"),
        "f1": f1_share(one, has, said, f"no image of {name} in this fold, and none was given it"),
        "auroc": _ranking(fold, drawn, "auroc", classes, k),
        "average_precision": _ranking(fold, drawn, "average_precision", classes, k),
        "prevalence": share_of_images(one, has, np.ones(fold.n, dtype=bool)),
    }
    counts = {
        "n": int(has.sum()),
        "sources": int((fold.per_source(has) > 0).sum()),
        "threshold": threshold,
    }
    return counts | {key: figure.as_json() for key, figure in figures.items()}


def _ranking(fold: LabelFold, drawn: LabelDraws, name: str, classes: Sequence[str], k: int) -> Estimate:
    if k not in fold.rankable:
        which = "with" if k not in fold.present else "without"
        reason = f"no image {which} {classes[k]} in this fold"
        return Estimate(None, fold.n, fold.whole.n_sources, reason=reason)
    column, has = fold.rankable.index(k), fold.members[:, k]
    parts = {classes[k]: fold.per_source(has), "the rest": fold.per_source(~has)}
    draws = None if drawn.draws is None else drawn.draws[name][:, column]
    left_out = None if (left := drawn.without(name)) is None else left[:, column]
    return _estimate(fold, float(drawn.plain[name][0, column]), draws, parts, left_out)


def mean_over_labels(fold: LabelFold, drawn: LabelDraws, name: str, classes: Sequence[str]) -> Estimate:
    """`auroc` or `average_precision`, averaged over the labels that images can be ranked by."""
    if not fold.rankable:
        reason = "no label that some images of this fold have and others have not"
        return Estimate(None, fold.n, fold.whole.n_sources, reason=reason)
    draws = None if drawn.draws is None else drawn.draws[name].mean(axis=1)
    left_out = None if (left := drawn.without(name)) is None else left.mean(axis=1)
    value = float(drawn.plain[name][0].mean())
    figure = _estimate(fold, value, draws, label_parts(fold, fold.rankable, classes), left_out)
    return replace(figure, of=f"mean over {len(fold.rankable)} of {len(classes)} labels")


def _macro_f1(fold: LabelFold, drawn: LabelDraws, classes: Sequence[str]) -> Estimate:
    if not fold.present:
        return Estimate(None, fold.n, fold.whole.n_sources, reason="no label in this fold")
    draws = None if drawn.draws is None else drawn.draws["macro_f1"]
    value = float(drawn.plain["macro_f1"][0])
    figure = _estimate(fold, value, draws, label_parts(fold, fold.present, classes))
    return replace(figure, of=f"mean over {len(fold.present)} of {len(classes)} labels")


def label_parts(fold: LabelFold, ks: Sequence[int], classes: Sequence[str]) -> dict[str, Floats]:
    """Images of each label within each source, (G,)."""
    return {classes[k]: fold.per_source(fold.members[:, k]) for k in ks}


def _estimate(
    fold: LabelFold,
    value: float,
    draws: Floats | None,
    parts: Mapping[str, Floats],
    left_out: Floats | None = None,
) -> Estimate:
    figure = Estimate(value, fold.n, fold.whole.n_sources)
    if draws is None:
        return replace(figure, reason=ONE_SOURCE)
    lone = [name for name, images in parts.items() if (images > 0).sum() < 2]
    if lone:
        return replace(figure, reason=f"{', '.join(lone)} in a single source, which shows no variation")
    support = balanced_support(fold.whole, list(parts.values()))
    drawn = resampled_share(figure, draws, *support)
    if left_out is None or not drawn.has_interval or not np.isfinite(left_out).all():
        return drawn
    return jackknifed_share(figure, left_out, *support)


def _micro_f1(fold: LabelFold, called: Members) -> Estimate:
    # 2 TP / (labelled + given), a share of labels and of what was given taken together
    both = fold.per_source(fold.members.sum(axis=1) + called.sum(axis=1))
    hits = 2 * fold.per_source((fold.members & called).sum(axis=1))
    figure = fraction(hits, both, "no label in this fold, and none was given")
    return replace(figure, n=fold.n, sources=fold.whole.n_sources)


def _risk_control(fold: LabelFold, said: LabelAnswers) -> dict[str, Any]:
    """Whether the set of possible labels keeps its promise here; `_of_sources` is what it bounds."""
    if said.possible is None:
        return {"alpha": said.alpha, "reason": said.reason}
    found = said.possible
    labelled = fold.members.any(axis=1)
    missed = np.where(labelled, missed_shares(fold.members, found), 0.0)
    images, lost = fold.per_source(labelled), fold.per_source(missed)
    there = images > 0
    nothing = "no image of this fold has a label"
    return {
        "alpha": said.alpha,
        "threshold": said.threshold,
        "missed": fraction(lost, images, nothing).as_json(),
        "missed_of_sources": fraction(lost[there] / images[there], np.ones(there.sum()), nothing).as_json(),
        "mean_size": float(found.sum(axis=1).mean()),
    }


def _warnings(fold: LabelFold, classes: Sequence[str]) -> list[str]:
    sources = {name: int((fold.per_source(fold.members[:, k]) > 0).sum()) for k, name in enumerate(classes)}
    few = [f"{name} ({count})" for name, count in sources.items() if 0 < count < FEW_SOURCES]
    absent = [name for name, count in sources.items() if count == 0]
    told = []
    if absent:
        told.append(f"no image of {', '.join(absent)} in this fold: means over labels leave it out")
    if fold.whole.n_sources == 1:
        told.append("a single source: no figure of this fold has an interval")
    elif few:
        told.append(f"fewer than {FEW_SOURCES} sources in {', '.join(few)}: intervals may be too narrow")
    return told
