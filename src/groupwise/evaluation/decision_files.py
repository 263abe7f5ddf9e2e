"""Keeps a run's decision in `decision.json`, and the training features that it compares with beside it.

`reference.safetensors` holds `features` (M, C) float32. `groupwise.evaluation.decision` describes the other.
"""

from __future__ import annotations

import safetensors.numpy

from groupwise.evaluation.decision import Decision
from groupwise.evaluation.unlike import Features
from groupwise.files import read_json, write_atomic, write_json
from groupwise.run import Run

DECISION, REFERENCE = "decision.json", "reference.safetensors"


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
