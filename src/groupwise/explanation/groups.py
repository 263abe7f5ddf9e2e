"""Turns a grouped convolution into a sheet of its maps by group, and the first layer into its filters.

Krizhevsky, Sutskever and Hinton 2012, figure 3: the two groups of AlexNet's first layer learnt different
things by themselves. Here one sees what the groups of a ResNeXt do.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from groupwise.errors import UsageError
from groupwise.explanation.overlay import Pixels, colour, sheet
from groupwise.models.blocks import Bottleneck
from groupwise.models.resnext import ResNeXt

MAP_PX, FILTER_PX = 36, 28
ROWS = 16  # groups below one another
FILTERS_A_ROW = 8


def group_maps(model: ResNeXt, image: npt.NDArray[np.float32], block: str) -> list[list[Tensor]]:
    """What each group of a block's grouped convolution shows behind its ReLU: groups of maps (h, w).

    `image` is normalised, (3, S, S), and `block` is named like `layer1.0`. Raises `UsageError` for a block
    that the network does not have.
    """
    blocks = {name: part for name, part in model.named_modules() if isinstance(part, Bottleneck)}
    if block not in blocks:
        raise UsageError(
            f"the network has no block {block!r}",
            place="--groups",
            remedy=f"Choose one of {', '.join(blocks)}.",
        )
    seen: list[Tensor] = []
    hook = blocks[block].bn2.register_forward_hook(lambda *parts: seen.append(parts[2].clone()))
    try:
        with torch.inference_mode():
            model.eval()(torch.from_numpy(image)[None])
    finally:
        hook.remove()
    groups = blocks[block].conv2.groups
    return [list(part) for part in seen[0][0].relu().chunk(groups)]


def group_sheet(groups: list[list[Tensor]]) -> Pixels:
    """One strip of maps a group, each map over its own highest value, strips below and beside one another."""
    tiles = [[_draw(map_) for map_ in group] for group in groups]
    columns = [tiles[start : start + ROWS] for start in range(0, len(tiles), ROWS)]
    strips = [sheet(column, MAP_PX) for column in columns]
    height = max(len(strip) for strip in strips)
    padded = [np.pad(strip, ((0, height - len(strip)), (0, MAP_PX // 2), (0, 0))) for strip in strips]
    return np.concatenate(padded, axis=1)


def _draw(map_: Tensor) -> Pixels:
    values = map_.numpy()
    return colour(values / max(float(values.max()), 1e-12))


def filter_sheet(model: ResNeXt) -> Pixels:
    """The first layer's filters as colours, each about grey and over its own largest weight."""
    assert isinstance(model.conv1, nn.Conv2d)
    weight = model.conv1.weight.detach().permute(0, 2, 3, 1).numpy()  # (N, k, k, 3)
    largest = np.abs(weight).max(axis=(1, 2, 3), keepdims=True).clip(1e-12)
    tiles = list(((weight / largest + 1) * 127.5).round().astype(np.uint8))
    rows = [tiles[start : start + FILTERS_A_ROW] for start in range(0, len(tiles), FILTERS_A_ROW)]
    return sheet(rows, FILTER_PX)
