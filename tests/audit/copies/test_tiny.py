"""Tiny images: copies are found in any pose, and look-alikes of one class are not copies."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2
import numpy as np
import pytest
from sklearn.datasets import load_digits

from families import FAMILIES
from groupwise.audit.copies import tiny as module
from groupwise.audit.copies.detect import Detection, detect
from groupwise.audit.copies.poses import SIDE, Alike, rigid_poses
from groupwise.audit.copies.verify import reduce_photograph
from groupwise.audit.copies.workers import Apply, one_thread_a_worker
from groupwise.stats.arrays import Pixels
from turns_case import orient

Scene = Callable[..., Pixels]


def _detect(images: list[Pixels]) -> Detection:
    return detect([reduce_photograph(image) for image in images], seed=0, workers=1)


def _pairs(images: list[Pixels]) -> set[tuple[int, int]]:
    return {(pair.first, pair.second) for pair in _detect(images).copies}


def _digits(count: int) -> list[Pixels]:
    grey = np.rint(load_digits().images[:count] * (255 / 16)).astype(np.uint8)
    return [np.repeat(image[:, :, None], 3, axis=2) for image in grey]


@pytest.mark.parametrize("side", [16, 32])
@pytest.mark.parametrize("family", ["reencode", "dihedral", "mirror", "rotate", "noise"])
def test_copies_of_tiny_pictures_are_found_and_nothing_else(scene: Scene, side: int, family: str) -> None:
    rng = np.random.default_rng(3)
    images = [cv2.resize(scene(k), (side, side), interpolation=cv2.INTER_AREA) for k in range(24)]
    copies = [FAMILIES[family](images[k], rng) for k in range(6)]
    pairs = _pairs([*images, *copies])
    assert pairs <= {(k, 24 + k) for k in range(6)}
    # Noise that is the same in all channels stays in the grey version, and hides more of 16 pixels a side.
    assert len(pairs) >= (4 if (family, side) == ("noise", 16) else 5)


def test_digits_of_one_class_are_not_copies_and_turned_ones_are() -> None:
    digits = _digits(300)
    turned = [np.repeat(orient(digits[k][:, :, 0], k)[:, :, None], 3, axis=2) for k in range(1, 8)]
    assert _pairs([*digits, *turned]) == {(k, 299 + k) for k in range(1, 8)}


def test_a_negative_is_no_copy(scene: Scene) -> None:
    images = [scene(k, 320)[::10, ::10] for k in range(12)]
    detection = _detect([*images, *(255 - image for image in images)])
    assert not detection.copies
    assert detection.threshold.negatives > 100


def test_the_map_of_a_pair_lays_the_second_on_the_first(scene: Scene) -> None:
    image = cv2.resize(scene(5), (20, 20), interpolation=cv2.INTER_AREA)
    others = [cv2.resize(scene(k), (20, 20), interpolation=cv2.INTER_AREA) for k in range(6, 14)]
    turned = np.ascontiguousarray(np.rot90(image))
    [pair] = _detect([image, *others, turned]).copies
    first, second = (reduce_photograph(one).grey.astype(float) for one in (image, turned))
    laid = cv2.warpPerspective(second, pair.evidence.matrix, first.shape[::-1])
    assert np.abs(laid - first)[16:-16, 16:-16].mean() < 6


def test_every_image_finds_itself_in_every_pose_also_in_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(120, 60, (200, SIDE, SIDE)).astype(np.float32)
    images = np.stack([cv2.GaussianBlur(one, (0, 0), 1.5) for one in noise])
    turned = np.ascontiguousarray(np.rot90(images[:20], axes=(1, 2)))

    def search() -> list[tuple[int, int]]:
        with one_thread_a_worker():
            return [(q, k) for q, k, _ in Alike(images, rigid_poses(), 0).nearest(turned, 1).tolist()]

    assert search() == [(k, k) for k in range(20)]
    monkeypatch.setattr("groupwise.audit.copies.poses._MOST_WITHOUT_CELLS", 100)
    assert search() == [(k, k) for k in range(20)]


def test_apart_is_found_what_one_finds_and_told_how_far_it_is(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [cv2.resize(scene(k), (24, 24), interpolation=cv2.INTER_AREA) for k in range(12)]
    photographs = [reduce_photograph(one) for one in (*images, *(one[:, ::-1].copy() for one in images[:3]))]
    alone = detect(photographs, seed=0, workers=1)

    @contextmanager
    def applying(workers: int) -> Iterator[Apply]:
        """What other processes do, but here: they are given copies, and give copies back."""
        assert workers == 2
        yield lambda function, tasks: (
            pickle.loads(pickle.dumps(function(*pickle.loads(pickle.dumps(task))))) for task in tasks
        )

    monkeypatch.setattr(module, "LEAST_FOR_PROCESSES", 2)
    monkeypatch.setattr(module, "_PART", 8)
    monkeypatch.setattr(module, "applying", applying)
    steps: list[tuple[int, int]] = []
    apart = detect(photographs, seed=0, workers=2, progress=lambda *step: steps.append(step))
    assert [(one.first, one.second, one.score) for one in apart.copies] == [
        (one.first, one.second, pytest.approx(one.score, abs=1e-6)) for one in alone.copies
    ]
    assert [(one.first, one.second) for one in alone.copies] == [(k, 12 + k) for k in range(3)]
    # As many steps again as there are tiny pictures, a part of them at a time.
    assert steps == sorted(steps)
    assert {(15, 30), (23, 30), (30, 30)} <= set(steps)
