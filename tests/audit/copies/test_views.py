"""Overlapping views: a chain of stretches is one, copies of one photograph are not, however they were cut."""

from __future__ import annotations

import numpy as np
import pytest

from groupwise.audit.copies.compare import Evidence
from groupwise.audit.copies.verify import Pair
from groupwise.audit.copies.views import overlap_in_part
from groupwise.stats.arrays import Matrix

SIDE = 128


def _pair(first: int, second: int, matrix: Matrix) -> Pair:
    return Pair(first, second, Evidence(1.0, 1.0, 1.0, 0.0, 0.5, matrix), 0.9)


def _shift(x: float, y: float = 0.0) -> Matrix:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])


def _part(pairs: list[Pair], count: int) -> bool:
    return overlap_in_part(range(count), pairs, [(SIDE, SIDE)] * count)


def test_stretches_of_a_strip_overlap_in_part() -> None:
    chain = [_pair(k, k + 1, _shift(0.6 * SIDE)) for k in range(4)]
    assert _part(chain, 5)
    assert _part([_pair(0, 1, _shift(0.6 * SIDE))], 2)
    turned = np.array([[0, -1, SIDE - 1], [1, 0, 0], [0, 0, 1.0]])  # every other one lies on its side
    on_its_side = [
        _pair(k, k + 1, _shift(0.6 * SIDE) @ turned if k % 2 else turned.T @ _shift(0.6 * SIDE))
        for k in range(4)
    ]
    assert _part(on_its_side, 5)


def test_a_picture_that_holds_all_others_makes_them_copies() -> None:
    chain = [_pair(k, k + 1, _shift(0.6 * SIDE)) for k in range(4)]
    # The sixth is the whole strip in one frame: stretch k lies 0.2 k of its side to the right, at 0.3 size.
    whole = [_pair(5, k, np.diag([0.29, 0.29, 1]) @ _shift(0.6 * k * SIDE)) for k in range(5)]
    assert not _part([*chain, *whole], 6)


@pytest.mark.parametrize("degrees", [10, 45, 90, 180])
def test_turned_sheared_and_cropped_copies_lie_in_the_frame_of_one(degrees: int) -> None:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    middle = _shift(SIDE / 2, SIDE / 2)
    turned = middle @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.linalg.inv(middle)
    sheared = middle @ np.array([[1, 0.35, 0], [0, 1, 0], [0, 0, 1]]) @ np.linalg.inv(middle)
    # Opposite corners of one photograph share almost nothing with one another.
    corners = [np.diag([0.55, 0.55, 1.0]), _shift(0.45 * SIDE, 0.45 * SIDE) @ np.diag([0.55, 0.55, 1.0])]
    assert not _part([_pair(0, k, way) for k, way in enumerate([turned, sheared, *corners], start=1)], 5)


def test_equal_files_and_pairs_with_others_say_nothing() -> None:
    assert not _part([], 3)
    far = _shift(0.9 * SIDE)
    assert not overlap_in_part([0, 1], [_pair(0, 1, np.eye(3)), _pair(1, 2, far)], [(SIDE, SIDE)] * 3)
