"""Sentences for a person and rows of a table, for answers and the rules behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from groupwise.inference.decision import ClassPrediction, Decision
from groupwise.stats.conformal import Abstention, Conformal, OperatingPoint
from groupwise.stats.label_rule import LabelRule
from groupwise.stats.ood import OutOfDistribution
from groupwise.text import bound


def answer_line(answer: ClassPrediction) -> str:
    """The class, its probability, and what should give pause.

    "cat (61.2%); decided as dog; abstains; may be cat or dog; unlike the training data"
    """
    if answer.labels is not None:
        return _line_of_sets(answer, answer.labels)
    told = [f"{answer.label} ({answer.probability:.1%})"]
    if answer.decided != answer.label:
        told.append(f"decided as {answer.decided}")
    if answer.abstain:
        told.append("abstains")
    if answer.prediction_set is not None and len(answer.prediction_set) > 1:
        told.append(f"may be {' or '.join(answer.prediction_set)}")
    if answer.unlike:
        told.append("unlike the training data")
    return "; ".join(told)


def _line_of_sets(answer: ClassPrediction, labels: Sequence[str]) -> str:
    """ "cat (91.2%), dog (64.0%); may also be bird", or of no label the most probable one."""
    told = [labels_line(labels, answer.probabilities)]
    also = [name for name in answer.prediction_set or () if name not in labels]
    if also:
        told.append(f"may also be {', '.join(also)}")
    if answer.unlike:
        told.append("unlike the training data")
    return "; ".join(told)


def labels_line(labels: Sequence[str], probabilities: Mapping[str, float]) -> str:
    """ "cat (91.2%), dog (64.0%)", or of no label the most probable one."""
    top = max(probabilities, key=probabilities.__getitem__)
    named = ", ".join(f"{name} ({probabilities[name]:.1%})" for name in labels)
    return named or f"none of the labels (most probable {top}, {probabilities[top]:.1%})"


def answer_header(classes: Sequence[str]) -> tuple[str, ...]:
    """Columns of a table of answers, between those of the path and of the error."""
    return ("predicted", "decided", "set", "abstain", "unlike", *(f"prob_{name}" for name in classes))


def answer_cells(answer: ClassPrediction) -> tuple[str, ...]:
    """The row of one answer; empty where nothing could be decided, and the classes of a set joined by `|`."""
    members = "" if answer.prediction_set is None else "|".join(answer.prediction_set)
    flags = ("" if flag is None else str(flag).lower() for flag in (answer.abstain, answer.unlike))
    return (answer.label, answer.decided, members, *flags, *map(repr, answer.probabilities.values()))


def decision_lines(decision: Decision) -> list[str]:
    """One sentence a part: what it promises of the images of new sources, or why it does not."""
    rules = (decision.conformal, decision.abstention, decision.unlike, decision.operating_point)
    told = [_say(rule) for rule in rules if rule is not None]
    if decision.label_sets is not None:
        told.insert(0, _say_sets(decision.label_sets))
    if decision.costs is not None:
        told.append("What is decided is the class of the least expected cost, by the cost matrix.")
    return told


def _say(rule: Conformal | Abstention | OutOfDistribution | OperatingPoint) -> str:
    match rule:
        case OperatingPoint():
            return _say_point(rule)
        case Conformal(alpha, sources, threshold, reason):
            name, promise = (
                "Prediction sets",
                f"are made to miss the true class of at most {100 * alpha:g} % of images",
            )
        case Abstention(rate, sources, threshold, reason):
            name, promise = (
                "Abstention",
                f"is set to leave wrong answers to at most {100 * rate:g} % of images",
            )
        case OutOfDistribution(rate, sources, threshold, _, reason):
            name, promise = (
                "The flag for unlike images",
                f"is set to go up on about {100 * rate:g} % of like ones",
            )
    return f"{name}: none, {reason}." if threshold is None else f"{name} {promise} ({sources} sources)."


def _say_sets(rule: LabelRule) -> str:
    if rule.threshold is None:
        return f"Sets of possible labels: none, {rule.reason}."
    return (
        f"Sets of possible labels miss at most {100 * rule.alpha:g} % of the true labels of an image, on"
        f" average ({rule.sources} sources)."
    )


def _say_point(rule: OperatingPoint) -> str:
    if rule.threshold is None or rule.promised_sensitivity is None:
        return f"Operating point: none, {rule.reason}."
    promised = bound(rule.promised_sensitivity, "least").removesuffix(".0")
    text = (
        f"{rule.positive_class} is called from a probability of {rule.threshold:.3g}, and recognised in at"
        f" least {promised} % of its images ({rule.sources} sources)"
    )
    if rule.promised_sensitivity < rule.target_sensitivity:
        text += f", all that so few sources can promise of the {100 * rule.target_sensitivity:g} % wanted"
    return f"{text}."
