"""What chooses the epoch: the figures of the fold that selects, beside its loss and accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from groupwise.distributed.world import World
from groupwise.recipe.aim import Selector
from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.calibration import calibrated, fit_temperature
from groupwise.stats.costs import cheapest_answers
from groupwise.stats.fold import Fold, Ranking, balanced_accuracy, class_counts
from groupwise.stats.label_metrics import check_label_fold, rank_figures
from groupwise.stats.label_sets import label_probabilities
from groupwise.training.config import EpochRecord, StrengthRecord

Record = EpochRecord | StrengthRecord

PLAIN = ("accuracy", "loss")  # which are summed batch by batch
RANKINGS = ("auroc", "average_precision")  # in the order in which `Ranking.weigh` gives them
LOWEST = ("loss", "cost")  # of which the best epoch has the least


class Answers:
    """What a network answers on the fold that selects, batch by batch, for the figures `by` that need it."""

    def __init__(self, by: Sequence[Selector]) -> None:
        self._wanted = [name for name in by if name not in PLAIN]
        self._logits: list[Floats] = []
        self._labels: list[Ints] = []

    def add(self, logits: Tensor, labels: Tensor) -> None:
        """Keep the logits (N, K) and the class numbers (N,), or sets of labels (N, K), of a batch."""
        if not self._wanted:
            return
        self._logits.append(logits.double().cpu().numpy())
        self._labels.append(labels.cpu().numpy())

    def figures(self, costs: Floats | None, world: World) -> dict[str, float | None]:
        """The columns of `EpochRecord` that are no plain sums; all processes have to call.

        Without images there is none, and a figure that is not defined on them is None.
        """
        if not self._wanted:
            return {}
        parts = [
            part for each in world.gather((self._logits, self._labels)) for part in zip(*each, strict=True)
        ]
        if not parts:
            return {}
        logits, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
        return {f"select_{name}": figure(name, logits, labels, costs) for name in self._wanted}


def figure(name: str, logits: Floats, labels: Ints, costs: Floats | None) -> float | None:
    """One of the figures that are no plain sums, None where it is not defined on these answers."""
    if labels.ndim == 2:
        return _figure_of_sets(name, logits, labels)
    if name == "cost":
        assert costs is not None
        return mean_cost(logits, labels, costs)
    fold = Fold(labels, calibrated(logits, 1.0), np.zeros(len(labels), np.int64))
    weights = np.ones((1, 1))
    if name == "balanced_accuracy":
        return float(balanced_accuracy(fold, class_counts(fold, weights))[0])
    ranked = mean_ranking(fold, RANKINGS.index(name))
    return None if math.isnan(ranked) else ranked


def _figure_of_sets(name: str, logits: Floats, labels: Ints) -> float | None:
    fold = check_label_fold(labels, label_probabilities(logits, 1.0), np.zeros(len(labels), np.int64))
    figures = rank_figures(fold, np.ones((1, 1)))[RANKINGS.index(name)]
    return float(figures.mean()) if figures.size else None


def mean_ranking(fold: Fold, which: int) -> float:
    """AUROC or average precision, by its number in RANKINGS, of each class against the others.

    Averaged over those that can be ranked; nan without one.
    """
    present = [k for k in np.flatnonzero(fold.support) if fold.support[k] < fold.n]
    ones = np.ones((1, fold.n_sources))
    each = [float(Ranking.of(fold, int(k)).weigh(ones)[which][0]) for k in present]
    return float(np.mean(each)) if each else math.nan


def mean_cost(logits: Floats, labels: Ints, costs: Floats) -> float:
    """What an image costs on average where the answer of the least expected cost is given.

    The probabilities are those that the fold itself calibrates, as the decision of a run is made.
    """
    probs = calibrated(logits, fit_temperature(logits, labels, len(labels)))
    return float(costs[labels, cheapest_answers(probs, costs)].mean())


def rank(record: Record, by: Sequence[Selector]) -> tuple[float, ...]:
    """What the best epoch has the highest of; a figure that is not defined ranks lowest.

    Any epoch that may be chosen is ahead of all that may not yet.
    """
    may_be_chosen = not isinstance(record, EpochRecord) or record.may_be_chosen
    return float(may_be_chosen), *(score(record, name) for name in by)


def score(record: Record, name: Selector) -> float:
    """A figure of an epoch, with its sign changed where less is better."""
    value: float | None = getattr(record, f"select_{name}")
    if value is None or math.isnan(value):
        return -math.inf
    return -value if name in LOWEST else value
