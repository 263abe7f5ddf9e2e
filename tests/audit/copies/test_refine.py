"""Refinement reaches a known map and what OpenCV reaches, and stays where nothing tells the way."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from groupwise.audit.copies.align import jacobian, plausible, project, shrinkage
from groupwise.audit.copies.features import working_grey
from groupwise.audit.copies.refine import refine

Scene = Callable[..., npt.NDArray[np.uint8]]
CORNERS = np.array([[25.0, 25], [100, 30], [30, 100], [95, 95]])
TRUE = np.array([[1.02, 0.03, 1.5], [-0.02, 0.99, -1.2], [1e-4, -1e-4, 1]])
EVERYWHERE, INSIDE = np.ones((32, 32), bool), np.pad(np.ones((26, 26), bool), 3)


def _moved(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    back = np.linalg.inv(TRUE)
    return np.asarray(cv2.warpPerspective(image, back, image.shape[::-1], borderMode=cv2.BORDER_REPLICATE))


@pytest.mark.parametrize("stride", [1, 2])
def test_a_known_map_is_reached_in_spite_of_gain_offset_and_noise(scene: Scene, stride: int) -> None:
    first = working_grey(scene(1))
    noise = np.random.default_rng(0).normal(0, 4, first.shape)
    second = np.clip(0.7 * _moved(first) + 30 + noise, 0, 255).astype(np.uint8)
    found = refine(first, second, np.eye(3), EVERYWHERE, steps=15, stride=stride)
    assert found is not None
    assert np.abs(CORNERS - project(TRUE, CORNERS)).max() > 3, "it began far away"
    np.testing.assert_allclose(project(found, CORNERS), project(TRUE, CORNERS), atol=0.25)


def test_it_comes_as_near_as_the_enhanced_correlation_of_opencv(scene: Scene) -> None:
    first = working_grey(scene(2))
    second = _moved(first)
    start = np.eye(3, dtype=np.float32)
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-6)
    _, reference = cv2.findTransformECC(first, second, start, cv2.MOTION_HOMOGRAPHY, stop, None, 5)
    found = refine(first, second, np.eye(3), INSIDE, steps=15)  # no margin is made up there
    assert found is not None
    ours, theirs = (
        np.abs(project(one, CORNERS) - project(TRUE, CORNERS)).max()
        for one in (found, np.linalg.inv(reference))
    )
    assert ours < theirs + 0.1
    assert ours < 0.1


def test_only_what_agrees_is_followed(scene: Scene) -> None:
    """Half of the picture shows another scene, which would draw the map away."""
    first = working_grey(scene(3))
    second = _moved(first)
    second[:, 64:] = working_grey(scene(4))[:, 64:]
    left = EVERYWHERE.copy()
    left[:, 14:] = False
    errors = []
    for area in (left, EVERYWHERE):
        found = refine(first, second, np.eye(3), area, steps=15)
        inside = CORNERS[CORNERS[:, 0] < 50]
        errors.append(
            np.inf if found is None else np.abs(project(found, inside) - project(TRUE, inside)).max()
        )
    assert errors[0] < 0.5
    assert errors[1] > 2 * errors[0]


def test_nothing_is_refined_where_nothing_agrees_or_all_is_flat_or_the_opposite(scene: Scene) -> None:
    first = working_grey(scene(5))
    assert refine(first, first, np.eye(3), np.zeros((32, 32), bool), steps=5) is None
    assert refine(np.full_like(first, 90), first, np.eye(3), EVERYWHERE, steps=5) is None
    opposite = refine(first, 255 - first, np.eye(3), EVERYWHERE, steps=5)
    assert opposite is None or np.allclose(opposite, np.eye(3))


def test_singular_values_and_shrinkage_by_hand_are_those_of_numpy() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        matrix = np.eye(3) + np.vstack([rng.normal(0, 0.6, (2, 3)), [*rng.normal(0, 2e-4, 2), 0]])
        large, small = np.linalg.svd(jacobian(matrix), compute_uv=False)
        assert shrinkage(matrix) == pytest.approx((large * small) ** 0.5)
        assert plausible(matrix) == bool(large < 3 and small > 1 / 3 and large < 2.2 * small)
