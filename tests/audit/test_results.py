"""Results kept as JSON: they come back as they were, and other inputs have other names."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from groupwise.audit.copies.compare import Evidence
from groupwise.audit.copies.detect import Detection
from groupwise.audit.copies.threshold import Threshold
from groupwise.audit.copies.verify import Pair
from groupwise.audit.results import detection_from_json, detection_to_json, name_detection, name_shortcuts


@pytest.mark.parametrize("share", [None, 1 / 3])
def test_a_detection_comes_back_as_it_was(share: float | None) -> None:
    matrix = np.random.default_rng(0).normal(size=(3, 3))
    evidence = Evidence(np.float32(0.1), 0.1 + 0.2, 0.9, 0.0, 1 / 7, matrix, share)  # type: ignore[arg-type]
    detection = Detection((Pair(2, 5, evidence, 0.7),), Threshold(0.35, 120, 1, 0.02, 0.1 / 3), 99)
    back = detection_from_json(json.loads(json.dumps(detection_to_json(detection))))
    (pair,) = back.copies
    assert (pair.first, pair.second, pair.score) == (2, 5, 0.7)
    np.testing.assert_array_equal(pair.evidence.matrix, matrix)
    assert {**asdict(pair.evidence), "matrix": None} == {**asdict(evidence), "matrix": None}
    assert (back.threshold, back.compared) == (detection.threshold, 99)


def test_names_tell_all_that_a_result_depends_on() -> None:
    clues = {"file size": np.arange(4.0)[:, None]}
    labels, clusters = list("abab"), [0, 1, 2, 3]
    names = {
        name_detection(["x", "y"], 0),
        name_detection(["y", "x"], 0),
        name_detection(["x", "y"], 1),
        name_detection(["x", "y", "z"], 0),
        name_shortcuts(clues, labels, clusters, 0),
        name_shortcuts({"camera": clues["file size"]}, labels, clusters, 0),
        name_shortcuts({"file size": clues["file size"] + 1e-9}, labels, clusters, 0),
        name_shortcuts(clues, list("abba"), clusters, 0),
        name_shortcuts(clues, labels, [0, 0, 2, 3], 0),
        name_shortcuts(clues, labels, clusters, 1),
    }
    assert len(names) == 10
    assert name_shortcuts({"file size": clues["file size"].copy()}, labels, clusters, 0) in names
