"""A ranked list of labels that are probably wrong, from predictions of images that no model learnt.

Confident learning (Northcutt, Jiang and Chuang 2021, JAIR 70:1373) by cleanlab: how many images of label i
are of class j is estimated from those that a model is as sure of as it usually is of class j, and as many of
the least plausible labels are named ("prune by noise rate", ranked by normalised margin).

Copies of one photograph under one label are one case, with the mean of their probabilities. The file is
`label_errors.csv`, the surest error first: `path,label,group,fold,suggested,prob_label,prob_suggested,score,
copies`; `score` is prob_suggested - prob_label, `path` the first of the copies and `copies` how many more
there are. It is empty where the network may be guessing (see `guessing`), for then it knows no better.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

import numpy as np
from cleanlab.filter import find_label_issues

from groupwise.evaluation.predictions import Predictions
from groupwise.files import write_csv
from groupwise.runs.run import Run

LABEL_ERRORS = "label_errors.csv"


@dataclass(frozen=True)
class Suspect:
    """One photograph whose label is probably wrong, and the class that is suggested instead."""

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
        return (
            f"{self.path}{more} is labelled {self.label} ({100 * self.prob_label:.1f} %);"
            f" the network says {self.suggested} ({100 * self.prob_suggested:.1f} %)."
        )


def find_label_errors(predictions: Predictions) -> list[Suspect]:
    """The labels that are probably wrong, the surest first; none where fewer than two classes are present.

    The predictions must come from models that were not trained on these images.
    """
    cases = photographs(predictions)
    labels = predictions.labels[[rows[0] for rows in cases]]
    if len(np.unique(labels)) < 2:
        return []
    probs = np.array([predictions.probs[rows].mean(axis=0) for rows in cases])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cleanlab warns of classes too small to tell, which are left alone
        ranked = find_label_issues(
            labels,
            probs,
            filter_by="prune_by_noise_rate",
            return_indices_ranked_by="normalized_margin",
            n_jobs=1,  # its processes are forked, which threads of torch may not survive
        )
    return [_suspect(predictions, cases[case], probs[case], labels[case]) for case in ranked]


def photographs(predictions: Predictions) -> list[list[int]]:
    """The row numbers of each photograph under each label."""
    cases: dict[tuple[int, str], list[int]] = {}
    for i, row in enumerate(predictions.rows):
        cases.setdefault((row.cluster, row.label), []).append(i)
    return list(cases.values())


def _suspect(predictions: Predictions, rows: Sequence[int], probs: np.ndarray, label: int) -> Suspect:
    first, best = predictions.rows[rows[0]], int(probs.argmax())
    return Suspect(
        path=first.path,
        label=first.label,
        group=first.group,
        fold=first.fold,
        suggested=predictions.classes[best],
        prob_label=float(probs[label]),
        prob_suggested=float(probs[best]),
        score=float(probs[best] - probs[label]),
        copies=len(rows) - 1,
    )


def write_label_errors(run: Run, suspects: Sequence[Suspect]) -> None:
    """Write `label_errors.csv` into the run."""
    write_csv(run.path(LABEL_ERRORS), [field.name for field in fields(Suspect)], map(astuple, suspects))
    run.record(LABEL_ERRORS, ["predictions.csv"])
