"""A linear head by logistic regression, its L2 penalty chosen on a fold that it did not learn from."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from groupwise.data.stratify import Labels
from groupwise.errors import GroupwiseError
from groupwise.recipe.aim import Selector
from groupwise.stats.arrays import Floats, Floats32
from groupwise.training.config import StrengthRecord
from groupwise.training.selection import figure, rank

Features = Floats32
Regressions = Callable[[Features, Labels, float], tuple[Floats, Floats]]
"""Weight (K, D) and bias (K,) by inputs, labels and an inverse penalty, begun from the fit before."""

STRENGTHS = tuple(10.0**power for power in np.arange(-5, 1.5, 0.5))  # inverse penalties, the heaviest first
ITERATIONS = 300
PATIENCE = 3  # lighter penalties in a row that are no better by any figure, after which none is tried
NEVER = -30.0  # the logit of a class that nothing was learnt of


@dataclass(frozen=True, eq=False)
class Choosing:
    """How the penalty is chosen: by which figures, the costs (K, K) where they count, and whether classes
    weigh alike in the loss.
    """

    by: tuple[Selector, ...] = ("accuracy", "loss")
    costs: Floats | None = None
    balanced: bool = False


@dataclass(frozen=True, eq=False)
class LinearHead:
    """Logits are `features @ weight.T + bias`; weight (K, D), bias (K,). `best` is one of `tried`."""

    weight: Features
    bias: Features
    tried: tuple[StrengthRecord, ...]
    best: StrengthRecord

    def logits(self, features: Features) -> Floats:
        """Logits (N, K) of features (N, D)."""
        return np.asarray(features @ self.weight.T + self.bias, dtype=np.float64)


def fit_head(
    learnt: tuple[Features, Labels],
    select: tuple[Features, Labels],
    *,
    num_classes: int,
    choosing: Choosing,
    progress: Callable[[int, int], None] | None = None,
) -> LinearHead:
    """Fit on `learnt`, features (N, D) and class numbers (N,), by each penalty; the best on `select` is kept.

    Of sets of labels, 1 for each that an image has, (N, K), each label has a regression of its own. Features
    are standardised by those that are learnt from, which the returned head undoes, so that it takes them as
    they are. Each fit begins from the one before it. Raises `GroupwiseError` for a single class.
    """
    features, labels = learnt
    if len(np.unique(labels, axis=0)) < 2:
        raise GroupwiseError(
            "all images to learn from are of one class", place="train", remedy="Give images of another one."
        )
    scaler = StandardScaler().fit(features)
    inputs = scaler.transform(features)
    regressions = _of_sets(labels) if labels.ndim == 2 else _of_classes(num_classes, choosing.balanced)
    tried: list[StrengthRecord] = []
    best: LinearHead | None = None
    for strength in STRENGTHS:
        # Over products as narrow as the classes two threads take three times as long, ten on a busy machine
        with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a last digit, which no choice depends on
            weight, bias = _unscaled(*regressions(inputs, labels, strength), scaler)
        head = LinearHead(weight, bias, (), StrengthRecord(strength, math.nan, math.nan))
        record = _scored(strength, head.logits(select[0]), select[1], choosing)
        tried.append(record)
        if best is None or rank(record, choosing.by) > rank(best.best, choosing.by):
            best = LinearHead(weight, bias, (), record)
        if progress:
            progress(len(tried), len(STRENGTHS))
        if _worsens(tried, choosing.by):
            break
    assert best is not None
    return LinearHead(best.weight, best.bias, tuple(tried), best.best)


def _of_classes(num_classes: int, balanced: bool) -> Regressions:
    """One regression of all classes."""
    model = LogisticRegression(
        max_iter=ITERATIONS, warm_start=True, class_weight="balanced" if balanced else None
    )

    def fit(inputs: Features, labels: Labels, strength: float) -> tuple[Floats, Floats]:
        model.set_params(C=strength).fit(inputs, labels)
        weight, bias = model.coef_, model.intercept_
        if len(model.classes_) == 2:  # one row, the logit of the second class against the first
            weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
        whole, constant = np.zeros((num_classes, weight.shape[1])), np.full(num_classes, NEVER)
        whole[model.classes_], constant[model.classes_] = weight, bias
        return whole, constant

    return fit


def _of_sets(members: Labels) -> Regressions:
    """One regression a label; what all images have, or none, is always said of an image, or never."""
    share = members.mean(axis=0)
    models = {
        k: LogisticRegression(max_iter=ITERATIONS, warm_start=True)
        for k in np.flatnonzero((share > 0) & (share < 1)).tolist()
    }

    def fit(inputs: Features, labels: Labels, strength: float) -> tuple[Floats, Floats]:
        whole, constant = np.zeros((len(share), inputs.shape[1])), np.where(share < 1, NEVER, -NEVER)
        for k, model in models.items():
            model.set_params(C=strength).fit(inputs, labels[:, k])
            whole[k], constant[k] = model.coef_[0], model.intercept_[0]
        return whole, constant

    return fit


def _unscaled(weight: Floats, bias: Floats, scaler: Any) -> tuple[Features, Features]:
    """Weight (K, D) and bias (K,) for features that are not standardised."""
    weight = weight / scaler.scale_
    return weight.astype(np.float32), (bias - weight @ scaler.mean_).astype(np.float32)


def _scored(strength: float, logits: Floats, labels: Labels, choosing: Choosing) -> StrengthRecord:
    if labels.ndim == 2:
        loss = float((np.logaddexp(0, logits) - labels * logits).sum(axis=1).mean())
        right = ((logits > 0) == labels.astype(bool)).all(axis=1)
    else:
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        loss = float(-log_probs[np.arange(len(labels)), labels].mean())
        right = logits.argmax(axis=1) == labels
    more = {
        f"select_{name}": figure(name, logits, labels.astype(np.int64), choosing.costs)
        for name in choosing.by
        if name not in ("accuracy", "loss")
    }
    return StrengthRecord(
        float(f"{strength:.4g}"),
        loss,
        float(right.mean()),
        **more,
    )


def _worsens(tried: Sequence[StrengthRecord], by: Sequence[Selector]) -> bool:
    """Whether the last penalties were no better than those before them, by any figure or by the loss."""
    before, last = tried[:-PATIENCE], tried[-PATIENCE:]
    if not before:
        return False
    names: set[Selector] = {*by, "loss"}
    return all(
        max(rank(one, (name,)) for one in last) <= max(rank(one, (name,)) for one in before) for name in names
    )
