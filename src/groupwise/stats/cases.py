"""One answer a case: the probabilities of its pictures made into one, by a rule that held-out cases choose.

`mean` averages them, `max` takes for each class the highest (so that the surest picture decides), and `vote`
counts the most probable class of each picture; one vote more is divided as the mean is, so that no class has
probability zero and ties go to the likelier class. All end as probabilities that sum to one. Rules are
compared by log loss, which tells them apart on far fewer cases than accuracy does, among those that are not
shown to be right less often than the best: a single loud error can spoil the log loss of the better rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from groupwise.stats.arrays import Floats, Ints, Mask

MEAN, MAX, VOTE = RULES = ("mean", "max", "vote")
OF_SETS = ("precisions", "thresholds")  # fields of a rule for sets of labels
FEWEST_CASES = 10  # of several pictures; fewer would choose by luck


@dataclass(frozen=True)
class CaseRule:
    """How pictures of one case are answered together.

    `log_losses` are those of each rule on the `cases` that chose it, in nats a case; without a choice they
    are empty, and `reason` says why it is the mean. Of sets of labels it has `precisions` instead, and from
    which probability of a case on each label is given, one of `thresholds` a class.
    """

    rule: str = MEAN
    cases: int = 0
    log_losses: Mapping[str, float] = field(default_factory=dict)
    reason: str | None = None
    precisions: Mapping[str, float] = field(default_factory=dict)
    thresholds: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "thresholds", tuple(self.thresholds))  # a list in JSON

    def as_json(self) -> dict[str, Any]:
        """What files hold; of one class an image without what sets have."""
        held = asdict(self) | {"log_losses": dict(self.log_losses), "precisions": dict(self.precisions)}
        return {name: one for name, one in held.items() if one or name not in OF_SETS}

    def aggregate(self, probs: Floats, cases: Ints) -> Floats:
        """One row of probabilities a case, (C, K), from those of pictures (N, K) of cases 0..C-1 (N,)."""
        return aggregate(probs, cases, self.rule)


def aggregate(probs: Floats, cases: Ints, rule: str) -> Floats:
    """As `CaseRule.aggregate`, by a rule that is named; every case has a picture."""
    joined = join_pictures(probs, np.eye(probs.shape[1])[probs.argmax(axis=1)], cases, rule)
    return np.asarray(joined / joined.sum(axis=1, keepdims=True)) if rule == MAX else joined


def join_pictures(probs: Floats, votes: Floats, cases: Ints, rule: str) -> Floats:
    """Mean or maximum of what pictures have, or of what they were given, `votes`, both (N, K): (C, K).

    The mean is one vote more, so that cases whose pictures disagree have a winner.
    """
    pictures = np.bincount(cases)[:, None].astype(np.float64)
    mean = sums_of_cases(probs, cases) / pictures
    if rule == MEAN:
        return mean
    if rule == MAX:
        highest = np.zeros_like(mean)
        np.maximum.at(highest, cases, probs)
        return highest
    return np.asarray((sums_of_cases(votes, cases) + mean) / (pictures + 1))


def sums_of_cases(values: Floats, cases: Ints) -> Floats:
    """The sums of `values` (N, K) within cases 0..C-1 (N,), (C, K)."""
    return np.stack([np.bincount(cases, weights=column) for column in values.T], axis=1)


def label_cases(labels: Ints, cases: Ints) -> Ints:
    """The class number of each case, (C,); -1 where its pictures have several."""
    lowest, highest = np.full(cases.max() + 1, labels.max()), np.zeros(cases.max() + 1, dtype=np.int64)
    np.minimum.at(lowest, cases, labels)
    np.maximum.at(highest, cases, labels)
    return np.where(lowest == highest, lowest, -1).astype(np.int64)


def choose_case_rule(labels: Ints, probs: Floats, cases: Ints) -> CaseRule:
    """The rule to answer by, chosen on held-out cases of one class and several pictures.

    `labels` (N,), `probs` (N, K) and `cases` (N,), any integers. Of the rules whose accuracy is not below the
    best one's by more than a standard error, that of least log loss; the mean where there are too few cases.
    """
    from groupwise.stats.fold import CLIP  # brings scipy, which a reader can spare

    _, cases = np.unique(cases, return_inverse=True)
    truth = label_cases(labels, cases)
    several = np.flatnonzero((truth >= 0) & (np.bincount(cases) > 1))
    if len(several) < FEWEST_CASES:
        reason = f"{len(several)} held-out cases of several pictures and one class are too few to choose by"
        return CaseRule(cases=len(several), reason=f"{reason}, {FEWEST_CASES} are needed")
    answers = {rule: aggregate(probs, cases, rule)[several] for rule in RULES}
    true = truth[several]
    losses = {rule: float(-np.log(np.clip(_of(one, true), CLIP, 1)).mean()) for rule, one in answers.items()}
    right = {rule: one.argmax(axis=1) == true for rule, one in answers.items()}
    best = max(RULES, key=lambda rule: int(right[rule].sum()))
    able = [rule for rule in RULES if not _shown_worse(right[rule], right[best])]
    return CaseRule(min(able, key=lambda rule: losses[rule]), len(several), losses)


def _of(probs: Floats, numbers: Ints) -> Floats:
    return np.asarray(probs[np.arange(len(probs)), numbers])


def _shown_worse(right: Mask, best: Mask) -> bool:
    """Whether a rule loses more of the cases on which the two differ than a standard error of a coin."""
    lost, won = int((best & ~right).sum()), int((right & ~best).sum())
    return bool(lost - won > (lost + won) ** 0.5)


def number_cases(names: Sequence[object]) -> tuple[list[object], Ints]:
    """The names of cases in order of first appearance, and the number of that of each picture, (N,)."""
    numbers: dict[object, int] = {}
    found = np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64)
    return list(numbers), found
