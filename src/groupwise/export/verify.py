"""Verification of a model in an engine: labels, probabilities and decisions against what was expected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from groupwise.data.decode import Preprocessing
from groupwise.distributed.processor import this_processor
from groupwise.errors import GroupwiseError
from groupwise.export.engines import Engine, installed_engines, open_engine, thread_count
from groupwise.export.parity import DECIDED, plain
from groupwise.export.reference import References
from groupwise.inference.decision import ClassPrediction
from groupwise.stats.arrays import Floats, Floats32

Decide = Callable[[Floats, Floats32], Sequence[ClassPrediction]]
# On probabilities, where weights or activations are not float32: engines round by rules of their own.
COARSE_TOLERANCE = 0.02


@dataclass(frozen=True)
class Verification:
    """How far an engine's answers are from what was expected, at worst over batches of 1 and of all pictures.

    `tolerance` is on logits where `on` says so, else on probabilities. `differ` counts pictures by what of
    their answer differs (`label` and the fields of a decision). `worst` names the picture whose probabilities
    differ most.
    """

    engine: str
    version: str
    precision: str
    model_precision: str
    processor: str
    instruction_sets: tuple[str, ...]
    threads: int
    date: str
    pictures: int
    batches: tuple[int, ...]
    on: str
    tolerance: float
    logit_difference: float
    probability_difference: float
    differ: dict[str, int]
    worst: str

    @property
    def agrees(self) -> bool:
        """Whether every label and decision is the same, and nothing further off than the tolerance."""
        largest = self.logit_difference if self.on == "logits" else self.probability_difference
        return not self.differ and largest <= self.tolerance  # NaN is no agreement

    def as_json(self) -> dict[str, Any]:
        """What `parity.json` holds of it."""
        fields = {**asdict(self), "agrees": self.agrees}
        for name in ("logit_difference", "probability_difference"):  # JSON knows no NaN
            fields[name] = fields[name] if np.isfinite(fields[name]) else None
        return {**fields, "instruction_sets": list(self.instruction_sets), "batches": list(self.batches)}

    def __str__(self) -> str:
        said = f"{self.engine} {self.version}, {self.precision}"
        if self.model_precision != "float32":
            said += f" with {self.model_precision}"
        far = f"logits off by {self.logit_difference:.2g}, probabilities by {self.probability_difference:.2g}"
        sizes = " and ".join(map(str, self.batches))
        if self.agrees:
            return f"{said}: {self.pictures} pictures answered alike in batches of {sizes} ({far})"
        counts = ", ".join(f"{n} by {field}" for field, n in self.differ.items()) or "none by a decision"
        return f"{said}: of {self.pictures} pictures differ {counts}; {far}; most of all {self.worst}"


def verify_engine(
    engine: Engine,
    expected: References,
    preprocessing: Preprocessing,
    decide: Decide,
    *,
    model_precision: str = "float32",
) -> Verification:
    """Run the pictures one at a time and all at once, and compare; `decide` maps outputs to answers."""
    inputs = preprocessing.normalise(expected.images)
    batches = (1, len(inputs))
    differ: dict[str, set[int]] = {}
    apart: list[tuple[Floats, Floats]] = []
    for size in batches:
        parts = [engine.run(inputs[start : start + size]) for start in range(0, len(inputs), size)]
        logits, features = (np.concatenate(part) for part in zip(*parts, strict=True))
        answers = decide(logits.astype(np.float64), features)
        apart.append(_differences(logits, answers, expected))
        for row, (one, other) in enumerate(zip(expected.answers, answers, strict=True)):
            for field in ("label", *DECIDED):
                if plain(getattr(one, field)) != plain(getattr(other, field)):
                    differ.setdefault(field, set()).add(row)
    of_logits, of_probs = (np.max(rows, axis=0) for rows in zip(*apart, strict=True))
    exact = model_precision == "float32" and engine.precision == "f32"
    here = this_processor()
    return Verification(
        engine=engine.name,
        version=engine.version,
        precision=engine.precision,
        model_precision=model_precision,
        processor=here.name,
        instruction_sets=here.instruction_sets,
        threads=thread_count(),
        date=datetime.now(UTC).date().isoformat(),
        pictures=len(inputs),
        batches=batches,
        on="logits" if exact else "probabilities",
        tolerance=engine.tolerance if exact else COARSE_TOLERANCE,
        logit_difference=float(of_logits.max()),
        probability_difference=float(of_probs.max()),
        differ={field: len(rows) for field, rows in differ.items()},
        worst=expected.names[int(np.nan_to_num(of_probs, nan=np.inf).argmax())],
    )


def verify_installed(
    model: bytes,
    expected: References,
    preprocessing: Preprocessing,
    decide: Decide,
    model_precision: str,
) -> tuple[list[dict[str, Any]], list[str]]:
    """`verify_engine` in every installed engine, for `parity.json`; and remarks on those that differ."""
    entries, remarks = [], []
    for name in installed_engines():
        try:
            engine = open_engine(name, model)
            found = verify_engine(engine, expected, preprocessing, decide, model_precision=model_precision)
        except GroupwiseError as error:
            entries.append({"engine": name, "refused": error.fact})
            remarks.append(f"{error.place} {error.fact}")
            continue
        entries.append(found.as_json())
        if not found.agrees:
            remarks.append(f"Do not use it there: {found}")
    return entries, remarks


def keep(entries: Sequence[dict[str, Any]], found: Verification) -> list[dict[str, Any]]:
    """The entries of `parity.json` with another one, in place of what was found in the same surroundings."""
    new = found.as_json()
    same = ("engine", "version", "precision", "processor", "instruction_sets", "threads")
    return [one for one in entries if any(one.get(name) != new[name] for name in same)] + [new]


def _differences(
    logits: Floats32, answers: Sequence[ClassPrediction], expected: References
) -> tuple[Floats, Floats]:
    """The largest difference of a logit and of a probability in each picture, (N,) both."""
    probs = [
        np.array([list(answer.probabilities.values()) for answer in one])
        for one in (answers, expected.answers)
    ]
    return np.abs(logits - expected.logits).max(axis=1), np.abs(probs[0] - probs[1]).max(axis=1)
