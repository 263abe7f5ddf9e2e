"""Insets: what lies inside a picture and breaks off there, not crops, margins or turned copies."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from groupwise.audit.copies.compare import Evidence
from groupwise.audit.copies.features import working_grey
from groupwise.audit.copies.insets import find_insets
from groupwise.audit.copies.verify import Pair
from groupwise.stats.arrays import Pixels

Scene = Callable[..., Pixels]
SIDE = 128


def _inside(around: Pixels, *parts: tuple[Pixels, npt.NDArray[np.float64]]) -> list[int]:
    """Which of the `parts`, pictures and the maps that lay them on the one `around`, are called insets."""
    pairs = [
        Pair(0, k, Evidence(1.0, 1.0, 1.0, 0.0, 1.0, matrix), 1.0) for k, (_, matrix) in enumerate(parts, 1)
    ]
    found = find_insets(pairs, [around, *(grey for grey, _ in parts)])
    assert all(one.around == 0 for one in found)
    return sorted(one.inside for one in found)


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
        assert _inside(outer, (_grey(inner), matrix)) == [1]
        turned_round = Pair(0, 1, Evidence(1.0, 1.0, 1.0, 0.0, 1.0, np.linalg.inv(matrix)), 1.0)
        (found,) = find_insets([turned_round], [_grey(inner), outer])
        assert (found.inside, found.around) == (0, 1)


@pytest.mark.parametrize(("left", "top", "side"), [(20, 24, 88), (0, 0, 90), (38, 12, 90)])
def test_a_crop_is_no_inset(scene: Scene, left: int, top: int, side: int) -> None:
    whole = scene(3, SIDE)
    part = _grey(np.ascontiguousarray(whole[top : top + side, left : left + side]))
    matrix = _placed(left, top, side / part.shape[0])
    assert _inside(_grey(whole), (part, matrix)) == []


def test_a_picture_in_a_plain_margin_and_a_turned_copy_are_no_insets(scene: Scene) -> None:
    inner = scene(4, SIDE)
    framed = _pasted(np.full((SIDE, SIDE, 3), 30, np.uint8), inner, 24, 24, 80)
    assert _inside(_grey(framed), (_grey(inner), _placed(24, 24, 80 / SIDE))) == []
    turn = np.vstack([cv2.getRotationMatrix2D((63.5, 63.5), 30, 0.6), [0, 0, 1]])
    host = scene(5, SIDE)
    frame = cv2.warpPerspective(np.ones((SIDE, SIDE), np.uint8), turn, (SIDE, SIDE))[..., None]
    turned = np.where(frame > 0, cv2.warpPerspective(inner, turn, (SIDE, SIDE)), host)
    assert _inside(_grey(turned), (_grey(inner), turn)) == []


def test_what_fills_the_frame_or_sticks_out_is_no_inset(scene: Scene) -> None:
    grey = _grey(scene(6, SIDE))
    assert _inside(grey, (grey, np.eye(3))) == []
    assert _inside(grey, (_grey(scene(7, SIDE)), _placed(90, 90, 0.5))) == []


def _sheet(*parts: Pixels, high: int, wide: int) -> tuple[Pixels, list[npt.NDArray[np.float64]]]:
    """Parts side by side in rows, and the maps that lay each on it."""
    down, along = SIDE // high, SIDE // wide
    whole, maps = np.zeros((SIDE, SIDE, 3), np.uint8), []
    for k, part in enumerate(parts):
        top, left = k // wide * down, k % wide * along
        whole[top : top + down, left : left + along] = cv2.resize(part, (along, down))
        scale = np.diag([along / part.shape[1], down / part.shape[0], 1.0])
        scale[:2, 2] = (scale[0, 0] - 1) / 2 + left, (scale[1, 1] - 1) / 2 + top
        maps.append(scale)
    return _grey(whole), maps


def test_what_shows_one_inset_shows_the_rest_but_not_its_own_crop(scene: Scene) -> None:
    inner = scene(1, SIDE)
    whole = _pasted(scene(3, SIDE), inner, 10, 10, 50)
    # A part that breaks off nowhere, as a neighbour with a like wall: the sheet's own content there.
    fading = np.ascontiguousarray(whole[66:126, 66:126])
    crop = np.ascontiguousarray(whole[:96, :96])  # a copy of the sheet itself, around the inset
    outer, seen = _grey(whole), (_grey(inner), _placed(10, 10, 50 / SIDE))
    corner, around = (_grey(fading), _placed(66, 66, 60 / 128)), (_grey(crop), _placed(0, 0, 96 / 128))
    assert _inside(outer, corner) == []
    assert _inside(outer, seen, corner, seen) == [1, 2, 3]
    assert _inside(outer, seen, around) == [1]


def test_a_sheet_of_two_is_one_and_a_photograph_with_two_of_its_crops_is_none(scene: Scene) -> None:
    parts = [scene(seed, SIDE) for seed in (12, 32)]
    sheet, maps = _sheet(*parts, high=2, wide=1)
    placed = [(_grey(part), matrix) for part, matrix in zip(parts, maps, strict=True)]
    assert _inside(sheet, *placed) == [1, 2]
    assert _inside(sheet, placed[0]) == []
    whole = scene(10, SIDE)
    for left in (0, 64):
        half = _grey(np.ascontiguousarray(whole[:, left : left + 64]))
        width, height = half.shape[1], half.shape[0]
        placed.append((half, np.array([[64 / width, 0, left], [0, SIDE / height, 0], [0, 0, 1.0]])))
    assert _inside(_grey(whole), *placed[2:]) == []
