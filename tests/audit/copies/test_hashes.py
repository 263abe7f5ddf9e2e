"""Hashes: all eight orientations from one transform, and near pairs without comparing all."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from groupwise.audit.copies.features import working_grey
from groupwise.audit.copies.hashes import INVERSE, RADIUS, dihedral_hashes, near_hashes, orient_matrix
from turns_case import orient

Scene = Callable[..., npt.NDArray[np.uint8]]


@pytest.mark.parametrize("number", range(8))
def test_a_turned_picture_has_the_hash_that_the_upright_one_foretells(scene: Scene, number: int) -> None:
    grey = working_grey(scene(1))
    assert dihedral_hashes(orient(grey, number))[0] == dihedral_hashes(grey)[number]


@pytest.mark.parametrize("number", range(8))
def test_the_matrix_does_what_orient_does_and_the_inverse_undoes_it(scene: Scene, number: int) -> None:
    grey = working_grey(scene(1)[:, :100])
    turned = orient(grey, number)
    matrix = orient_matrix(number, (grey.shape[0], grey.shape[1]))
    warped = cv2.warpAffine(grey, matrix, turned.shape[::-1], flags=cv2.INTER_NEAREST)
    np.testing.assert_array_equal(warped, turned)
    np.testing.assert_array_equal(orient(turned, INVERSE[number]), grey)


def test_the_search_finds_exactly_what_comparing_all_pairs_finds() -> None:
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, (60, 8), dtype=np.uint64)
    for k, flips in enumerate(range(0, RADIUS + 4), start=40):
        bits = rng.choice(63, flips, replace=False)
        hashes[k, 0] = hashes[k - 40, 3] ^ np.uint64(sum(1 << int(bit) for bit in bits))
    found = {(i, j) for i, j, _ in near_hashes(hashes)}
    expected = {
        (min(i, j), max(i, j))
        for i in range(60)
        for j in range(60)
        for turn in range(8)
        if i != j and int(hashes[i, turn] ^ hashes[j, 0]).bit_count() <= RADIUS
    }
    assert found == expected
    assert len(found) >= RADIUS + 1


def test_a_crowd_of_equal_hashes_is_tied_together_with_linear_work() -> None:
    pairs = list(near_hashes(np.zeros((500, 8), dtype=np.uint64)))
    assert {i for i, _, _ in pairs} | {j for _, j, _ in pairs} == set(range(500))
    assert len(pairs) < 500 * 8 * 8
