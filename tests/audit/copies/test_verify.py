"""Evidence for one pair: the map is recovered, and a hole or a small overlap rules a copy out."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from groupwise.audit.copies.align import align, plausible
from groupwise.audit.copies.compare import Evidence, compare
from groupwise.audit.copies.features import describe, working_grey
from groupwise.audit.copies.hashes import INVERSE, orient
from groupwise.audit.copies.verify import MAX_HOLE, MIN_OVERLAP, Pair, reduce_photograph, verify_orientation

Scene = Callable[..., npt.NDArray[np.uint8]]
IDENTITY = np.eye(2, 3)


@pytest.mark.parametrize("mirror", [False, True])
def test_a_known_map_is_recovered(scene: Scene, mirror: bool) -> None:
    second = working_grey(scene(1))
    true = np.array([[0.9, -0.3, 20.0], [0.35, 0.95, -10.0]])
    if mirror:
        true = true @ np.array([[-1.0, 0, 127], [0, 1, 0], [0, 0, 1]])
    first = cv2.warpAffine(second, true, (128, 128), borderMode=cv2.BORDER_REFLECT_101)
    found = align(describe(first), describe(second), mirror=mirror)
    assert found is not None
    refined = compare(first, second, found.matrix)
    corners = np.array([[40, 40, 1], [40, 90, 1], [90, 40, 1]]).T
    np.testing.assert_allclose(refined.matrix @ corners, true @ corners, atol=0.4)
    wrong = align(describe(first), describe(second), mirror=not mirror)
    assert wrong is None or compare(first, second, wrong.matrix).score < 0.5


def test_refining_mends_a_map_that_is_two_pixels_off(scene: Scene) -> None:
    grey = working_grey(scene(2))
    evidence = compare(grey, grey, IDENTITY + [[0, 0, 2], [0, 0, -1]])
    assert evidence.score > 0.99
    np.testing.assert_allclose(evidence.matrix, IDENTITY, atol=0.05)


@pytest.mark.parametrize("number", range(8))
def test_like_hashes_are_laid_on_one_another_exactly(scene: Scene, number: int) -> None:
    rgb = scene(3)[:, :110]
    turned = np.dstack([orient(np.ascontiguousarray(rgb[:, :, k]), number) for k in range(3)])
    pair = verify_orientation([reduce_photograph(rgb), reduce_photograph(turned)], 0, 1, INVERSE[number])
    assert pair.score > 0.97
    assert pair.evidence.overlap == pytest.approx(1, abs=0.03)


def test_a_hole_a_small_overlap_or_an_implausible_map_rules_a_copy_out() -> None:
    assert Pair(0, 1, Evidence(0.99, MAX_HOLE, MIN_OVERLAP, IDENTITY)).score == 0.99
    assert Pair(0, 1, Evidence(0.99, MAX_HOLE + 0.001, 1.0, IDENTITY)).score == -1
    assert Pair(0, 1, Evidence(0.99, 0.0, MIN_OVERLAP - 0.01, IDENTITY)).score == -1
    assert Pair(0, 1, Evidence(0.99, 0.0, 1.0, IDENTITY * [[2], [1]])).score == -1


@pytest.mark.parametrize(
    ("diagonal", "answer"), [((1, 1), True), ((2.9, 2.9), True), ((3.1, 3.1), False), ((1, 2), False)]
)
def test_plausible_maps(diagonal: tuple[float, float], answer: bool) -> None:
    assert plausible(np.column_stack([np.diag(diagonal), [5, 5]])) is answer


def test_gain_bias_and_shading_do_not_lower_the_score_and_another_scene_does(scene: Scene) -> None:
    first, other = working_grey(scene(4)), working_grey(scene(5))
    shade = np.linspace(0.5, 1.0, 128)[None, :]
    shaded = np.clip(first * shade * 0.8 + 20, 0, 255).astype(np.uint8)
    assert compare(first, shaded, IDENTITY).score > 0.95
    assert compare(first, other, IDENTITY).score < 0.3
    assert compare(first, 255 - first, IDENTITY).score < -0.9
