"""Results of whole searches as JSON, so that an audit of unchanged files finds them in its cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from groupwise.audit.copies.compare import Evidence
from groupwise.audit.copies.detect import Detection
from groupwise.audit.copies.threshold import Threshold
from groupwise.audit.copies.verify import Pair
from groupwise.files import sha256_bytes, sha256_mapping
from groupwise.stats.arrays import Floats


def name_detection(names: Sequence[str], seed: int) -> str:
    """Digest of all that `detect` depends on: what the photographs are called, in order, and the seed."""
    return sha256_mapping({"names": list(names), "seed": seed})


def name_shortcuts(
    clues: Mapping[str, Floats], labels: Sequence[str], clusters: Sequence[int], seed: int
) -> str:
    """Digest of all that `find_shortcuts` depends on."""
    values = {name: sha256_bytes(np.ascontiguousarray(rows).tobytes()) for name, rows in clues.items()}
    return sha256_mapping({"clues": values, "labels": list(labels), "clusters": list(clusters), "seed": seed})


def detection_to_json(detection: Detection) -> dict[str, Any]:
    """All of it; numbers come back as they were."""
    return {
        "copies": list(map(_pair_to_json, detection.copies)),
        "parted": list(map(_pair_to_json, detection.parted)),
        "threshold": asdict(detection.threshold),
        "compared": detection.compared,
    }


def detection_from_json(told: Mapping[str, Any]) -> Detection:
    """The detection that was told."""
    copies, parted = (tuple(map(_pair_from_json, told[name])) for name in ("copies", "parted"))
    return Detection(copies, Threshold(**told["threshold"]), int(told["compared"]), parted)


def _pair_to_json(pair: Pair) -> dict[str, Any]:
    evidence = _evidence_to_json(pair.evidence)
    return {"first": pair.first, "second": pair.second, "score": float(pair.score), "evidence": evidence}


def _pair_from_json(told: Mapping[str, Any]) -> Pair:
    return Pair(**{**told, "evidence": _evidence_from_json(told["evidence"])})


def _evidence_to_json(evidence: Evidence) -> dict[str, Any]:
    values = asdict(evidence)
    numbers = {name: None if one is None else float(one) for name, one in values.items() if name != "matrix"}
    return numbers | {"matrix": evidence.matrix.tolist()}


def _evidence_from_json(told: Mapping[str, Any]) -> Evidence:
    return Evidence(**{**told, "matrix": np.array(told["matrix"], dtype=np.float64)})
