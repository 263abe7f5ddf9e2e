"""Evidence for one pair: the map is recovered, and a hole or a small overlap rules a copy out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from groupwise.audit.copies.align import align, align_along, plausible, project
from groupwise.audit.copies.compare import Evidence, compare
from groupwise.audit.copies.features import Features, describe, working_grey
from groupwise.audit.copies.hashes import INVERSE
from groupwise.audit.copies.score import MAX_HOLE, MIN_FINE, MIN_OVERLAP, score
from groupwise.audit.copies.threshold import LINE
from groupwise.audit.copies.verify import reduce_photograph, verify_orientation
from turns_case import orient

Scene = Callable[..., npt.NDArray[np.uint8]]
IDENTITY = np.eye(3)


@pytest.mark.parametrize("mirror", [False, True])
def test_a_known_map_is_recovered(scene: Scene, mirror: bool) -> None:
    second = working_grey(scene(1))
    true = np.array([[0.9, -0.3, 20.0], [0.35, 0.95, -10.0]])
    if mirror:
        true = true @ np.array([[-1.0, 0, 127], [0, 1, 0], [0, 0, 1]])
    first = cv2.warpAffine(second, true, (128, 128), borderMode=cv2.BORDER_REFLECT_101)
    found = align(describe(first), describe(second), mirror=mirror)
    assert found is not None
    refined = compare(first, second, found)
    corners = np.array([[40, 40], [40, 90], [90, 40]])
    np.testing.assert_allclose(
        project(refined.matrix, corners), corners @ true[:, :2].T + true[:, 2], atol=0.4
    )
    wrong = align(describe(first), describe(second), mirror=not mirror)
    assert wrong is None or compare(first, second, wrong).fine < 0.5


def test_a_tilted_print_is_followed_and_its_points_found_again(scene: Scene) -> None:
    second = working_grey(scene(6))
    true = np.array([[1.02, 0.1, -4.0], [-0.12, 0.95, 9.0], [0.0015, -0.001, 1.0]])
    first = cv2.warpPerspective(second, true, (128, 128), borderMode=cv2.BORDER_REPLICATE)
    affine = align(describe(first), describe(second), mirror=False)
    assert affine is not None
    found = align_along(describe(first), describe(second), affine)
    refined = compare(first, second, found.matrix)
    corners = np.array([[10, 10], [118, 10], [10, 118], [118, 118]])
    assert np.abs(project(affine, corners) - project(true, corners)).max() > 2, "it cannot be followed so"
    np.testing.assert_allclose(project(found.matrix, corners), project(true, corners), atol=1.5)
    np.testing.assert_allclose(project(refined.matrix, corners), project(true, corners), atol=0.5)
    assert found.support > 20
    other = align_along(describe(first), describe(working_grey(scene(7))), affine)
    assert other.support < 8
    assert other.share < found.share / 3


@pytest.mark.parametrize(
    ("agreeing", "otherwise", "found"),
    [(7, 5, False), (7, 4, True), (6, 4, False), (4, 1, True), (3, 0, False), (8, 7, True), (12, 11, True)],
)
def test_few_of_many_matches_that_agree_have_to_outdo_the_next_best_map(
    agreeing: int, otherwise: int, found: bool
) -> None:
    """Of 40 matches a fifth, which are 8, may agree; fewer need 1.75 times those of another map."""
    rng, k = np.random.default_rng(2), 40
    descriptors = rng.integers(0, 100, (k, 128)).astype(np.uint8)
    places = rng.permutation(k)
    theirs = np.column_stack([places % 8 * 14 + 10, places // 8 * 22 + 10, np.full(k, 8), np.zeros(k)])
    ours = theirs.copy()
    ours[agreeing : agreeing + otherwise, :2] += (300, 60)
    ours[agreeing + otherwise :, :3] += rng.uniform(
        [0, 1000, 90], [900, 9000, 90], (k - agreeing - otherwise, 3)
    )
    here, there = (Features(points.astype(np.float32), descriptors) for points in (ours, theirs))
    assert (align(here, there, mirror=False) is not None) is found


def test_refining_mends_a_map_that_is_two_pixels_off(scene: Scene) -> None:
    grey = working_grey(scene(2))
    evidence = compare(grey, grey, IDENTITY + [[0, 0, 2], [0, 0, -1], [0, 0, 0]])
    assert evidence.fine > 0.99
    assert evidence.coarse > 0.99
    np.testing.assert_allclose(evidence.matrix, IDENTITY, atol=0.05)


@pytest.mark.parametrize("number", range(8))
def test_like_hashes_are_laid_on_one_another_exactly(scene: Scene, number: int) -> None:
    rgb = scene(3)[:, :110]
    turned = np.dstack([orient(np.ascontiguousarray(rgb[:, :, k]), number) for k in range(3)])
    pair = verify_orientation([reduce_photograph(rgb), reduce_photograph(turned)], 0, 1, INVERSE[number])
    assert pair.score > LINE[1] + 0.3
    assert pair.evidence.fine > 0.97
    assert pair.evidence.overlap == pytest.approx(1, abs=0.03)


def test_a_hole_a_small_overlap_or_an_implausible_map_rules_a_copy_out() -> None:
    whole = Evidence(0.9, 0.95, 0.95, 0.0, 1.0, IDENTITY, 0.6)
    assert score(replace(whole, overlap=MIN_OVERLAP)) == score(whole) > LINE[1]
    assert -1 < score(replace(whole, hole=MAX_HOLE)) < score(whole)
    assert score(replace(whole, hole=MAX_HOLE + 0.001)) == -1
    assert score(replace(whole, overlap=MIN_OVERLAP - 0.01)) == -1
    assert score(replace(whole, matrix=np.diag([2.3, 1, 1]))) == -1
    assert score(replace(whole, fine=MIN_FINE - 0.01)) == -1 < score(replace(whole, fine=MIN_FINE))


def test_a_picture_that_is_shown_small_lies_inside_the_other() -> None:
    # A bottle on white was laid over the edge of a carton at 0.35 of its size: few points, and all agree.
    small = Evidence(0.9, 0.95, 0.95, 0.0, 0.6, np.diag([0.35, 0.35, 1]), 0.8)
    assert score(small) == score(replace(small, matrix=np.diag([1 / 0.35, 1 / 0.35, 1]))) == -1
    assert score(replace(small, overlap=1.0)) > LINE[1], "an inset"
    assert score(replace(small, matrix=np.diag([0.55, 0.55, 1]))) > LINE[1], "turned in a larger frame"


def test_each_part_of_the_evidence_counts_and_missing_points_count_neither_way() -> None:
    whole = Evidence(0.9, 0.95, 0.95, 0.002, 1.0, IDENTITY, 0.5)
    weaker = [{"fine": 0.6}, {"coarse": 0.5}, {"agreement": 0.6}, {"hole": 0.03}, {"share": 0.2}]
    assert all(score(replace(whole, **change)) < score(whole) for change in weaker)
    assert score(replace(whole, share=0.2)) < score(replace(whole, share=None)) < score(whole)
    clear = replace(whole, fine=0.98, coarse=0.99, agreement=0.99, share=None)
    assert score(clear) > LINE[1]
    assert score(replace(whole, fine=0.3, share=None)) < LINE[0]


@pytest.mark.parametrize(
    ("diagonal", "answer"), [((1, 1), True), ((2.9, 2.9), True), ((3.1, 3.1), False), ((1, 2.3), False)]
)
def test_plausible_maps(diagonal: tuple[float, float], answer: bool) -> None:
    assert plausible(np.vstack([np.column_stack([np.diag(diagonal), [5, 5]]), [0, 0, 1]])) is answer


@pytest.mark.parametrize(("tilt", "answer"), [(0.003, True), (0.02, False), (-0.02, False)])
def test_a_print_is_seen_from_in_front_of_it(tilt: float, answer: bool) -> None:
    assert plausible(np.array([[1, 0, 0], [0, 1, 0], [tilt, 0, 1]])) is answer


def test_gain_bias_and_shading_do_not_lower_the_score_and_another_scene_does(scene: Scene) -> None:
    first, other = working_grey(scene(4)), working_grey(scene(5))
    shade = np.linspace(0.5, 1.0, 128)[None, :]
    shaded = np.clip(first * shade * 0.8 + 20, 0, 255).astype(np.uint8)
    assert compare(first, shaded, IDENTITY).fine > 0.95
    assert compare(first, other, IDENTITY).fine < 0.3
    assert compare(first, 255 - first, IDENTITY).fine < -0.9
