"""Occlusion maps of a network that only answers: a place matters if the answer falters when it is hidden.

Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks" (arXiv 1311.2901), section 3.2.
It asks no more of a network than its probabilities, so it serves where the feature maps have too few cells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from groupwise.data.cache import Images
from groupwise.stats.arrays import Reals

GRID = 8  # cells a side
# What hides a place is as wide and high as three cells: on photographs of hands one cell alone left most
# answers as they were, and what was left was noise beside the hand.
PATCH = 3


def occlusion_maps(
    images: Images, class_numbers: Sequence[int], probs_of: Callable[[Images], Reals]
) -> Reals:
    """The share of a class's probability that is lost when a place is hidden, (N, g, g) from 0 to 1.

    `images` are uint8 (N, S, S, C), and `probs_of` gives the probabilities (N, K) of such. A patch in the
    image's mean colour, which is less of an object than black or grey, is laid over each cell in turn.
    """
    heat = []
    for image, number in zip(images, class_numbers, strict=True):
        hidden = hide_places(image)
        whole, *parts = probs_of(np.concatenate([image[None], hidden]))[:, number]
        side = round(len(hidden) ** 0.5)
        lost = 1 - np.array(parts) / max(whole, np.finfo(np.float64).tiny)
        heat.append(lost.clip(0, 1).reshape(side, side))
    return np.stack(heat)


def hide_places(image: Images) -> Images:
    """The image (S, S, C) once for each cell, with a patch about it, (g * g, S, S, 3), row by row."""
    size = len(image)
    edges = np.linspace(0, size, min(GRID, size) + 1).round().astype(int)
    reach = PATCH // 2
    last = len(edges) - 1
    spans = [slice(edges[max(0, i - reach)], edges[min(last, i + reach + 1)]) for i in range(last)]
    hidden = np.repeat(image[None], last * last, axis=0)
    colour = image.reshape(-1, image.shape[2]).mean(axis=0).round().astype(np.uint8)
    for i, rows in enumerate(spans):
        for j, columns in enumerate(spans):
            hidden[i * last + j, rows, columns] = colour
    return hidden
