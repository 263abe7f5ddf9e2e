"""Chirality: whether images can be told from their mirror images, and whether those keep their class.

A natural photograph and its mirror image are equally likely, so mirroring makes another example of the same
thing. Text, digits and hands are not, and neither are X-rays of a chest. Lin et al. 2020, "Visual Chirality"
(arXiv 2006.09512), ask a network to tell the two apart; here a linear model asks it of coarse gradients.
"""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from groupwise.data.cache import Images
from groupwise.stats.arrays import Floats32, Ints

SIDE_PX, CELL_PX, ORIENTATIONS = 32, 4, 8
PARTS = 5  # of a cross-validation over whole sources
KNOWN, FEWEST_OF_CLASS = 0.5, 10  # share of a class that a neighbour names, and images of it, to judge by
FEWEST = 100  # images below which the share says nothing
STRENGTH = 0.01  # of the model's weights against its penalty: some thousand features, some hundred images


def chirality(images: Images, sources: Ints, *, seed: int = 0) -> float:
    """The share of images (N, 32, 32, 3) that a model of other sources tells from their mirror images.

    0.5 is chance; sources (N,) say which images belong together. Photographs of things have 0.48 to 0.69
    (18 data sets, docs/planner.md), digits, script, traffic signs, hands and chest X-rays 0.84 to 0.98.
    nan where there are too few images or sources to tell.
    """
    numbers = np.unique(sources, return_inverse=True)[1]
    if len(images) < FEWEST or numbers.max() < PARTS:
        return float("nan")
    rng = np.random.default_rng(seed)
    # Odd: that of the mirror image is -1 times it
    difference = _features(images) - _features(images[:, :, ::-1])
    part = rng.permutation(np.arange(numbers.max() + 1) % PARTS)[numbers]
    right = np.empty(len(images), bool)
    for k in range(PARTS):
        others, held_out = difference[part != k], difference[part == k]
        side = rng.choice([-1.0, 1.0], len(others))  # show a half of them mirrored
        if abs(side.sum()) == len(side):  # or all, or none, of the few beside one large source
            side = rng.permutation(np.where(np.arange(len(others)) % 2, 1.0, -1.0))
        model = LogisticRegression(C=STRENGTH, fit_intercept=False, max_iter=200)
        model.fit(others * side[:, None], side)
        right[part == k] = held_out @ model.coef_[0] > 0
    return float(right.mean())


def mirror_kept(images: Images, labels: Ints, sources: Ints) -> float:
    """How much of the class that its mirror images are taken for least is left, of images (N, 32, 32, 3).

    Each image is named by its nearest neighbour of another source, and so is its mirror image. Of the classes
    that images are mostly named rightly in, the lowest ratio of the two: near 0 where some digit, character,
    turning arrow or hand becomes another or none (five data sets: 0 to 0.06), near 1 where only the light or
    the side of the heart tells a mirror image (nine sets: 0.74 and more, docs/planner.md). nan where no class
    is named so.
    """
    features, mirrored = (_unit(_features(each)) for each in (images, images[:, :, ::-1]))
    own = sources[:, None] == sources
    named, named_mirrored = (
        labels[np.where(own, -np.inf, each @ features.T).argmax(1)] for each in (features, mirrored)
    )
    kept = []
    for number in np.unique(labels):
        of_class = labels == number
        right = (named[of_class] == number).mean()
        if of_class.sum() >= FEWEST_OF_CLASS and right >= KNOWN:
            kept.append((named_mirrored[of_class] == number).mean() / right)
    return float(min(kept, default=np.nan))


def _unit(features: Floats32) -> Floats32:
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    unit: Floats32 = features / np.maximum(lengths, 1e-6)
    return unit


def _features(images: Images) -> Floats32:
    """Strength of the edges by place and orientation, and the brightness by place, (N, F)."""
    grey = images.mean(3, dtype=np.float32) / 255  # (N, 32, 32)
    down, across = np.zeros_like(grey), np.zeros_like(grey)
    down[:, 1:-1] = grey[:, 2:] - grey[:, :-2]
    across[:, :, 1:-1] = grey[:, :, 2:] - grey[:, :, :-2]
    strength = np.hypot(down, across)
    orientation = (np.arctan2(down, across) % np.pi / np.pi * ORIENTATIONS).astype(int) % ORIENTATIONS
    edges = [np.sqrt(_cells(strength * (orientation == k))) for k in range(ORIENTATIONS)]
    return np.concatenate([*edges, _cells(grey) * (2 / CELL_PX**2)], axis=1)


def _cells(values: Floats32) -> Floats32:
    """Sums over squares of `CELL_PX`, (N, F)."""
    n, cells = len(values), SIDE_PX // CELL_PX
    sums: Floats32 = values.reshape(n, cells, CELL_PX, cells, CELL_PX).sum((2, 4))
    return sums.reshape(n, -1)
