"""One answer a case: the figures of a fold whose pictures are answered together, `cases.json`.

    schema, fold, by    `source`, or a column of the manifest
    rule                {"rule", "cases", "log_losses", "reason"}: how, and by how many cases it was chosen
    chosen_on           the fold that chose it
    pictures, cases     what was answered
    labels              "several" where images have sets of them: a case has what any of its pictures has
    several_classes     cases left out because their pictures have several classes, and `examples` of them
    figures             every figure of a fold, as in `metrics.json`, a case in place of an image
    single_picture      how often a single picture is right, each case weighing the same; of sets its mean
                        average precision by what the case has
    rules               the number (accuracy, of sets mean average precision) of every rule on these cases;
                        that of `max` is the surest picture's
    beside_surest       the chosen rule less the surest picture: {"value", "low", "high", "p", "reason"}

Intervals count sources: a case is one, or a part of one where a column divides the pictures finer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from groupwise.data.manifest import Manifest
from groupwise.data.sources import find_sources
from groupwise.data.split import Assignment
from groupwise.errors import UsageError
from groupwise.evaluation.case_sets import measure_sets
from groupwise.evaluation.evaluate import Scored, score_fold
from groupwise.evaluation.predictions import PROBABILITY, Predictions, read_predictions
from groupwise.evaluation.slice_files import further_columns
from groupwise.files import write_csv, write_json
from groupwise.inference.decision import read_decision
from groupwise.recipe.recipe import read_fields
from groupwise.runs.files import TEST
from groupwise.runs.run import Run
from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.case_sets import choose_set_rule
from groupwise.stats.cases import MAX, RULES, CaseRule, aggregate, choose_case_rule, label_cases, number_cases
from groupwise.stats.estimate import SCHEMA
from groupwise.stats.fold import check_fold
from groupwise.stats.intervals import fraction, share_of_images
from groupwise.stats.label_rule import Members
from groupwise.stats.metrics import measure_fold
from groupwise.stats.paired_tests import compare_models

FILE, ANSWERS = "cases.json", "cases.csv"
SOURCE = "source"
EXAMPLES = 5


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures with their class numbers (N,), probabilities (N, K), cases by name, and sources (N,).

    Of sets of labels, `labels` are 1 for each that a picture has and `given` those that it was given, (N, K).
    """

    labels: Any
    probs: Floats
    names: Sequence[object]
    sources: Ints
    given: Members | None = None


@dataclass(frozen=True, eq=False)
class CaseScores:
    """Name, label, pictures, answer and probabilities (C, K) of each case, and the figures."""

    names: Sequence[object]
    labels: Sequence[str]
    pictures: Ints
    predicted: Sequence[str]
    probs: Floats
    facts: Mapping[str, Any]

    def write(self, file: Path, classes: Sequence[str]) -> None:
        """Write one row a case."""
        told = (self.names, self.labels, self.pictures, self.predicted, self.probs.tolist())
        write_csv(
            file,
            ("case", "label", "pictures", "predicted", *(f"{PROBABILITY}{name}" for name in classes)),
            ((*cells, *map(repr, probs)) for *cells, probs in zip(*told, strict=True)),
        )


def case_names(rows: Sequence[Assignment], manifest: Manifest, by: str, sources: Ints) -> list[object]:
    """The case of each row: its source, or its cell in a further column, where a blank is shared by nobody.

    Raises `UsageError` for a column that is not there.
    """
    if by == SOURCE:
        # A source goes by the name of its group where all of it has one.
        groups: dict[int, set[str]] = {}
        for row, source in zip(rows, sources.tolist(), strict=True):
            groups.setdefault(source, set()).add(row.group)
        named = {source: names.pop() for source, names in groups.items() if len(names) == 1}
        return [named.get(source) or f"source {source}" for source in sources.tolist()]
    refuse_unknown_column(manifest, by)
    cells = {sample.path: sample.extra.get(by, "") for sample in manifest.usable}
    return [cells[row.path] or f"file {row.path}" for row in rows]


def refuse_cases(run: Run, fold: str, by: str) -> None:
    """Raise `UsageError` where the cases of a fold cannot be measured, which its labels alone say."""
    split = run.split()
    rows = [split.rows[k] for k in split.indices(fold)]
    names = case_names(rows, run.manifest(), by, split.sources_of(rows))
    if not split.several:
        refuse_mixed_cases(names, np.unique([row.label for row in rows], return_inverse=True)[1])


def refuse_unknown_column(manifest: Manifest, by: str) -> None:
    """Raise `UsageError` where cases are asked for by a column that is not there."""
    known = (SOURCE, *further_columns(manifest))
    if by not in known:
        raise UsageError(f"no column {by!r}", place="--by", remedy=f"Choose among {', '.join(known)}.")


def refuse_mixed_cases(names: Sequence[object], labels: Ints) -> None:
    """Raise `UsageError` where pictures of most cases, by the case of each (N,), are of several classes."""
    of_cases, cases = number_cases(names)
    truth = label_cases(labels, cases)
    mixed = np.flatnonzero(truth < 0)
    if len(mixed) > len(truth) / 2:
        raise UsageError(
            f"the pictures of {len(mixed):,} of {len(truth):,} cases, such as {of_cases[mixed[0]]!r}, have"
            " several classes, so that no one answer can be right",
            place="--by",
            remedy="Name a column whose cells divide the pictures by what has one class, such as a visit.",
        )


