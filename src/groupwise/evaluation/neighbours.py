"""The score of a nearest neighbour under random and under grouped splits of the same images.

The features are fixed, pixels at 8 x 8, so nothing that was trained on some of the images has a say. See
docs/decisions/0009-*.md for what they were chosen against.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from groupwise.data.cache import Images
from groupwise.data.stratify import assign_random, assign_sources
from groupwise.stats.arrays import Floats, Floats32, Ints, Mask
from groupwise.stats.repeated import Scores

FEATURE_SIDE_PX = 8
MOST_IMAGES = 2000
SPLITS = 20


@dataclass(frozen=True, eq=False)
class Neighbours:
    """What the nearest neighbour answered under both protocols, over `images` images and `splits` splits."""

    random: Scores
    grouped: Scores
    images: int
    splits: int


def nearest_neighbours(
    images: Images,
    rows: Ints,
    labels: Ints,
    sources: Ints,
    shares: Mapping[str, float],
    fold: str,
    seeds: range,
) -> Neighbours | None:
    """Label each image of `fold` like the most similar one of `train`, in splits of both kinds by `seeds`.

    `images` is uint8 (N, S, S, 3), of which `rows` (n,) take part; `labels` and `sources` are theirs. Of more
    than `MOST_IMAGES` whole sources are drawn until there are as many. Both kinds have the `shares` of the
    run. None where a split leaves nothing to ask or nothing to compare with.
    """
    kept = _draw_sources(sources, MOST_IMAGES, seeds.start)
    labels, sources, sizes = labels[kept], sources[kept], list(shares.values())
    random = np.array([assign_random(len(kept), sizes, number) for number in seeds])
    grouped = np.array([assign_sources(labels, sources, sizes, number) for number in seeds])  # (splits, n)
    train, test = (list(shares).index(name) for name in ("train", fold))
    if any(not (folds == part).any(axis=1).all() for folds in (random, grouped) for part in (train, test)):
        return None
    features = _describe(images, rows[kept])
    similarity = features @ features.T

    def answers(folds: Ints) -> Scores:
        scores = _ask(similarity, labels, folds == train, folds == test)
        split, image = np.nonzero(np.isfinite(scores))
        return Scores(seeds.start + split, sources[image], scores[split, image])

    return Neighbours(answers(random), answers(grouped), len(kept), len(seeds))


def _ask(
    similarity: Floats32,
    labels: Ints,
    known: Mask,
    asked: Mask,
) -> Floats:
    """Whether the nearest of the `known` images bears the label of each of the `asked` ones; NaN elsewhere.

    `similarity` is (n, n), `known` and `asked` are (splits, n), as is the result.
    """
    scores = np.full(asked.shape, np.nan)
    for split, (there, wanted) in enumerate(zip(known, asked, strict=True)):
        nearest = np.flatnonzero(there)[similarity[np.ix_(wanted, there)].argmax(axis=1)]
        scores[split, wanted] = labels[nearest] == labels[wanted]
    return scores


def _draw_sources(sources: Ints, most: int, seed: int) -> Ints:
    """Rows of whole sources, drawn as long as they come to no more than `most` images."""
    if len(sources) <= most:
        return np.arange(len(sources))
    names, sizes = np.unique(sources, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    fitting = order[np.cumsum(sizes[order]) <= most]
    return np.flatnonzero(np.isin(sources, names[fitting]))


def _describe(images: Images, rows: Ints) -> Floats32:
    """Small pixels of `rows`, centred and of unit length, so that a product is a correlation; (n, 192)."""
    size = (FEATURE_SIDE_PX, FEATURE_SIDE_PX)
    small = [cv2.resize(images[row], size, interpolation=cv2.INTER_AREA).ravel() for row in rows]
    centred = np.stack(small).astype(np.float32)
    centred -= centred.mean(axis=1, keepdims=True)
    centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-6)
    return centred
