"""Many pairs on the grid at once are what each is alone: plain warps and blurs, OpenCV's refinement."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from groupwise.audit.copies import grids as module
from groupwise.audit.copies.align import plausible
from groupwise.audit.copies.compare import high_pass
from groupwise.audit.copies.grids import GRID, Tiny, between_grids, lay, whole
from groupwise.audit.copies.poses import free_poses
from groupwise.stats.arrays import Floats

SIZE = (GRID, GRID)


def _plain(first: Floats, second: Floats, matrix: Floats, fine: float) -> float:
    mask = cv2.warpAffine(np.ones(SIZE, np.float32), matrix, SIZE, flags=cv2.INTER_NEAREST)
    warped = cv2.warpAffine(second, matrix, SIZE)
    ours, theirs = (one[mask > 0] for one in high_pass((first, warped), mask, fine, 5.0))
    return float(np.corrcoef(ours, theirs)[0, 1])


def _bent(first: Floats, second: Floats, matrix: Floats) -> Floats | None:
    start = cv2.invertAffineTransform(matrix).astype(np.float32)
    mask = cv2.warpAffine(np.full(SIZE, 255, np.uint8), start, SIZE, flags=cv2.INTER_NEAREST)
    try:
        _, found = cv2.findTransformECC(first, second, start, cv2.MOTION_AFFINE, (3, 20, 1e-4), mask, 3)
    except cv2.error:
        return None
    return cv2.invertAffineTransform(found)


@pytest.fixture
def images(scene: Callable[..., npt.NDArray[np.uint8]]) -> Tiny:
    """Six scenes, and each turned by 5 degrees; of sources of 18 to 40 pixels."""
    grey = [cv2.cvtColor(scene(k), cv2.COLOR_RGB2GRAY) for k in range(6)]
    small = [cv2.resize(one, SIZE, interpolation=cv2.INTER_AREA).astype(np.float32) for one in grey]
    turn = cv2.getRotationMatrix2D(((GRID - 1) / 2, (GRID - 1) / 2), 5, 1)
    turned = [cv2.warpAffine(one, turn, SIZE, borderMode=cv2.BORDER_REPLICATE) for one in small]
    return Tiny(np.stack([*small, *turned]), np.linspace(18, 40, 12))


def test_pairs_side_by_side_correlate_as_each_does_alone(images: Tiny) -> None:
    poses = between_grids(free_poses())
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 12, 60), rng.integers(0, 12, 60)
    first[:6], second[:6] = np.arange(6), np.arange(6, 12)
    starts = poses[rng.integers(0, len(poses), 60)]
    starts[:6] = np.eye(2, 3)
    found = lay(images[first], images[second], starts, rigid=False)
    refined = 0
    for k, start in enumerate(starts):
        one, other = images.grids[first[k]], images.grids[second[k]]
        fine = max(0.8, 16 / min(images.sides[first[k]], images.sides[second[k]]))
        best, matrix = _plain(one, other, start, fine), start
        bent = _bent(one, other, start) if best >= 0.5 else None
        if bent is not None and plausible(whole(bent)) and _plain(one, other, bent, fine) > best:
            best, matrix, refined = _plain(one, other, bent, fine), bent, refined + 1
        assert found.correlation[k] == pytest.approx(best, abs=1e-5)
        np.testing.assert_allclose(found.matrix[k], matrix, atol=1e-9)
    assert 3 <= refined < 60
    assert (found.correlation[:6] > 0.7).all()


def test_a_shift_alone_is_refined_where_nothing_may_bend(images: Tiny) -> None:
    shifted = np.stack([np.roll(one, 1, axis=1) for one in images.grids])
    found = lay(images, Tiny(shifted, images.sides), np.stack([np.eye(2, 3)] * 12), rigid=True)
    np.testing.assert_allclose(found.matrix[:, :, :2], np.broadcast_to(np.eye(2), (12, 2, 2)), atol=1e-9)
    np.testing.assert_allclose(found.matrix[:, 0, 2], -1, atol=0.1)
    assert (found.correlation > 0.97).all()


def test_what_hardly_overlaps_has_no_correlation_and_no_pairs_none(images: Tiny) -> None:
    away = np.array([[[1.0, 0, 25], [0, 1, 0]]])
    found = lay(images[:1], images[:1], away, rigid=False)
    assert found.correlation[0] == 0
    assert found.overlap[0] == pytest.approx(7 / GRID)
    assert len(lay(images[:0], images[:0], away[:0], rigid=False).correlation) == 0


def test_a_blur_by_a_matrix_is_that_of_opencv(images: Tiny) -> None:
    for width in (0.8, 1.3, 5.0):
        blur = module._blur(width)
        expected = cv2.GaussianBlur(images.grids[0], (0, 0), width)
        np.testing.assert_allclose(blur @ images.grids[0] @ blur.T, expected, atol=1e-3)
