"""Answers from logits: temperature, sets, abstention, flag and point as the selection fold decided.

`decision.json` holds one `Decision`, and `bundle.json` another under "decision"; its fields and those of its
parts are the keys; `costs`, where there are any, are the matrix of wrong answers by class. A part is null
where nobody asked for it; one that was refused has null thresholds and a `reason`. A `ClassPrediction` as
JSON:

    {"label": "cat", "probability": 0.9, "probabilities": {"cat": 0.9, "dog": 0.1}, "prediction_set": ["cat"],
     "abstain": false, "unlike": false, "decided": "cat"}

`prediction_set`, `abstain` and `unlike` are null where they were refused or cannot be known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import safetensors.numpy

from groupwise.data.targets import write_set
from groupwise.files import read_json, write_atomic, write_json
from groupwise.runs.run import Run
from groupwise.stats.arrays import Floats, Mask, Reals
from groupwise.stats.cases import CaseRule
from groupwise.stats.conformal import Abstention, Conformal, OperatingPoint
from groupwise.stats.estimate import SCHEMA, upgrade
from groupwise.stats.label_rule import LabelRule
from groupwise.stats.ood import Features, OutOfDistribution

PARTS: dict[str, type[Any]] = {
    "conformal": Conformal,
    "abstention": Abstention,
    "unlike": OutOfDistribution,
    "operating_point": OperatingPoint,
    "case": CaseRule,
    "label_sets": LabelRule,
}
LATER = ("case", "label_sets")  # parts that older files lack
DECISION, REFERENCE = "decision.json", "reference.safetensors"


@dataclass(frozen=True)
class ClassPrediction:
    """What is said of one image.

    Args:
        label: The most probable class.
        probability: Its probability.
        probabilities: Of every class.
        prediction_set: The classes that it may be, most probable first; None where no set can be promised.
        abstain: Whether the network is not sure enough to answer; None where no rule can tell.
        unlike: Whether the image is unlike the training data; None where that cannot be told.
        decided: The class by the operating point or the costs where there are any, else `label`.
        labels: Where images have sets of labels, those that it is given. `label` and `decided` are then the
            set as a manifest writes it, `probability` that of the most probable one, and `prediction_set`
            holds the labels that it may have.
    """

    label: str
    probability: float
    probabilities: Mapping[str, float]
    prediction_set: tuple[str, ...] | None
    abstain: bool | None
    unlike: bool | None
    decided: str
    labels: tuple[str, ...] | None = None

    @property
    def top(self) -> str:
        """The most probable class, or label."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    def as_json(self) -> dict[str, Any]:
        """All fields, as JSON holds them; `labels` only where there are sets of them."""
        as_list = None if self.prediction_set is None else list(self.prediction_set)
        held = {**vars(self), "probabilities": dict(self.probabilities), "prediction_set": as_list}
        labels = held.pop("labels")
        return held if labels is None else held | {"labels": list(labels)}


