"""Which copy is kept: the sharpest is neither the blurred nor the noisy one, the medoid is in the middle."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from groupwise.audit.copies.compare import Evidence
from groupwise.audit.copies.verify import Pair
from groupwise.audit.keep import centrality, sharpness

Scene = Callable[..., npt.NDArray[np.uint8]]


def _pair(first: int, second: int, score: float) -> Pair:
    return Pair(first, second, Evidence(score, score, 1.0, 0.0, 1.0, np.eye(3)), score)


def test_a_blurred_copy_is_less_sharp_and_a_darker_one_is_not(scene: Scene) -> None:
    for seed in range(5):
        grey = np.asarray(cv2.cvtColor(scene(seed, 128), cv2.COLOR_RGB2GRAY), np.uint8)
        blurred = np.asarray(cv2.GaussianBlur(grey, (0, 0), 2), np.uint8)
        assert sharpness(blurred) < 0.5 * sharpness(grey)
        assert abs(sharpness((grey // 2).astype(np.uint8)) / sharpness(grey) - 1) < 0.1
        noisy = np.clip(blurred + np.random.default_rng(seed).normal(0, 6, grey.shape), 0, 255)
        assert sharpness(noisy.astype(np.uint8)) < sharpness(grey)


def test_a_blank_picture_has_a_sharpness() -> None:
    assert sharpness(np.full((128, 128), 7, np.uint8)) == 0


def test_the_medoid_is_joined_to_most() -> None:
    pairs = [_pair(0, 1, 0.95), _pair(1, 2, 0.95), _pair(1, 3, 0.9), _pair(0, 2, 0.9)]
    total = centrality(6, [(4, 5)], pairs)
    assert max(range(4), key=total.__getitem__) == 1
    assert total[4] == total[5] == 1
