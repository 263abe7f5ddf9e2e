"""Composed copies: as many operations as asked for, of the strengths that are stated."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from groupwise.audit.copies import compositions
from groupwise.audit.copies.compositions import DEEPEST, LARGEST_PX, OPERATIONS, compose, tilt

Scene = Callable[..., npt.NDArray[np.uint8]]


@pytest.mark.parametrize("depth", range(1, DEEPEST + 1))
def test_a_copy_is_changed_by_that_many_different_operations(
    scene: Scene, depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def noted(name: str) -> Callable[..., npt.NDArray[np.uint8]]:
        return lambda rgb, rng: (done.append(name), OPERATIONS[name](rgb, rng))[1]

    scaled = compositions.scaled
    monkeypatch.setattr(compositions, "scaled", lambda *given: (done.append("scale"), scaled(*given))[1])
    monkeypatch.setattr(compositions, "OPERATIONS", {name: noted(name) for name in OPERATIONS})
    drawn = set()
    for seed in range(12):
        done.clear()
        copy = compose(scene(1), depth, np.random.default_rng(seed))
        assert copy.dtype == np.uint8
        assert len(done) == len(set(done)) == depth
        drawn.add(tuple(done))
    assert len(drawn) > 5


@pytest.mark.parametrize(("side", "least"), [(48, 0.6), (49, 0.3)])
def test_small_originals_are_scaled_down_less(
    side: int, least: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compositions, "OPERATIONS", {})
    sides = [
        len(compose(np.zeros((side, side, 3), np.uint8), 1, np.random.default_rng(k))) for k in range(200)
    ]
    assert least * side - 1 <= min(sides) <= least * side + 3
    assert 1.9 * side < max(sides) <= 2 * side


def test_a_large_original_costs_as_much_as_one_of_the_largest_size() -> None:
    large = np.zeros((3 * LARGEST_PX, 2 * LARGEST_PX, 3), np.uint8)
    copy = compose(large, 1, np.random.default_rng(0))
    assert max(copy.shape) <= 2 * LARGEST_PX


def test_a_tilt_is_what_a_pinhole_camera_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compositions, "_warped", lambda rgb, matrix, size, rng: matrix / matrix[2, 2])
    rng = np.random.default_rng(3)
    matrix = tilt(np.zeros((80, 120, 3), np.uint8), rng)
    rng = np.random.default_rng(3)
    angle, toward, away = (
        np.deg2rad(rng.uniform(10, 30)),
        rng.uniform(0, 2 * np.pi),
        rng.uniform(1.2, 2.5) * 120,
    )
    axis = np.array([-np.sin(toward), np.cos(toward), 0]) * angle  # the print turns about this
    turned, _ = cv2.Rodrigues(-axis)
    for x, y in ((0, 0), (119, 0), (119, 79), (30, 60)):
        space = turned @ np.array([x - 59.5, y - 39.5, 0])
        seen = space[:2] * away / (away + space[2]) + [59.5, 39.5]
        there = matrix @ [x, y, 1]
        np.testing.assert_allclose(there[:2] / there[2], seen, atol=1e-6)
