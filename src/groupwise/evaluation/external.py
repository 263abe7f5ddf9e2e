"""A run on labelled data that it has never seen: figures, what was left out, promises, drift.

`external.json` holds

    schema, name, data, root, layout, n, sources
    ungrouped       whether the run's images have groups and none of these has one
    left_out        {"unusable", "copies", "label_conflicts", "unknown_classes"}: how many images each
    copies          {"searched", "reason", "by_fold", "same_groups", and what the audit planted to try itself}
    classes         {"respelled", "unknown", "missing"}
    internal        the fold of the run that the figures are compared with, and the differences: {"fold",
                    "figures": {name: FIGURE}, "differences": {name: FIGURE}}, or its `reason`
    promises        [{"rule", "promised", "bound", "measured": FIGURE, "standing"}]: `kept` or `broken` where
                    the interval says so, else `open`
    drift           see `drift`
    cases           as in `cases.json`, where one answer a case was asked for; else null
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np

from groupwise.audit.known import KnownCopies
from groupwise.data.manifest import Manifest, Sample
from groupwise.data.sources import find_sources
from groupwise.data.split import Assignment
from groupwise.data.targets import Targets
from groupwise.errors import GroupwiseError
from groupwise.evaluation.cases import CaseScores, Pictures, measure_cases
from groupwise.evaluation.class_names import MatchedClasses
from groupwise.evaluation.decision_metrics import decision_metrics
from groupwise.inference.decision import Decision
from groupwise.inference.predictor import Outputs, Predictor
from groupwise.runs.external import FOLD, compared
from groupwise.stats.arrays import Ints
from groupwise.stats.cases import CaseRule
from groupwise.stats.estimate import Estimate
from groupwise.stats.fold import Fold, check_fold
from groupwise.stats.label_metrics import LabelFold, check_label_fold, measure_label_fold
from groupwise.stats.label_rule import Members
from groupwise.stats.metrics import measure_fold
from groupwise.stats.ordered import kappas
from groupwise.stats.unpaired import unpaired_difference

OVER_CLASSES = ("balanced_accuracy", "macro_f1", "auroc", "average_precision")  # means over present classes


@dataclass(frozen=True, eq=False)
class NewData:
    """New images that can be measured, (N,), as rows of a split, and what was left out of the others.

    `sources` (N,) are by group and by what shows the same photograph; an image that is left out may join two.
    """

    samples: tuple[Sample, ...]
    rows: tuple[Assignment, ...]
    sources: Ints
    left_out: Mapping[str, int]
    copies: tuple[tuple[str, str], ...]

    def targets(self, classes: Sequence[str]) -> Targets:
        """What each is to be called."""
        return Targets.of([row.label for row in self.rows], classes)


@dataclass(frozen=True, eq=False)
class Measured:
    """The answers to new images as a fold, every figure, and the labels given, where they have sets."""

    fold: Fold | LabelFold
    figures: dict[str, Any]
    given: Members | None = None


def choose_images(
    manifest: Manifest, matched: MatchedClasses, found: KnownCopies, *, several: bool
) -> NewData:
    """Leave out copies of the run's own pictures, photographs under two labels, and unknown classes.

    `several` says that the run knows sets of labels. Raises `GroupwiseError` where no image is left.
    """
    samples = manifest.usable
    labels = [matched.label(sample.label, several=several) for sample in samples]
    told: dict[int, set[str]] = {}
    for cluster, label in zip(found.clusters.tolist(), labels, strict=True):
        told.setdefault(cluster, set()).add(label or "")
    left_out = dict.fromkeys(("copies", "label_conflicts", "unknown_classes"), 0)
    taken: list[int] = []
    for i, (cluster, label) in enumerate(zip(found.clusters.tolist(), labels, strict=True)):
        if found.of[i] is not None:
            left_out["copies"] += 1
        elif len(told[cluster]) > 1:
            left_out["label_conflicts"] += 1
        elif label is None:
            left_out["unknown_classes"] += 1
        else:
            taken.append(i)
    copies = [(s.path, of) for s, of in zip(samples, found.of, strict=True) if of is not None]
    if not taken:
        _refuse_nothing_new(len(samples), left_out, copies)
    rows = [
        Assignment(samples[i].path, str(labels[i]), samples[i].group, int(found.clusters[i]), FOLD)
        for i in taken
    ]
    unusable = sum(sample.status == "quarantined" for sample in manifest.samples)
    return NewData(
        tuple(samples[i] for i in taken),
        tuple(rows),
        find_sources([sample.group for sample in samples], found.clusters.tolist())[taken],
        {"unusable": unusable, **left_out},
        tuple(copies),
    )


def _refuse_nothing_new(n: int, left_out: Mapping[str, int], copies: Sequence[tuple[str, str]]) -> NoReturn:
    """Raise `GroupwiseError` that says why none of `n` images is left, and what to do about it."""
    if left_out["copies"] == n:
        path, of = copies[0]
        raise GroupwiseError(
            f"{n:,} of {n:,} images are copies of the run's own, as {path} of {of}: nothing is new",
            place="--external",
            remedy="Name images that the run has not seen; its own are measured by `groupwise evaluate RUN"
            " --fold test`.",
        )
    reasons = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in left_out.items() if count)
    raise GroupwiseError(
        f"none of its {n:,} images is left to measure ({reasons})",
        place="--external",
        remedy="Mend or rename the labels, or name images that the run has not seen.",
    )


def measure_external(
    new: NewData, outputs: Outputs, predictor: Predictor, ordered: Sequence[str] = ()
) -> Measured:
    """Every figure of `metrics.json` for the new images; `ordered` are the classes from the lowest on."""
    decision, classes = predictor.decision, predictor.classes
    probs, targets = decision.probs(outputs.logits), new.targets(classes)
    if decision.label_sets is not None:
        said = decision.label_sets.answers(probs)
        sets = check_label_fold(targets.values, probs, new.sources)
        figures = measure_label_fold(sets, said, classes, seed=0)
        flag = replace(decision, label_sets=None)
        figures |= decision_metrics(sets.whole, flag, *outputs, predictor.reference)
        return Measured(sets, figures, said.given)
    fold = check_fold(targets.values.astype(np.int64), probs, new.sources, classes)
    figures = measure_fold(fold, classes, seed=0)
    figures |= decision_metrics(fold, decision, *outputs, predictor.reference)
    figures |= kappas(fold, classes, ordered, seed=0)
    return Measured(fold, figures)


def measure_new_cases(
    new: NewData, measured: Measured, names: Sequence[object], decision: Decision
) -> CaseScores:
    """One answer to the images of each case, by `names` (N,), by the rule that the run's own cases chose."""
    rule = decision.case or CaseRule(reason="the run has chosen no rule")
    if decision.label_sets is not None and not rule.thresholds:
        rule = replace(rule, thresholds=decision.label_sets.thresholds)
    labels = new.targets(decision.classes).values
    pictures = Pictures(labels, measured.fold.probs, names, new.sources, measured.given)
    return measure_cases(pictures, rule, decision.classes)


def compare_with(internal: Mapping[str, Any], fold: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of the run's own `fold`, and how the new ones differ from them."""
    same = _present(internal) == _present(figures)
    kept, differences = {}, {}
    for name in compared(figures):
        if name not in internal:
            continue
        before, after = Estimate.from_json(internal[name]), Estimate.from_json(figures[name])
        kept[name] = before.as_json()
        if name in OVER_CLASSES and not same:
            reason = "the two have images of different classes, over which it is a mean"
            difference = Estimate(None, after.n, after.sources, reason=reason)
        else:
            difference = unpaired_difference(before, after)
        differences[name] = difference.as_json()
    return {"fold": fold, "figures": kept, "differences": differences}


def _present(figures: Mapping[str, Any]) -> set[str]:
    per_class = figures["per_class"].items()
    return {name for name, one in per_class if one.get("n", 1)}
