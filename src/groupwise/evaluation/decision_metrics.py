"""Metrics of a decision on a fold apart, which say whether its promises held there.

`metrics.json` has for each fold, with a FIGURE as everywhere a value, its interval, n and sources:

    "conformal": {"alpha", "coverage": FIGURE, "coverage_of_sources": FIGURE, "mean_size": FIGURE,
                  "singletons": FIGURE}
    "abstention": {"error_rate", "threshold", "answered": FIGURE, "accuracy": FIGURE, "wrong": FIGURE,
                   "wrong_of_sources": FIGURE}
    "unlike": {"false_flag_rate", "flagged": FIGURE, "flagged_of_sources": FIGURE}
    "operating_point": {"class", "target_sensitivity", "promised_sensitivity", "threshold",
                        "sensitivity": FIGURE, "sensitivity_of_sources": FIGURE, "specificity": FIGURE,
                        "prevalence", "ppv": FIGURE, "npv": FIGURE}
    "cost": {"decided": FIGURE, "most_probable": FIGURE, "constant": {"class", "cost"}}

A part that was refused holds its rate and `reason` alone; one that nobody asked for is absent. Figures
`_of_sources` weigh each source the same, as the promise does: they are what `alpha`, the rates of errors and
of false flags, and the promised sensitivity bound. `answered` and `wrong` (answered, and wrongly) are shares
of all images, `accuracy` one of those answered. `ppv` and `npv` are there if a prevalence was stated. `cost`
is what an image costs on average by the cost matrix: where the class of the least expected cost is answered,
where the most probable one is, and where always that class is which then costs the least.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from groupwise.inference.decision import Decision
from groupwise.stats.arrays import Floats, Mask
from groupwise.stats.conformal import Abstention, Conformal, OperatingPoint
from groupwise.stats.costs import cheapest_answers, mean_cost
from groupwise.stats.estimate import Estimate
from groupwise.stats.fold import Fold
from groupwise.stats.intervals import fraction, share_of_images
from groupwise.stats.ood import Features, OutOfDistribution

PREDICTIVE = "corners of the limits of sensitivity and specificity, which holds for any dependence of the two"


def decision_metrics(
    fold: Fold, decision: Decision, logits: Floats, features: Features, reference: Features | None
) -> dict[str, Any]:
    """Every figure of the decision on `fold`, whose logits are (N, K) and features (N, C)."""
    figures: dict[str, Any] = {}
    if decision.conformal is not None:
        figures["conformal"] = _conformal(fold, decision.conformal)
    if decision.abstention is not None:
        figures["abstention"] = _abstention(fold, decision.abstention)
    if decision.unlike is not None:
        figures["unlike"] = _ood(fold, decision.unlike, logits, features, reference)
    if decision.operating_point is not None:
        positive = decision.classes.index(decision.operating_point.positive_class)
        figures["operating_point"] = _operating_point(fold, decision.operating_point, positive)
    if decision.costs is not None:
        figures["cost"] = cost_metrics(fold, np.array(decision.costs), decision.classes)
    return figures


def cost_metrics(fold: Fold, costs: Floats, classes: Sequence[str]) -> dict[str, Any]:
    """What answers cost on `fold` by `costs` (K, K), rows true and columns answered."""
    constant = costs[fold.labels].mean(axis=0)
    cheapest = int(constant.argmin())
    return {
        "decided": mean_cost(fold, cheapest_answers(fold.probs, costs), costs).as_json(),
        "most_probable": mean_cost(fold, fold.predicted, costs).as_json(),
        "constant": {"class": classes[cheapest], "cost": float(constant[cheapest])},
    }


def _conformal(fold: Fold, rule: Conformal) -> dict[str, Any]:
    if rule.threshold is None:
        return {"alpha": rule.alpha, "reason": rule.reason}
    sets = rule.sets(fold.probs)
    held, sizes = sets[np.arange(fold.n), fold.labels], sets.sum(axis=1)
    return {
        "alpha": rule.alpha,
        "coverage": _share(fold, held).as_json(),
        "coverage_of_sources": _share_of_sources(fold, held).as_json(),
        "mean_size": _mean_size(fold, sizes.astype(np.float64)).as_json(),
        "singletons": _share(fold, sizes == 1).as_json(),
    }


def _mean_size(fold: Fold, sizes: Floats) -> Estimate:
    # From 1 to K; what lies between, as a share, has the limits of one.
    most = fold.n_classes - 1
    spare = fraction(fold.per_source((sizes - 1) / most), fold.per_source(np.ones(fold.n)), "")
    value, low, high = (
        None if limit is None else 1 + most * limit for limit in (spare.value, spare.low, spare.high)
    )
    return replace(spare, value=value, low=low, high=high)


def _abstention(fold: Fold, rule: Abstention) -> dict[str, Any]:
    if rule.threshold is None:
        return {"error_rate": rule.error_rate, "reason": rule.reason}
    answered = ~rule.abstains(fold.probs)
    wrong = answered & ~fold.right
    return {
        "error_rate": rule.error_rate,
        "threshold": rule.threshold,
        "answered": _share(fold, answered).as_json(),
        "accuracy": share_of_images(fold, fold.right, answered, "no image was answered").as_json(),
        "wrong": _share(fold, wrong).as_json(),
        "wrong_of_sources": _share_of_sources(fold, wrong).as_json(),
    }


def _ood(
    fold: Fold, rule: OutOfDistribution, logits: Floats, features: Features, reference: Features | None
) -> dict[str, Any]:
    if rule.distance is None or reference is None:
        return {"false_flag_rate": rule.false_flag_rate, "reason": rule.reason}
    flagged = rule.flags(logits, features, reference)
    return {
        "false_flag_rate": rule.false_flag_rate,
        "flagged": _share(fold, flagged).as_json(),
        "flagged_of_sources": _share_of_sources(fold, flagged).as_json(),
    }


def _operating_point(fold: Fold, rule: OperatingPoint, positive: int) -> dict[str, Any]:
    wanted = {"class": rule.positive_class, "target_sensitivity": rule.target_sensitivity}
    if rule.threshold is None:
        return wanted | {"reason": rule.reason}
    called, member = rule.decide(fold.probs, positive) == positive, fold.labels == positive
    no_member = f"no image of {rule.positive_class} in this fold"
    sensitivity = share_of_images(fold, called, member, no_member)
    specificity = share_of_images(fold, ~called, ~member, "no image of another class in this fold")
    figures = wanted | {
        "promised_sensitivity": rule.promised_sensitivity,
        "threshold": rule.threshold,
        "sensitivity": sensitivity.as_json(),
        "sensitivity_of_sources": _share_of_sources(fold, called, member, no_member).as_json(),
        "specificity": specificity.as_json(),
    }
    if rule.prevalence is not None:
        ppv, npv = predictive_values(sensitivity, specificity, rule.prevalence)
        figures |= {"prevalence": rule.prevalence, "ppv": ppv.as_json(), "npv": npv.as_json()}
    return figures


def predictive_values(
    sensitivity: Estimate, specificity: Estimate, prevalence: float
) -> tuple[Estimate, Estimate]:
    """How often a call of the class is right, and how often its absence, where the class has `prevalence`.

    Bayes' rule. Both rise with both figures, so the lower limits give the lower limit.
    """
    n, sources = sensitivity.n + specificity.n, min(sensitivity.sources, specificity.sources)
    of = f"at a prevalence of {100 * prevalence:g} %"
    for figure in (sensitivity, specificity):
        if figure.value is None or figure.low is None or figure.high is None:
            undefined = Estimate(None, n, sources, reason=figure.reason, of=of)
            return undefined, undefined
    pairs = [(getattr(sensitivity, name), getattr(specificity, name)) for name in ("value", "low", "high")]
    ppv = [_bayes(prevalence * sens, (1 - prevalence) * (1 - spec)) for sens, spec in pairs]
    npv = [_bayes((1 - prevalence) * spec, prevalence * (1 - sens)) for sens, spec in pairs]
    positive, negative = (
        Estimate(value, n, sources, low, high, method=PREDICTIVE, of=of) for value, low, high in (ppv, npv)
    )
    return positive, negative


def _bayes(right: float, wrong: float) -> float:
    # Where nothing is called so, what is known is the limit: none of the calls is right.
    return right / (right + wrong) if right + wrong > 0 else 0.0


def _share(fold: Fold, hits: Mask) -> Estimate:
    return share_of_images(fold, hits, np.ones(fold.n, dtype=bool))


def _share_of_sources(fold: Fold, hits: Mask, among: Mask | None = None, undefined: str = "") -> Estimate:
    """The share of hits in a source, averaged over sources; its interval and `n` count sources.

    Of the images `among`, where given, and the sources that have such; `undefined` is the reason for none.
    """
    among = np.ones(fold.n, dtype=bool) if among is None else among
    images = fold.per_source(among.astype(np.float64))
    there = images > 0
    within = fold.per_source((hits & among).astype(np.float64))[there] / images[there]
    return fraction(within, np.ones(len(within)), undefined)