def measure_cases(pictures: Pictures, rule: CaseRule, classes: Sequence[str]) -> CaseScores:
    """Answer each case by `rule` and measure that; cases of several classes are left out.

    Raises `UsageError` where most cases are of several classes, or all.
    """
    names, cases = number_cases(pictures.names)
    # A column may be finer than a source, or join several.
    apart = find_sources(cases.tolist(), pictures.sources.tolist())
    source_of = np.zeros(len(names), dtype=np.int64)
    source_of[cases] = apart
    if pictures.given is not None:
        members = np.asarray(pictures.labels).astype(bool)
        labels, said, probs, facts = measure_sets(
            members, pictures.probs, pictures.given, rule, cases, source_of, classes
        )
        return CaseScores(names, labels, np.bincount(cases), said, probs, facts)
    refuse_mixed_cases(pictures.names, pictures.labels)
    truth = label_cases(pictures.labels, cases)
    mixed = np.flatnonzero(truth < 0)
    taken = np.flatnonzero(truth >= 0)
    answers = {name: aggregate(pictures.probs, cases, name)[taken] for name in RULES}
    fold = check_fold(truth[taken], answers[rule.rule], source_of[taken], classes)
    right = pictures.probs.argmax(axis=1) == pictures.labels
    sizes = np.bincount(cases)
    single = (np.bincount(cases, weights=right.astype(np.float64)) / sizes)[taken]
    whole = np.ones(fold.n, dtype=bool)
    rules = {name: check_fold(fold.labels, one, fold.sources, classes) for name, one in answers.items()}
    (beside,) = compare_models(fold.labels, [answers[MAX], answers[rule.rule]], fold.sources, classes, seed=0)
    difference = beside.accuracy
    facts = {
        "rule": rule.as_json(),
        "pictures": int(sizes[taken].sum()),
        "cases": fold.n,
        "several_classes": len(mixed),
        "examples": [str(names[k]) for k in mixed[:EXAMPLES]],
        "figures": measure_fold(fold, classes, seed=0),
        "single_picture": fraction(fold.per_source(single), fold.per_source(np.ones(fold.n)), "").as_json(),
        "rules": {name: share_of_images(one, one.right, whole).as_json() for name, one in rules.items()},
        "beside_surest": {
            name: getattr(difference, name) for name in ("value", "low", "high", "p", "reason")
        },
    }
    labels, said = ([classes[k] for k in numbers] for numbers in (fold.labels, fold.predicted))
    return CaseScores([names[k] for k in taken], labels, sizes[taken], said, answers[rule.rule], facts)


def write_cases(run: Run, fold: str, by: str, scored: Scored, *, root: Path | None = None) -> dict[str, Any]:
    """Measure one answer a case on a fold that was just scored, and write both files; returns `cases.json`.

    `root` is where the images lie if not where they lay during training.
    """
    manifest = run.manifest()
    told = Predictions(scored.rows, scored.classes, scored.probs)
    pictures = _pictures(run, told, scored.given, by, manifest)
    rule, chosen_on = _choose(run, fold, by, manifest, root)
    if scored.given is not None and not rule.thresholds:
        rule = replace(rule, thresholds=_thresholds(run, scored.classes))
    measured = measure_cases(pictures, rule, scored.classes)
    measured.write(run.path(ANSWERS), scored.classes)
    run.record(ANSWERS, ["model.safetensors", "split.csv"])
    facts = {"schema": SCHEMA, "fold": fold, "by": by, "chosen_on": chosen_on, **measured.facts}
    write_json(run.path(FILE), facts)
    run.record(FILE, [ANSWERS])
    return facts


def _pictures(run: Run, told: Predictions, given: Members | None, by: str, manifest: Manifest) -> Pictures:
    sources = run.split().sources_of(told.rows)
    names = case_names(told.rows, manifest, by, sources)
    return Pictures(told.targets.values, told.probs, names, sources, given)


def _thresholds(run: Run, classes: Sequence[str]) -> tuple[float, ...]:
    """From which probability on a picture is given each label, where no cases say it of cases."""
    rule = read_decision(run, tuple(classes), 1.0)[0].label_sets
    assert rule is not None
    return rule.thresholds


def _choose(run: Run, fold: str, by: str, manifest: Manifest, root: Path | None) -> tuple[CaseRule, str]:
    """The rule by the fold that chose the network, whose answers were kept or are asked for again."""
    select = str(read_fields(run.require("recipe.yaml")).get("training", {}).get("select_fold", "val"))
    if select in (TEST, fold):
        reason = f"the fold {select} chose the network and is the one measured, so none is left to choose by"
        return CaseRule(reason=reason), select
    kept = read_predictions(run.require("predictions.csv")) if run.path("predictions.csv").exists() else None
    found = kept.of_fold(select) if kept else None
    if found is None or not found.rows:
        scored = score_fold(run, select, root=root)
        found, given = Predictions(scored.rows, scored.classes, scored.probs), scored.given
    else:
        given = found.given if found.targets.several else None
    seen = _pictures(run, found, given, by, manifest)
    _, cases = number_cases(seen.names)
    if given is not None:
        members = seen.labels.astype(bool)
        return choose_set_rule(members, seen.probs, given, seen.sources, cases), select
    return choose_case_rule(seen.labels, seen.probs, cases), select
