"""One answer for several pictures of a case, by the rule that held-out cases chose."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from groupwise.console import Console
from groupwise.data.inputs import image_files
from groupwise.data.patterns import compile_pattern
from groupwise.data.targets import write_set
from groupwise.errors import GroupwiseError, UsageError
from groupwise.files import write_csv
from groupwise.inference.decision import Decision
from groupwise.inference.predict_files import Remarks, Streams
from groupwise.inference.stream import Prediction
from groupwise.inference.text import labels_line
from groupwise.stats.case_sets import aggregate_sets
from groupwise.stats.cases import CaseRule
from groupwise.text import count


@dataclass(frozen=True)
class CasePrediction:
    """What is said of a case.

    Args:
        label: The most probable class.
        probability: Its probability.
        probabilities: Of every class.
        pictures: How many were answered together.
        unlike: How many of them are unlike the training data; None where that cannot be told.
        rule: How they were made one: `mean`, `max` or `vote`.
        labels: Where images have sets of labels, those that the case is given, the most probable first;
            `label` is then the set as a manifest writes it.
    """

    label: str
    probability: float
    probabilities: Mapping[str, float]
    pictures: int
    unlike: int | None
    rule: str
    labels: tuple[str, ...] | None = None

    def as_json(self) -> dict[str, Any]:
        """All fields, as JSON holds them; `labels` only where there are sets of them."""
        held = {**vars(self), "probabilities": dict(self.probabilities)}
        labels = held.pop("labels")
        return held if labels is None else held | {"labels": list(labels)}


class DecidedStreams(Streams, Protocol):
    """What answers a stream of files, and how its answers are decided."""

    @property
    def decision(self) -> Decision: ...


def answer_case(answers: Sequence[Prediction], decision: Decision) -> CasePrediction:
    """Join the answers to the files of one case; raises `UsageError` where there is none."""
    if not answers:
        raise UsageError("has no picture", place="case", remedy="Give at least one image file of it.")
    probabilities = [one.probabilities for one in answers]
    return join_pictures(probabilities, [one.answer.unlike for one in answers], decision)


def join_pictures(
    probabilities: Sequence[Mapping[str, float]], flags: Sequence[bool | None], decision: Decision
) -> CasePrediction:
    """The answer to a case, by the probabilities of its pictures and which are unlike those of training.

    Sets, abstention and the operating point were decided for single pictures, so that a case has none.
    """
    rule, classes = decision.case or CaseRule(), decision.classes
    probs = np.array([[one[name] for name in classes] for one in probabilities])
    alone, several = np.zeros(len(probs), dtype=np.int64), decision.label_sets
    if several is None:
        (row,) = rule.aggregate(probs, alone)
        labels = None
    else:
        (row,) = aggregate_sets(probs, several.given(probs), alone, rule.rule)
        lines = np.array(rule.thresholds or several.thresholds)
        labels = tuple(classes[k] for k in np.argsort(-row, kind="stable") if row[k] >= lines[k])
    unlike = None if any(flag is None for flag in flags) else sum(map(bool, flags))
    return CasePrediction(
        classes[int(row.argmax())] if labels is None else write_set(labels),
        float(row.max()),
        dict(zip(classes, row.tolist(), strict=True)),
        len(probabilities),
        unlike,
        rule.rule,
        labels,
    )


def predict_cases(
    predictor: DecidedStreams,
    named: Sequence[str],
    pattern: str,
    console: Console,
    *,
    csv: Path | None,
    known: Set[str] = frozenset(),
) -> None:
    """Answer the image files that are named, one answer for those in whose path `pattern` finds the same.

    A file in whose path it finds nothing is a case of its own. Lines go to the terminal, or rows to `csv`,
    once all are answered; of `known` see `Remarks`. Raises `UsageError` where it finds nothing in any path or
    the file is there, and `GroupwiseError` at the end if some images could not be read; their cases are
    answered by the others.
    """
    if csv is not None and csv.exists():
        raise UsageError("is there already", place=csv, remedy="Give another name.")
    found = compile_pattern(pattern, "--group-regex")
    assert found is not None
    paths = list(image_files(named))
    cases = {path: _case(found, path) for path in paths}
    if not any(cases.values()):
        raise UsageError(
            f"{pattern!r} finds no group in any path, such as {paths[0]!r}",
            place="--group-regex",
            remedy="It is searched in the path as it is named: give one that matches there.",
        )
    answered: dict[str, list[Prediction]] = {}
    bad: list[GroupwiseError] = []
    remarks = Remarks(known)

    def tell(error: GroupwiseError) -> None:
        bad.append(error)
        console.warn(str(error))

    for prediction in predictor.stream(paths, on_bad=tell):
        remarks.add(prediction)
        answered.setdefault(cases[prediction.path] or prediction.path, []).append(prediction)
    joined = {case: answer_case(answers, predictor.decision) for case, answers in answered.items()}
    if csv is None:
        for case, answer in joined.items():
            console.say(f"{case}: {case_line(answer)}")
    else:
        write_csv(csv, case_header(predictor.classes), (case_cells(*one) for one in joined.items()))
        console.say(
            f"Predicted {count(len(joined), 'case')} of {count(len(paths) - len(bad), 'image')}: {csv}"
        )
    remarks.tell(console)
    if bad:
        raise GroupwiseError(
            f"{len(bad):,} of {len(paths):,} files could not be read",
            place="predict",
            remedy="They are named above; their cases were answered by the other images.",
        )


def _case(pattern: re.Pattern[str], path: str) -> str:
    match = pattern.search(path)
    if match is None:
        return ""
    return (match[1] if pattern.groups else match[0]) or ""


def case_line(answer: CasePrediction) -> str:
    """The class, its probability, and of how many pictures: "cat (91.2%); the mean of 3 pictures"."""
    told = [f"{answer.label} ({answer.probability:.1%})"]
    if answer.labels is not None:
        told = [labels_line(answer.labels, answer.probabilities)]
    if answer.pictures > 1:
        told.append(f"the {answer.rule} of {answer.pictures} pictures")
    if answer.unlike:
        told.append(f"{answer.unlike} of {answer.pictures} unlike the training data")
    return "; ".join(told)


def case_header(classes: Sequence[str]) -> tuple[str, ...]:
    """Columns of a table of cases."""
    return ("case", "pictures", "predicted", "unlike_pictures", *(f"prob_{name}" for name in classes))


def case_cells(case: str, answer: CasePrediction) -> tuple[str, ...]:
    """The row of one case; empty where nothing could be decided."""
    unlike = "" if answer.unlike is None else str(answer.unlike)
    probs = map(repr, answer.probabilities.values())
    return (case, str(answer.pictures), answer.label, unlike, *probs)
