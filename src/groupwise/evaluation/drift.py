"""Drift of new images from those that a run held out: their pixels, their features, their mix of classes.

`external.json` holds under "drift"

    against         the folds of the run that the new images are compared with, or null with a `reason`
    n, sources      of those folds
    tests           {"pixels" | "features" | "classes": {"p", "p_holm", "told"}}, or its `reason`
    largest         [{"name", "run", "new", "standardised"}]: the means of what differs most in the pixels

Held-out images are compared with, because a network's features of images that it has learnt from differ from
those of any others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from groupwise.data.cache import Images
from groupwise.stats.arrays import Floats
from groupwise.stats.drift import Collections, DriftTest, drift_tests, normal_scores, standardised_differences
from groupwise.stats.ood import Features

CHANNELS = {1: ("grey",), 3: ("red", "green", "blue")}
SHOWN = 3


def measure_pixels(images: Images, sizes_px: Sequence[tuple[int, int]]) -> dict[str, Floats]:
    """What describes each image, (N,) by name; `images` are as the network gets them, uint8 (N, S, S, C).

    `sizes_px` are width and height of the files. Levels run from 0 to 1.
    """
    channels = images.shape[3]
    names = CHANNELS.get(channels, tuple(f"channel {k + 1}" for k in range(channels)))
    rows = np.stack([_describe(image) for image in images])
    columns = [f"{what} of {name}" for what in ("mean", "spread") for name in names]
    sizes = np.array(sizes_px, dtype=np.float64)
    return {
        **dict(zip([*columns, "sharpness"], rows.T, strict=True)),
        "megapixels": sizes.prod(axis=1) / 1e6,
        "width over height": sizes[:, 0] / sizes[:, 1],
    }


def _describe(image: Images) -> Floats:
    """Mean and spread of each channel, and the mean difference of neighbours over the spread."""
    levels = image.astype(np.float32) / 255
    grey = levels.mean(axis=2)
    edges = np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()
    sharpness = edges / (grey.std() + 1e-3)  # a plain image has no edges, and is not sharp
    return np.array([*levels.mean(axis=(0, 1)), *levels.std(axis=(0, 1)), sharpness], dtype=np.float64)


def measure_drift(
    pixels: dict[str, Floats], features: Features | None, held: Collections, *, seed: int
) -> dict[str, Any]:
    """`tests` and `largest`, from the descriptions and the features (N, C) of the images of `held`."""
    columns = np.stack(list(pixels.values()), axis=1)
    scores = normal_scores(columns)
    unit = None if features is None else _unit(features)
    tests = drift_tests({"pixels": scores, "features": unit}, held, seed=seed)
    apart = (
        standardised_differences(scores, held) if tests["pixels"].reason is None else np.zeros(len(pixels))
    )
    order = np.argsort(-np.abs(apart), kind="stable")[:SHOWN]
    names = list(pixels)
    return {
        "tests": {name: _as_json(test) for name, test in tests.items()},
        "largest": [
            {
                "name": names[k],
                "run": float(columns[~held.new, k].mean()),
                "new": float(columns[held.new, k].mean()),
                "standardised": float(apart[k]),
            }
            for k in order
            if apart[k] != 0
        ],
    }


def _unit(features: Features) -> Floats:
    norm = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.maximum(norm, np.finfo(np.float32).tiny), dtype=np.float64)


def _as_json(test: DriftTest) -> dict[str, Any]:
    if test.reason is not None:
        return {"reason": test.reason}
    return {"p": test.p, "p_holm": test.p_holm, "told": test.told}
