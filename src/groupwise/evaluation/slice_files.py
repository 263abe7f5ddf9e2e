"""`slices.json` of a run, from the predictions it kept and the further columns of its manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from groupwise.data.manifest import Manifest, Sample
from groupwise.errors import UsageError
from groupwise.evaluation.predictions import Predictions, read_predictions
from groupwise.files import read_json, write_json
from groupwise.runs.run import Run
from groupwise.stats.arrays import Ints
from groupwise.stats.estimate import SETS
from groupwise.stats.fold import Fold, check_fold
from groupwise.stats.label_metrics import check_label_fold
from groupwise.stats.slices import Judged, slice_fold

FILE = "slices.json"
MADE_FROM = ("predictions.csv", "manifest.csv")
OF_THE_FILE = ("width", "height", "mode")
"""Columns that every manifest has and that may be named, but are not compared unasked."""


def write_slices(run: Run, fold: str, columns: Sequence[str] = ()) -> dict[str, Any] | None:
    """Compare the accuracy in `fold` by `columns`, all further ones if none is named; returns `slices.json`.

    Columns that the file has of the same predictions stay: all are compared anew, and corrected, together.
    The images are not looked at: these are predictions that the run kept, so no reading is counted. None,
    and nothing written, where none is named and there are none. Raises `UsageError` for a column or a fold
    that is not there.
    """
    manifest = run.manifest()
    names = tuple(dict.fromkeys((*_compared(run, fold), *_choose(manifest, columns))))
    if not names:
        return None
    predictions = read_predictions(run.require("predictions.csv")).of_fold(fold)
    if not predictions.rows:
        raise UsageError(
            f"no predictions of a fold {fold!r} were kept",
            place="--fold",
            remedy="Choose a fold of predictions.csv, or measure it with `groupwise evaluate`.",
        )
    samples = {sample.path: sample for sample in manifest.usable}
    cells = {name: [_cell(samples[row.path], name) for row in predictions.rows] for name in names}
    measured, judged = _judge(predictions, run.split().sources_of(predictions.rows))
    facts = {"fold": fold, **slice_fold(measured, cells, predictions.classes, seed=0, judged=judged)}
    if predictions.targets.several:
        facts["labels"] = SETS
    write_json(run.path(FILE), facts)
    run.record(FILE, MADE_FROM)
    return facts


def _judge(predictions: Predictions, sources: Ints) -> tuple[Fold, Judged]:
    """The fold and what is right of it: of sets of labels what was given, by the thresholds of the run."""
    classes, targets = predictions.classes, predictions.targets
    if not targets.several:
        fold = check_fold(predictions.labels, predictions.probs, sources, classes)
        return fold, Judged.of(fold)
    sets = check_label_fold(targets.values, predictions.probs, sources)
    return sets.whole, Judged(predictions.right, sets.members, predictions.given)


def further_columns(manifest: Manifest) -> tuple[str, ...]:
    """The user's own columns, in their order."""
    return tuple(dict.fromkeys(name for sample in manifest.usable for name in sample.extra))


def _compared(run: Run, fold: str) -> list[str]:
    """The columns of the `slices.json` that is there, if it is of this fold as it was predicted last."""
    made_from = run.ledger["artefacts"].get(FILE, {}).get("from")
    if not run.path(FILE).is_file() or made_from != {
        name: run.ledger["artefacts"][name]["sha256"] for name in MADE_FROM
    }:
        return []
    facts = read_json(run.path(FILE))
    told = [*facts["columns"], *facts["skipped"]] if facts["fold"] == fold else []
    return [one["column"] for one in told]


def _choose(manifest: Manifest, columns: Sequence[str]) -> tuple[str, ...]:
    known = further_columns(manifest)
    for name in columns:
        if name not in (*known, *OF_THE_FILE):
            raise UsageError(
                f"no column {name!r}",
                place="--by",
                remedy=f"Choose among {', '.join((*known, *OF_THE_FILE))}.",
            )
    return tuple(dict.fromkeys(columns)) or known


def _cell(sample: Sample, name: str) -> str:
    own: Mapping[str, object] = {"width": sample.width, "height": sample.height, "mode": sample.mode}
    return sample.extra[name] if name in sample.extra else str(own[name])
