"""The search for wrong labels among class numbers, and whether its network is strong enough to judge them.

A weak network contradicts many labels that are right. Which of them are, nothing tells; but how the search
takes a label that is certainly wrong can be measured: a few of each class are changed at random, among the
answers as they are, and looked for. Where such a label is hardly more often named than any other, being named
means little: with `named` the share of all labels and `recall` that of the changed ones, of the named ones at
most `recall / named` times the share of wrong labels are wrong.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from cleanlab.filter import find_label_issues

from groupwise.stats.arrays import Ints

TELLS = 3
"""How many times as often a changed label has to be named: of 10 % wrong ones, three in ten named are then.

On made answers, 96 to 2,000 of 2 to 10 classes, it is less often below an accuracy of some 0.7, or where 30 %
of the labels that a strong network judges are wrong."""

CHANGED, SEARCHES, SHARE = 40, 20, 0.02  # labels to change, in so many searches at most, of each class


@dataclass(frozen=True)
class Search:
    """Which of `n` labels are probably wrong, the least plausible first; of `changed` ones `hits` were."""

    issues: tuple[int, ...]
    n: int
    hits: int
    changed: int

    @property
    def recall(self) -> float:
        """The share of changed labels that is named; nan where none could be changed."""
        return self.hits / self.changed if self.changed else float("nan")

    @property
    def tells(self) -> bool:
        """Whether a wrong label is named so much more often than any that to be named means something."""
        return not self.issues or self.recall >= TELLS * len(self.issues) / self.n


def search_labels(labels: Any, probs: Any, *, seed: int = 0) -> Search:
    """Class numbers (N,) that probabilities (N, K) contradict; none where one class is present alone."""
    labels = np.asarray(labels, dtype=np.int64)
    if len(np.unique(labels)) < 2:
        return Search((), len(labels), 0, 0)
    rng, hits, changed = np.random.default_rng(seed), 0, 0
    for _ in range(SEARCHES):
        rows, planted = change_labels(labels, rng)
        found = set(rank_issues(planted, probs))
        hits += sum(row in found for row in rows.tolist())
        changed += len(rows)
        if changed >= CHANGED:
            break
    return Search(tuple(rank_issues(labels, probs)), len(labels), hits, changed)


def change_labels(labels: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """The rows of some labels of each class, at least one, and all labels with others in their place.

    The others are drawn as they occur, so that a rare class is not swamped.
    """
    rows = np.concatenate(
        [
            rng.choice(own, max(1, round(SHARE * len(own))), replace=False)
            for number in np.unique(labels)
            for own in [np.flatnonzero(labels == number)]
        ]
    )
    planted = labels.copy()
    for row in rows:
        planted[row] = rng.choice(labels[labels != labels[row]])
    return rows, planted


def rank_issues(labels: Ints, probs: Any) -> list[int]:
    """Which class numbers (N,) are probably wrong by probabilities (N, K), the least plausible first."""
    if len(np.unique(labels)) < 2:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cleanlab warns of classes too small to tell, which are left alone
        ranked = find_label_issues(
            labels,
            probs,
            filter_by="prune_by_noise_rate",
            return_indices_ranked_by="normalized_margin",
            n_jobs=1,  # its processes are forked, which threads of torch may not survive
        )
    return [int(row) for row in ranked]
