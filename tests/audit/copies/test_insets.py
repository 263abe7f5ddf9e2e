"""Insets: what lies inside a picture and breaks off there, not crops, margins or turned copies."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from groupwise.audit.copies.features import working_grey
from groupwise.audit.copies.insets import find_inset

Pixels = npt.NDArray[np.uint8]
Scene = Callable[..., Pixels]
SIDE = 128


def _grey(rgb: Pixels) -> Pixels:
    return working_grey(rgb)


def _placed(left: float, top: float, scale: float) -> npt.NDArray[np.float64]:
    """The map of a working picture onto a part of another that begins at a corner, in working pixels."""
    offset = (scale - 1) / 2
    return np.array([[scale, 0, left + offset], [0, scale, top + offset], [0, 0, 1.0]])


def _pasted(host: Pixels, inner: Pixels, left: int, top: int, side: int) -> Pixels:
    shown = host.copy()
    shown[top : top + side, left : left + side] = cv2.resize(
        inner, (side, side), interpolation=cv2.INTER_AREA
    )
    return shown


def test_a_picture_on_another_and_one_of_a_collage_are_insets(scene: Scene) -> None:
    inner = scene(1, SIDE)
    for left, top, side in ((30, 40, 64), (20, 10, 90), (0, 0, 64), (64, 64, 64)):
        outer = _grey(_pasted(scene(2, SIDE), inner, left, top, side))
        matrix = _placed(left, top, side / SIDE)
        assert find_inset(outer, _grey(inner), matrix) == "second"
        assert find_inset(_grey(inner), outer, np.linalg.inv(matrix)) == "first"


@pytest.mark.parametrize(("left", "top", "side"), [(20, 24, 88), (0, 0, 90), (38, 12, 90)])
def test_a_crop_is_no_inset(scene: Scene, left: int, top: int, side: int) -> None:
    whole = scene(3, SIDE)
    part = _grey(np.ascontiguousarray(whole[top : top + side, left : left + side]))
    matrix = _placed(left, top, side / part.shape[0])
    assert find_inset(_grey(whole), part, matrix) is None


def test_a_picture_in_a_plain_margin_and_a_turned_copy_are_no_insets(scene: Scene) -> None:
    inner = scene(4, SIDE)
    framed = _pasted(np.full((SIDE, SIDE, 3), 30, np.uint8), inner, 24, 24, 80)
    assert find_inset(_grey(framed), _grey(inner), _placed(24, 24, 80 / SIDE)) is None
    turn = np.vstack([cv2.getRotationMatrix2D((63.5, 63.5), 30, 0.6), [0, 0, 1]])
    host = scene(5, SIDE)
    frame = cv2.warpPerspective(np.ones((SIDE, SIDE), np.uint8), turn, (SIDE, SIDE))[..., None]
    turned = np.where(frame > 0, cv2.warpPerspective(inner, turn, (SIDE, SIDE)), host)
    assert find_inset(_grey(turned), _grey(inner), turn) is None


def test_what_fills_the_frame_or_sticks_out_is_no_inset(scene: Scene) -> None:
    grey = _grey(scene(6, SIDE))
    assert find_inset(grey, grey, np.eye(3)) is None
    assert find_inset(grey, _grey(scene(7, SIDE)), _placed(90, 90, 0.5)) is None
