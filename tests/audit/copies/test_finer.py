"""Pairs that barely pass are looked at in finer pictures, where look-alikes part and copies do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from groupwise.audit.copies.finer import DOUBTFUL, finer_agreement, keep_agreeing
from groupwise.audit.copies.verify import Candidate, Pair, reduce_photograph, verify_features
from groupwise.stats.arrays import Pixels

Scene = Callable[..., Pixels]


def _detailed(scene: Scene, detail: int, side: int = 400) -> Pixels:
    """Large shapes that are always the same, with a fine texture of its own on them."""
    large = cv2.resize(scene(1, 64), (side, side), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    texture = np.random.default_rng(detail).normal(0, 255, (side, side)).astype(np.float32)
    narrow, wide = (cv2.GaussianBlur(texture, (0, 0), width) for width in (0.8, 1.6))
    soft = cv2.GaussianBlur(large, (0, 0), side / 80)
    return np.clip(soft * 0.5 + 60 + (narrow - wide)[..., None] * 0.4, 0, 255).astype(np.uint8)


def _paired(*pictures: Pixels) -> tuple[Pair, float | None, tuple[Pair, ...]]:
    photographs = [reduce_photograph(picture) for picture in pictures]
    found = verify_features(photographs, Candidate(0, 1, mirrored=False))
    assert found is not None
    doubtful = replace(found, score=DOUBTFUL - 0.1)
    left = keep_agreeing([doubtful], photographs, pictures.__getitem__, 1)
    return found, finer_agreement(found, photographs, pictures.__getitem__), left


def test_a_turned_copy_agrees_in_finer_pictures(scene: Scene) -> None:
    first = _detailed(scene, 1)
    turn = cv2.getRotationMatrix2D((199.5, 199.5), 20, 0.9)
    second = np.asarray(cv2.warpAffine(first, turn, (400, 400), flags=cv2.INTER_CUBIC), np.uint8)
    _, agreement, left = _paired(first, second)
    assert agreement is not None
    assert agreement > 0.9
    assert len(left) == 1


def test_what_agrees_in_large_shapes_alone_is_parted_where_it_barely_passed(scene: Scene) -> None:
    first, second = _detailed(scene, 1), _detailed(scene, 2)
    found, agreement, left = _paired(first, second)
    assert found.evidence.agreement > 0.9
    assert agreement is not None
    assert agreement < 0.6
    assert not left
    sure = replace(found, score=DOUBTFUL)
    never = [reduce_photograph(first), reduce_photograph(second)]
    assert keep_agreeing([sure], never, lambda _: pytest.fail("read again"), 1) == (sure,)


@pytest.mark.parametrize("side", [100, 160])
def test_a_file_that_holds_nothing_finer_parts_nothing(scene: Scene, side: int) -> None:
    small = cv2.resize(_detailed(scene, 2), (side, side), interpolation=cv2.INTER_AREA)
    _, agreement, left = _paired(_detailed(scene, 1), np.asarray(small, np.uint8))
    assert agreement is None
    assert len(left) == 1