@dataclass(frozen=True)
class Decision:
    """How logits become answers; `temperature` divides them first.

    `costs` has true classes in rows and answers in columns, in the order of `classes`; `case` joins the
    pictures of a case. With `label_sets` an image has a set of labels, each with a probability of its own.
    """

    classes: tuple[str, ...]
    temperature: float = 1.0
    conformal: Conformal | None = None
    abstention: Abstention | None = None
    unlike: OutOfDistribution | None = None
    operating_point: OperatingPoint | None = None
    costs: tuple[tuple[float, ...], ...] | None = None
    case: CaseRule | None = None
    label_sets: LabelRule | None = None

    def answers(
        self, logits: Floats, features: Features | None = None, reference: Features | None = None
    ) -> list[ClassPrediction]:
        """One answer an image, by logits (N, K), features (N, C) and those of training images, (M, C)."""
        probs = self.probs(logits)
        if self.label_sets is not None:
            return self._set_answers(self.label_sets, probs, self._flags(logits, features, reference))
        sets = self._sets(probs)
        abstains = self._abstains(probs)
        flags = self._flags(logits, features, reference)
        decided = self._decide(probs)
        return [
            ClassPrediction(
                label=self.classes[int(row.argmax())],
                probability=float(row.max()),
                probabilities=dict(zip(self.classes, row.tolist(), strict=True)),
                prediction_set=None if sets is None else sets[i],
                abstain=None if abstains is None else abstains[i],
                unlike=None if flags is None else flags[i],
                decided=decided[i],
            )
            for i, row in enumerate(probs)
        ]

    def _set_answers(self, rule: LabelRule, probs: Floats, flags: list[bool] | None) -> list[ClassPrediction]:
        given = self._named(rule.given(probs), probs)
        possible = None if rule.threshold is None else self._named(rule.possible(probs), probs)
        return [
            ClassPrediction(
                label=write_set(labels),
                probability=float(row.max()),
                probabilities=dict(zip(self.classes, row.tolist(), strict=True)),
                prediction_set=None if possible is None else possible[i],
                abstain=None,
                unlike=None if flags is None else flags[i],
                decided=write_set(labels),
                labels=labels,
            )
            for i, (row, labels) in enumerate(zip(probs, given, strict=True))
        ]

    def probs(self, logits: Reals) -> Floats:
        """Calibrated probabilities (N, K) of logits (N, K)."""
        if self.label_sets is not None:
            from groupwise.stats.label_sets import label_probabilities  # brings scipy as well

            return label_probabilities(np.asarray(logits, dtype=np.float64), self.temperature)
        from groupwise.stats.calibration import calibrated  # brings scipy, which a reader can spare

        return calibrated(np.asarray(logits, dtype=np.float64), self.temperature)

    def _sets(self, probs: Floats) -> list[tuple[str, ...]] | None:
        if self.conformal is None or self.conformal.threshold is None:
            return None
        return self._named(self.conformal.sets(probs), probs)

    def _named(self, members: Mask, probs: Floats) -> list[tuple[str, ...]]:
        """The names of the members of each row (N, K), most probable first."""
        order = np.argsort(-probs, axis=1, kind="stable")
        return [tuple(self.classes[k] for k in ks if row[k]) for ks, row in zip(order, members, strict=True)]

    def _abstains(self, probs: Floats) -> list[bool] | None:
        if self.abstention is None or self.abstention.threshold is None:
            return None
        abstains: list[bool] = self.abstention.abstains(probs).tolist()
        return abstains

    def _flags(
        self, logits: Floats, features: Features | None, reference: Features | None
    ) -> list[bool] | None:
        if self.unlike is None or self.unlike.distance is None or features is None or reference is None:
            return None
        flags: list[bool] = self.unlike.flags(logits, features, reference).tolist()
        return flags

    def _decide(self, probs: Floats) -> list[str]:
        numbers = probs.argmax(axis=1)
        if self.costs is not None:
            from groupwise.stats.costs import cheapest_answers  # brings scipy, which a reader can spare

            numbers = cheapest_answers(probs, np.array(self.costs))
        if self.operating_point is not None:
            positive = self.classes.index(self.operating_point.positive_class)
            numbers = self.operating_point.decide(probs, positive)
        return [self.classes[k] for k in numbers]

    def as_json(self) -> dict[str, Any]:
        """What `decision.json` holds; runs from before there were rules for cases keep what they had."""
        held = {"schema": SCHEMA, **asdict(self), "classes": list(self.classes)}
        held["case"] = None if self.case is None else self.case.as_json()
        costs = held.pop("costs")
        for name in LATER:
            if held[name] is None:
                del held[name]
        return held if costs is None else held | {"costs": [list(row) for row in costs]}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Decision:
        """The decision that `as_json` described."""
        held = {name: upgrade(fields.get(name)) for name in PARTS}
        parts = {name: None if held[name] is None else part(**held[name]) for name, part in PARTS.items()}
        costs = fields.get("costs")
        matrix = None if costs is None else tuple(map(tuple, costs))
        return cls(tuple(fields["classes"]), fields["temperature"], **parts, costs=matrix)


def write_decision(run: Run, decision: Decision, reference: Features | None) -> None:
    """Write both files and enter them in the ledger; no reference where none was needed."""
    if reference is not None:
        write_atomic(run.path(REFERENCE), safetensors.numpy.save({"features": reference}))
        run.record(REFERENCE, ["model.safetensors", "split.csv"])
    write_json(run.path(DECISION), decision.as_json())
    run.record(DECISION, ["model.safetensors", "config.json"])


def read_decision(run: Run, classes: tuple[str, ...], temperature: float) -> tuple[Decision, Features | None]:
    """The decision and the reference; of a run without them, one that only calibrates."""
    artefacts = run.ledger["artefacts"]
    if DECISION not in artefacts:
        return Decision(classes, temperature), None
    decision = Decision.from_json(read_json(run.require(DECISION)))
    if REFERENCE not in artefacts:
        return decision, None
    return decision, safetensors.numpy.load_file(run.require(REFERENCE))["features"]
