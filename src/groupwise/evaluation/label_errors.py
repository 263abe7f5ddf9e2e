"""A ranked list of labels that are probably wrong, from predictions of images that no model learnt.

Confident learning (Northcutt, Jiang and Chuang 2021, JAIR 70:1373) by cleanlab: how many images of label i
are of class j is estimated from those that a model is as sure of as it usually is of class j, and as many of
the least plausible labels are named ("prune by noise rate", ranked by normalised margin).

Copies of one photograph under one label are one case, with the mean of their probabilities. The file is
`label_errors.csv`, the surest error first: `path,label,group,fold,suggested,prob_label,prob_suggested,score,
copies`; `score` is prob_suggested - prob_label, `path` the first of the copies and `copies` how many more
there are. It is empty where the network may be guessing (see `may_be_guessing`) or is too weak to tell a
wrong label from its own mistakes (see `label_search`).

With several labels an image each label is judged by itself, as one class against its absence (Thyagarajan,
Snorrason, Northcutt and Mueller 2022, arXiv 2211.13895); `suggested` is the set with that label added or
taken away, `prob_label` the probability of what is said of it, and an image may stand in several rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields

import numpy as np

from groupwise.data.targets import is_set, read_names, say, write_set
from groupwise.evaluation.label_search import Search, search_labels
from groupwise.evaluation.predictions import Predictions
from groupwise.files import write_csv
from groupwise.runs.run import Run

LABEL_ERRORS = "label_errors.csv"
MANY = 0.1
"""Of ten published test sets one had as many wrong labels, the others fewer (Northcutt, Athalye and Mueller
2021, arXiv 2103.14749)."""


@dataclass(frozen=True)
class Suspect:
    """One photograph whose label is probably wrong, and what is suggested instead."""

    path: str
    label: str
    group: str
    fold: str
    suggested: str
    prob_label: float
    prob_suggested: float
    score: float
    copies: int

    def words(self) -> str:
        """As a sentence."""
        more = f" (and {self.copies} more of it)" if self.copies else ""
        told = f"{self.path}{more} is labelled {say(self.label)}"
        sure = f"({100 * self.prob_suggested:.1f} %)."
        if not is_set(self.label):
            return f"{told} ({100 * self.prob_label:.1f} %); the network says {self.suggested} {sure}"
        (name,) = set(read_names(self.label)) ^ set(read_names(self.suggested))
        none = "no " if name in read_names(self.label) else ""
        return f"{told}; the network says {none}{name} {sure}"


@dataclass(frozen=True)
class LabelErrors:
    """The labels that are probably wrong, the surest first, of how many photographs, and what they rest on.

    `searches` are one a label by its name where images have several, else one under "". Of a search whose
    network is too weak to judge (see `label_search`) nobody is a suspect.
    """

    suspects: tuple[Suspect, ...]
    photographs: int
    searches: Mapping[str, Search]

    @property
    def judged(self) -> bool:
        """Whether the network is strong enough to judge any label."""
        return any(search.tells for search in self.searches.values())

    def words(self) -> list[str]:
        """How far to trust them, as sentences."""
        weak = {name: one for name, one in self.searches.items() if not one.tells}
        told = [_too_weak(name, one) for name, one in weak.items()]
        strong = [one for name, one in self.searches.items() if name not in weak and one.changed]
        if strong:
            recall = sum(one.hits for one in strong) / sum(one.changed for one in strong)
            told.append(f"Of labels changed at random it would name {100 * recall:.0f} %.")
        if any(len(one.issues) > MANY * one.n for one in strong):
            told.append(
                f"More than {100 * MANY:.0f} % of labels are named, where published test sets had up to"
                " 10.1 % wrong: look at some of them before you trust the rest."
            )
        return told


def _too_weak(name: str, search: Search) -> str:
    whose = f"{name} cannot be judged" if name else "No label is named"
    return (
        f"{whose}: the network contradicts {len(search.issues):,} of {search.n:,} labels, and"
        f" {100 * search.recall:.0f} % of labels changed at random, too few to tell an error from a mistake"
        " of its own."
    )


def find_label_errors(predictions: Predictions) -> LabelErrors:
    """Name the labels that are probably wrong; none where fewer than two classes are present.

    The predictions must come from models that were not trained on these images.
    """
    cases = photographs(predictions)
    if not cases:
        return LabelErrors((), 0, {})
    probs = np.array([predictions.probs[rows].mean(axis=0) for rows in cases])
    targets = predictions.targets
    if not targets.several:
        labels = predictions.labels[[rows[0] for rows in cases]]
        search = search_labels(labels, probs)
        named = search.issues if search.tells else ()
        found = [_suspect(predictions, cases[case], probs[case], labels[case]) for case in named]
        return LabelErrors(tuple(found), len(cases), {"": search})
    members = targets.members[[rows[0] for rows in cases]]
    searches = [
        search_labels(members[:, k], np.column_stack([1 - probs[:, k], probs[:, k]]))
        for k in range(len(targets.classes))
    ]
    found = [
        _suspect_label(predictions, cases[case], probs[case, k], k)
        for k, search in enumerate(searches)
        for case in (search.issues if search.tells else ())
    ]
    found.sort(key=lambda suspect: -suspect.score)
    return LabelErrors(tuple(found), len(cases), dict(zip(targets.classes, searches, strict=True)))


def photographs(predictions: Predictions) -> list[list[int]]:
    """The row numbers of each photograph under each label."""
    cases: dict[tuple[int, str], list[int]] = {}
    for i, row in enumerate(predictions.rows):
        cases.setdefault((row.cluster, row.label), []).append(i)
    return list(cases.values())


def _suspect(predictions: Predictions, rows: Sequence[int], probs: np.ndarray, label: int) -> Suspect:
    best = int(probs.argmax())
    suggested, sure = predictions.classes[best], (float(probs[label]), float(probs[best]))
    return _name(predictions, rows, suggested, *sure)


def _suspect_label(predictions: Predictions, rows: Sequence[int], prob: float, k: int) -> Suspect:
    """The label of number `k`, whose probability is `prob`, is missing from the set or too many in it."""
    has = set(read_names(predictions.rows[rows[0]].label))
    name = predictions.classes[k]
    there, absent = float(prob), 1 - float(prob)
    sure = (there, absent) if name in has else (absent, there)
    return _name(predictions, rows, write_set(has ^ {name}), *sure)


def _name(
    predictions: Predictions, rows: Sequence[int], suggested: str, prob_label: float, prob_suggested: float
) -> Suspect:
    first = predictions.rows[rows[0]]
    return Suspect(
        path=first.path,
        label=first.label,
        group=first.group,
        fold=first.fold,
        suggested=suggested,
        prob_label=prob_label,
        prob_suggested=prob_suggested,
        score=prob_suggested - prob_label,
        copies=len(rows) - 1,
    )


def write_label_errors(run: Run, suspects: Sequence[Suspect]) -> None:
    """Write `label_errors.csv` into the run."""
    write_csv(run.path(LABEL_ERRORS), [field.name for field in fields(Suspect)], map(astuple, suspects))
    run.record(LABEL_ERRORS, ["predictions.csv"])
