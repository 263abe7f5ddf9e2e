"""Local features: the mirror and the negative are permutations of the descriptor."""

from __future__ import annotations

from collections.abc import Callable

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
