"""Shortcuts: how well clues that a model should not need (file size, format, borders) tell the label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.tree import DecisionTreeClassifier

from groupwise.data.stratify import assign_sources
from groupwise.stats.arrays import Floats, Ints

FOLDS = 5
MAX_SAMPLES = 4000
TREES = 60
_MIN_LIFT, _MIN_LIFT_OF_TREE = 0.2, 0.05
_Z95 = 1.96


@dataclass(frozen=True)
class Shortcut:
    """How well one clue alone tells the label, cross-validated so that no cluster is on both sides.

    `balanced_accuracy` with its 95 % lower end; `chance` is what guessing reaches, 1 / classes.
    """

    clue: str
    balanced_accuracy: float
    lower: float
    chance: float

    @property
    def lift(self) -> float:
        """Lower end of the way from chance (0) to certainty (1)."""
        return (self.lower - self.chance) / (1 - self.chance)


def find_shortcuts(
    clues: Mapping[str, Floats],
    labels: Sequence[str],
    clusters: Sequence[int],
    *,
    seed: int,
) -> list[Shortcut]:
    """The clues, each (N, d) numbers a sample, that alone reach a fifth of the way from chance to certainty.

    Classes with fewer clusters than folds cannot be cross-validated and are left out; with fewer than two
    classes left nothing is tested.
    """
    kept = _sampled(labels, clusters, seed)
    _, label = np.unique(np.asarray(labels)[kept], return_inverse=True)
    if len(np.unique(label)) < 2:
        return []
    cluster = np.asarray(clusters)[kept]
    fold = assign_sources(label, cluster, [1] * FOLDS, seed)
    tested = [_test(name, values[kept], label, cluster, fold, seed) for name, values in clues.items()]
    return [shortcut for shortcut in tested if shortcut.lift >= _MIN_LIFT]


def count_tested(labels: Sequence[str], clusters: Sequence[int], *, seed: int) -> int:
    """How many classes `find_shortcuts` tells apart by each clue; 0 where it tests none."""
    classes = len(np.unique(np.asarray(labels)[_sampled(labels, clusters, seed)]))
    return classes if classes > 1 else 0


def _sampled(labels: Sequence[str], clusters: Sequence[int], seed: int) -> Ints:
    """The samples that are tested, by number, of those whose class can be cross-validated."""
    _, label = np.unique(np.asarray(labels), return_inverse=True)
    cluster = np.asarray(clusters)
    kept = _testable(label, cluster)
    if len(kept) > MAX_SAMPLES:
        kept = np.sort(np.random.default_rng(seed).permutation(kept)[:MAX_SAMPLES])
        kept = kept[_testable(label[kept], cluster[kept])]
    return kept


def _testable(label: Ints, cluster: Ints) -> Ints:
    enough = [name for name in np.unique(label) if len(np.unique(cluster[label == name])) >= 2 * FOLDS]
    return np.flatnonzero(np.isin(label, enough))


def _test(
    name: str,
    values: Floats,
    label: Ints,
    cluster: Ints,
    fold: Ints,
    seed: int,
) -> Shortcut:
    chance = 1 / len(np.unique(label))
    shortcut = Shortcut(name, chance, chance, chance)
    if (values == values[0]).all():
        return shortcut
    balanced = {"class_weight": "balanced", "random_state": seed}
    # A forest takes some twenty times as long as a tree, and tells up to a tenth of the way more.
    models = (
        DecisionTreeClassifier(min_samples_leaf=5, **balanced),
        ExtraTreesClassifier(TREES, min_samples_leaf=3, **balanced),
    )
    for model in models:
        predicted = np.empty_like(label)
        for one in range(FOLDS):
            train, test = fold != one, fold == one
            predicted[test] = model.fit(values[train], label[train]).predict(values[test])
        score, error = _balanced(label, predicted, cluster)
        shortcut = Shortcut(name, score, score - _Z95 * error, chance)
        if shortcut.lift < _MIN_LIFT_OF_TREE:
            break
    return shortcut


def _balanced(label: Ints, predicted: Ints, cluster: Ints) -> tuple[float, float]:
    """The mean of the recalls of the classes, which weigh the same, and its standard error."""
    own = [label == one for one in np.unique(label)]
    recalls = np.array([(predicted[mine] == label[mine]).mean() for mine in own])
    sizes = np.array([len(np.unique(cluster[mine])) for mine in own])  # clusters, not images, are independent
    return float(recalls.mean()), float(np.sqrt((recalls * (1 - recalls) / sizes).sum()) / len(own))
