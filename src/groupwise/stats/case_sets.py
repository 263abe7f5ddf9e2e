"""One answer a case where images have sets of labels: a case has what any of its pictures has.

The probabilities of its pictures are joined label by label, by `mean`, `max` or `vote` (the share of pictures
that were given the label, one vote more divided as the mean is). Held-out cases choose the rule by mean
average precision, and a threshold a label, for joined probabilities are not those of a picture.
"""

from __future__ import annotations

import numpy as np

from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.cases import (
    FEWEST_CASES,
    MEAN,
    RULES,
    CaseRule,
    join_pictures,
    number_cases,
    sums_of_cases,
)
from groupwise.stats.label_rule import Members


def case_members(members: Members, cases: Ints) -> Members:
    """Which labels each case has, (C, K), by those of its pictures, (N, K)."""
    return np.asarray(sums_of_cases(members.astype(np.float64), cases) > 0)


def aggregate_sets(probs: Floats, given: Members, cases: Ints, rule: str) -> Floats:
    """One row of probabilities a case, (C, K), from those of pictures and what these were given, (N, K)."""
    return join_pictures(probs, given.astype(np.float64), cases, rule)


def choose_set_rule(members: Members, probs: Floats, given: Members, sources: Ints, cases: Ints) -> CaseRule:
    """The rule to answer by and its thresholds, from held-out pictures (N, K) of cases (N,), any integers.

    Of equal rules the first; the mean where fewer than `FEWEST_CASES` cases have several pictures.
    """
    # bring scipy, which a reader can spare
    from groupwise.stats.label_metrics import check_label_fold, mean_average_precision
    from groupwise.stats.label_sets import fit_label_rule

    _, numbers = number_cases(cases.tolist())
    several, truth = np.bincount(numbers) > 1, case_members(members, numbers)
    answers = {rule: aggregate_sets(probs, given, numbers, rule) for rule in RULES}
    source_of = np.zeros(len(truth), dtype=np.int64)
    source_of[numbers] = sources
    n, reason, scores = int(several.sum()), None, {}
    if n < FEWEST_CASES:
        reason = f"{n} held-out cases of several pictures are too few to choose by, {FEWEST_CASES} are needed"
    else:
        apart = np.arange(n)
        scores = {
            rule: mean_average_precision(check_label_fold(truth[several], one[several], apart))
            for rule, one in answers.items()
        }
        if np.isnan(list(scores.values())).any():
            scores, reason = {}, "no label that some of the held-out cases have and others have not"
    chosen = max(RULES, key=lambda rule: scores[rule]) if scores else MEAN
    thresholds = fit_label_rule(answers[chosen], truth, source_of, 0.5).thresholds
    return CaseRule(chosen, n, reason=reason, precisions=scores, thresholds=thresholds)
