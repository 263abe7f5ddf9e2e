"""Accuracy on images with and without a sibling in training, where a split has cut sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from groupwise.data.split import Split
from groupwise.data.stratify import IntArray
from groupwise.evaluation.limits import share_of_images
from groupwise.evaluation.weighted import Fold
from groupwise.evaluation.words import sentence

KEY = "siblings_in_training"
"""The entry of a fold in `metrics.json`; there only where some image has a sibling."""


def measure_exposure(fold: Fold, split: Split, rows: IntArray) -> dict[str, Any]:
    """The entry for the `rows` of the split that `fold` holds; empty where no source is cut."""
    sources = split.sources
    seen = np.isin(sources[rows], sources[split.indices("train")])
    if not seen.any():
        return {}
    return {KEY: {"with": _accuracy(fold, seen), "without": _accuracy(fold, ~seen)}}


def _accuracy(fold: Fold, among: npt.NDArray[np.bool_]) -> dict[str, Any]:
    return share_of_images(fold, fold.right, among, "no image of the fold is so").as_json()


def exposure_lines(metrics: Mapping[str, Any]) -> list[str]:
    """The two figures of a fold in words; none where no source is cut."""
    if KEY not in metrics:
        return []
    named = {"with": "With a sibling in training", "without": "Without one"}
    return [f"{words}: {sentence('accuracy', metrics[KEY][name])}" for name, words in named.items()]
