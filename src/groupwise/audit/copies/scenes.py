"""Made scenes, from whose local features the visual words are learnt: leaves that hide one another.

Lee, Mumford and Huang, "Occlusion models for natural images", IJCV 2001: discs of all sizes laid on one
another have the edges and corners of photographs. Words of the photographs would change with each new file.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from groupwise.audit.copies.features import describe
from groupwise.stats.arrays import Floats32

SCENES = 3
_SIDE_PX, _LEAVES, _MOST_POINTS = 256, 800, 2_000
_RADII_PX = 1.5, 100.0


def scene_descriptors() -> npt.NDArray[np.uint8]:
    """Descriptors of the local features of `SCENES` scenes, about 5,000 x 128."""
    rng = np.random.default_rng(0)
    return np.concatenate([describe(make_scene(rng), _MOST_POINTS).descriptors for _ in range(SCENES)])


def make_scene(rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A grey scene of leaves, with grain, uneven light, blur and noise as they are drawn."""
    size = _SIDE_PX, _SIDE_PX
    scene = np.full(size, rng.uniform(0, 255), np.float32)
    for _ in range(_LEAVES):
        _lay_leaf(scene, rng)
    grain = rng.normal(size=size).astype(np.float32)
    texture = grain / 2 + 2 * cv2.GaussianBlur(grain, (0, 0), 1.5)
    light = cv2.resize(rng.normal(size=(9, 9)), size, interpolation=cv2.INTER_CUBIC)
    scene = cv2.GaussianBlur(scene + rng.uniform(4, 50) * texture + 20 * light, (0, 0), rng.uniform(0.4, 1.3))
    return np.asarray(np.clip(scene + rng.normal(0, rng.uniform(0, 4), size), 0, 255), dtype=np.uint8)


def _lay_leaf(scene: Floats32, rng: np.random.Generator) -> None:
    """An ellipse or a rectangle of one grey; small ones are the more frequent, as at any distance."""
    radius = float(np.clip(_RADII_PX[0] / rng.random() ** 0.6, *_RADII_PX))
    other, angle, grey = radius * rng.uniform(0.3, 1), rng.uniform(0, 180), rng.uniform(0, 255)
    centre = rng.integers(0, len(scene), 2).tolist()
    if rng.random() < 0.5:
        cv2.ellipse(scene, centre, (int(radius), max(1, int(other))), angle, 0, 360, grey, -1)
    else:
        corners = cv2.boxPoints((centre, (2 * radius, 2 * other), angle))
        cv2.fillPoly(scene, [corners.astype(np.int32)], grey)
