"""The detector: finds copies under every transformation, and refuses what only shares a part."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from families import FAMILIES
from groupwise.audit.copies.compositions import compose, tilt
from groupwise.audit.copies.detect import Detection, detect
from groupwise.audit.copies.verify import reduce_photograph
from groupwise.stats.arrays import Pixels

Scene = Callable[..., Pixels]


def _detect(images: list[Pixels], workers: int = 1) -> Detection:
    return detect([reduce_photograph(image) for image in images], seed=0, workers=workers)


def _pairs(detection: Detection) -> set[tuple[int, int]]:
    return {(pair.first, pair.second) for pair in detection.copies}


@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in ("recolour", "combined")])
def test_every_planted_copy_is_found_and_nothing_else(scene: Scene, family: str) -> None:
    rng = np.random.default_rng(5)
    images = [scene(k) for k in range(24)]
    copies = [FAMILIES[family](images[k], rng) for k in range(6)]
    assert _pairs(_detect([*images, *copies])) == {(k, 24 + k) for k in range(6)}


def test_prints_seen_at_an_angle_are_found(scene: Scene) -> None:
    rng = np.random.default_rng(6)
    images = [scene(k) for k in range(24)]
    assert _pairs(_detect([*images, *(tilt(images[k], rng) for k in range(6))])) == {
        (k, 24 + k) for k in range(6)
    }


def test_copies_by_four_operations_at_once_are_found(scene: Scene) -> None:
    rng = np.random.default_rng(8)
    images = [scene(k) for k in range(24)]
    pairs = _pairs(_detect([*images, *(compose(images[k], 4, rng) for k in range(12))]))
    assert pairs <= {(k, 24 + k) for k in range(12)}
    assert len(pairs) >= 10


def test_a_copy_changed_in_tone_is_found(scene: Scene) -> None:
    images = [scene(k) for k in range(24)]
    dark = np.clip(images[3] * 0.5 + 20, 0, 255).astype(np.uint8)
    grey = np.repeat(images[4].mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    assert {(3, 24), (4, 25)} <= _pairs(_detect([*images, dark, grey]))


@pytest.mark.parametrize("part", ["logo", "background", "frame"])
def test_photographs_that_share_a_part_are_not_copies(scene: Scene, part: str) -> None:
    def compose(k: int) -> Pixels:
        own, common = scene(100 + k), scene(999)
        image = common.copy() if part != "logo" else own.copy()
        if part == "logo":
            image[110:150, 110:150] = common[30:70, 30:70]
        elif part == "background":
            image[45:125, 40:115] = own[45:125, 40:115]
        else:
            image[16:144, 16:144] = own[16:144, 16:144]
        return image

    detection = _detect([compose(k) for k in range(16)])
    assert not detection.copies
    assert detection.compared > 0


def test_blank_and_tiny_pictures_are_no_copies_of_one_another() -> None:
    blank = [np.full((64, 64, 3), level, np.uint8) for level in (0, 128, 255)]
    ramp = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 64, axis=0).repeat(3, axis=2)
    assert not _detect([*blank, np.zeros((1, 1, 3), np.uint8), ramp]).copies
    assert not _detect([]).copies
    assert not _detect(blank[:1]).copies


def test_tiny_copies_are_found(scene: Scene) -> None:
    rng = np.random.default_rng(1)
    images = [scene(k, 320)[::10, ::10] for k in range(24)]
    copies = [
        FAMILIES[name](images[k], rng) for k, name in enumerate(("dihedral", "shift", "mirror", "rotate"))
    ]
    assert _pairs(_detect([*images, *copies])) == {(k, 24 + k) for k in range(4)}


def test_the_result_does_not_depend_on_the_number_of_workers(scene: Scene) -> None:
    rng = np.random.default_rng(2)
    images = [scene(k) for k in range(20)]
    images += [FAMILIES["combined"](image, rng) for image in images[:10]]
    one, three = _detect(images, 1), _detect(images, 3)
    assert [(p.first, p.second, p.score) for p in one.copies] == [
        (p.first, p.second, p.score) for p in three.copies
    ]
    assert one.threshold == three.threshold


def test_negatives_are_compared_and_refused(scene: Scene) -> None:
    images = [scene(k) for k in range(12)]
    detection = _detect([*images, *(255 - image for image in images)])
    assert not detection.copies
    assert detection.threshold.negatives > 100
