"""Local features: the mirror and the negative are permutations of the descriptor."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from groupwise.audit.copies.features import (
    MAX_POINTS,
    WORKING_AREA_PX,
    Features,
    describe,
    mirrored,
    negative,
    unit_descriptors,
    working_grey,
)

Scene = Callable[..., npt.NDArray[np.uint8]]


@pytest.mark.parametrize("shape", [(160, 160), (40, 40), (160, 61), (157, 90)])
def test_the_working_size_keeps_area_and_aspect(scene: Scene, shape: tuple[int, int]) -> None:
    grey = working_grey(scene(0)[: shape[0], : shape[1]])
    assert abs(grey.size - WORKING_AREA_PX) < 0.02 * WORKING_AREA_PX
    assert grey.shape[0] / grey.shape[1] == pytest.approx(shape[0] / shape[1], rel=0.03)


def test_descriptors_are_of_unit_length_and_bounded_in_number(scene: Scene) -> None:
    features = describe(working_grey(scene(0)))
    lengths = np.linalg.norm(unit_descriptors(features.descriptors), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=0.02)
    assert 20 < len(features.points) == len(features.descriptors) <= MAX_POINTS


def test_a_blank_picture_has_no_features_and_does_not_fail() -> None:
    assert describe(np.full((128, 128), 90, np.uint8)).descriptors.shape == (0, 128)


def _page(photograph: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A page of text (160, 160, 3), with a photograph (64, 64, 3) on it whose corner is at (40, 48)."""
    page = np.full((160, 160, 3), 255, np.uint8)
    words = np.random.default_rng(5)
    for base in range(8, 168, 8):
        line = "".join(words.choice(list("etaoin shrdlu"), 40))
        cv2.putText(page, line, (4, base), cv2.FONT_HERSHEY_SIMPLEX, 0.25, (0, 0, 0), 1, cv2.LINE_AA)
    page[48:112, 40:104] = photograph
    return page


def _on_photograph(points: npt.NDArray[np.float32]) -> int:
    """How many lie within the photograph of a page, at working size."""
    x, y = points[:, :2].T * 160 / 128
    return int(((x > 42) & (x < 102) & (y > 50) & (y < 110)).sum())


def test_a_photograph_on_a_page_of_text_keeps_features(scene: Scene) -> None:
    grey = working_grey(_page(scene(0, 64)))
    everything = cv2.SIFT.create(contrastThreshold=0.01, edgeThreshold=15).detect(grey)
    by_contrast = sorted(everything, key=lambda point: -point.response)[:MAX_POINTS]
    assert len(everything) > 2 * MAX_POINTS
    assert _on_photograph(np.array([point.pt for point in by_contrast])) < 6
    features = describe(grey)
    assert len(features.points) == MAX_POINTS
    assert _on_photograph(features.points) > 20


def test_of_few_features_all_are_kept_as_they_were_found(scene: Scene) -> None:
    grey = working_grey(scene(0))
    sift = cv2.SIFT.create(nfeatures=MAX_POINTS, contrastThreshold=0.01, edgeThreshold=15)
    keypoints, descriptors = sift.detectAndCompute(grey, None)
    share = descriptors / descriptors.sum(axis=1, keepdims=True)
    features = describe(grey)
    assert 20 < len(keypoints) < MAX_POINTS
    np.testing.assert_array_equal(features.points[:, :2], [point.pt for point in keypoints])
    np.testing.assert_allclose(features.descriptors, 512 * np.sqrt(share), atol=0.51)


def test_what_is_kept_of_a_mirrored_page_is_the_mirror_image(scene: Scene) -> None:
    grey = working_grey(_page(scene(0, 64)))
    plain, mirror = describe(grey), describe(np.ascontiguousarray(grey[:, ::-1]))
    assert len(plain.points) == len(mirror.points) == MAX_POINTS
    assert _share_found(plain, mirrored(plain.descriptors), mirror, mirror=True) > 0.7


def _share_found(mine: Features, descriptors: npt.NDArray[np.uint8], other: Features, mirror: bool) -> float:
    """Share of points with a partner at the same place whose descriptor is almost equal."""
    x = 127 - mine.points[:, 0] if mirror else mine.points[:, 0]
    distance = np.hypot(x[:, None] - other.points[:, 0], mine.points[:, 1:2] - other.points[:, 1])
    cosine = unit_descriptors(descriptors) @ unit_descriptors(other.descriptors).T
    return float(((distance < 1) & (cosine > 0.98)).any(axis=1).mean())


def test_mirrored_descriptors_are_those_of_the_mirrored_picture(scene: Scene) -> None:
    grey = working_grey(scene(3))
    plain, mirror = describe(grey), describe(np.ascontiguousarray(grey[:, ::-1]))
    assert _share_found(plain, mirrored(plain.descriptors), mirror, mirror=True) > 0.7
    assert _share_found(plain, plain.descriptors, mirror, mirror=True) < 0.1


def test_negative_descriptors_are_those_of_the_negative(scene: Scene) -> None:
    grey = working_grey(scene(3))
    plain, other = describe(grey), describe(255 - grey)
    assert _share_found(plain, negative(plain.descriptors), other, mirror=False) > 0.9
    assert _share_found(plain, plain.descriptors, other, mirror=False) < 0.1
