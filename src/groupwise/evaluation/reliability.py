"""Turns confidences into the bins of a reliability diagram: how sure the network was, and how often right.

The bins are those of the calibration error, of equal mass and several sources each (DeGroot and Fienberg 1983
drew the first such diagrams). `metrics.json` has for each fold, under `reliability`, from the lowest bin up:

    [FIGURE + {"confidence": mean, "lowest": ..., "highest": ...}, ...]

The value of the figure is the accuracy in the bin, with its interval, images and sources.
"""

from __future__ import annotations

from typing import Any

from groupwise.evaluation.calibration_error import equal_mass_bins
from groupwise.evaluation.limits import share_of_images
from groupwise.evaluation.weighted import Fold


def reliability(fold: Fold) -> list[dict[str, Any]]:
    """The bins of a fold."""
    edges, number = equal_mass_bins(fold)
    bins = []
    for b in range(len(edges) + 1):
        within = number == b
        if within.any():
            confidence = fold.confidence[within]
            bins.append(
                share_of_images(fold, fold.right, within).as_json()
                | {
                    "confidence": float(confidence.mean()),
                    "lowest": float(confidence.min()),
                    "highest": float(confidence.max()),
                }
            )
    return bins
