"""Class activation maps from the last feature maps and the head's weights, and their share on the border.

Zhou et al. 2016, "Learning Deep Features for Discriminative Localization" (arXiv 1512.04150): behind a global
average pool and one linear layer, the logit of class k is the mean over positions of `weight[k] . maps`, so
each position's part of it can be shown. Nothing but numpy is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from groupwise.stats.arrays import Reals

Method = Literal["gradcam", "eigencam"]
HeatMethod = Literal["class activation map", "occlusion"]  # without gradients

BORDER = 0.1  # of the height and of the width, on each side
# A map of fewer a side says in which quarter something lies at best, and nothing of the border.
LEAST_CELLS = 4


def class_activation_maps(maps: Reals, weight: Reals, class_numbers: Sequence[int]) -> Reals:
    """What each position adds to the logit of a class, (N, h, w) from 0 to 1.

    `maps` (N, C, h, w) are the last feature maps, `weight` (K, C) is the head's, and `class_numbers` (N,)
    name the class to show for each image.
    """
    return to_heat(np.einsum("nchw,nc->nhw", maps, weight[list(class_numbers)]))


def to_heat(values: Reals) -> Reals:
    """What speaks for the class, (N, h, w), over the map's highest value; all 0 where nothing does."""
    positive = np.maximum(values, 0)
    highest = positive.max(axis=(1, 2), keepdims=True)
    heat: Reals = positive / np.where(highest > 0, highest, 1)
    return heat


def is_coarse(cells: Sequence[int]) -> bool:
    """Whether a map of `cells`, (h, w), has too few to say where something lies."""
    return min(cells) < LEAST_CELLS


def border_share(heat: Reals) -> float:
    """The share of a map's heat (H, W) that lies in its outer tenth on each side, 0 for a map without heat.

    An even map has 36 % there, which is that frame's share of the area. The map is spread over a fine grid
    first, so that a map of a few cells is cut where the tenth ends.
    """
    height, width = heat.shape
    inner = _within(height)[:, None] * _within(width)
    total = heat.sum()
    return float(1 - (heat * inner).sum() / total) if total > 0 else 0.0


def _within(cells: int) -> Reals:
    """How much of each of `cells` equal cells lies off the border, (cells,)."""
    edges = np.linspace(0, 1, cells + 1).clip(BORDER, 1 - BORDER)
    inside: Reals = np.diff(edges) * cells
    return inside
