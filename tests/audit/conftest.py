"""Photographs made up for the tests: scenes of random shapes that share nothing of themselves."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from groupwise.stats.arrays import Pixels

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))  # families of copies are there

Scene = Callable[..., Pixels]


@pytest.fixture(scope="session")
def scene() -> Scene:
    """`scene(seed, size=160)` draws one synthetic photograph (size, size, 3)."""
    return draw_scene


def draw_scene(seed: int, size: int = 160) -> Pixels:
    """Shapes over soft shading with a little grain, different for every seed."""
    rng = np.random.default_rng(seed)
    image = cv2.resize(
        rng.uniform(60, 200, (4, 4, 3)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC
    )
    for _ in range(28):
        colour = rng.uniform(0, 255, 3).tolist()
        centre = tuple(int(v) for v in rng.integers(0, size, 2))
        axes = tuple(int(v) for v in rng.integers(size // 30, size // 7, 2))
        if rng.random() < 0.5:
            cv2.ellipse(image, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA)
        else:
            corners = np.array(centre) + rng.integers(-size // 6, size // 6, (4, 2))
            cv2.fillPoly(image, [corners.astype(np.int32)], colour, cv2.LINE_AA)
    grain = cv2.GaussianBlur(rng.normal(0, 12, image.shape).astype(np.float32), (0, 0), 1)
    return np.clip(image + grain, 0, 255).astype(np.uint8)
