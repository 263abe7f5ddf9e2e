"""Sheets of a grouped convolution's maps by group, and of the first layer's filters.

Krizhevsky, Sutskever and Hinton 2012, figure 3: the two groups of AlexNet's first layer learnt different
things by themselves. Here one sees what the groups of a ResNeXt do.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn

from groupwise.errors import UsageError
from groupwise.explain.overlay import GAP_PX, GREY, colour, picture_name, png, sheet
from groupwise.explain.request import Asked, load_asked
from groupwise.files import write_atomic
from groupwise.inference.heatmaps import is_coarse
from groupwise.inference.predictor import Predictor
from groupwise.inference.stream import OnBad
from groupwise.models.blocks import Bottleneck
from groupwise.models.ensemble import trained_networks
from groupwise.models.resnext import ResNeXt
from groupwise.stats.arrays import Floats32, Pixels

MAP_PX, FILTER_PX, NAME_PX = 36, 28, 64
ROWS = 16  # groups below one another
FILTERS_A_ROW = 8


def group_maps(model: ResNeXt, image: Floats32, block: str) -> list[list[Tensor]]:
    """What each group of a block's grouped convolution shows behind its ReLU: groups of maps (h, w).

    `image` is normalised, (C, S, S), and `block` is named like `layer1.0`. Raises `UsageError` for a block
    that the network does not have.
    """
    blocks = {name: part for name, part in model.named_modules() if isinstance(part, Bottleneck)}
    if not blocks:
        raise UsageError(
            "the network's convolutions have no groups to show",
            place="--groups",
            remedy="Leave it out for heat maps; presets named resnext have groups.",
        )
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


def write_groups(
    predictor: Predictor, asked: Iterable[Asked], block: str, folder: Path, on_bad: OnBad
) -> list[Path]:
    """Write a sheet of each image's maps in `block` by group, and one of the first layer's filters.

    Of an ensemble the first member is shown. A file that is no image is told to `on_bad` and left out.
    Raises as `group_maps` does.
    """
    net = _first(predictor)
    sheets = {}
    for one, image in load_asked(asked, predictor.preprocessing, on_bad):
        maps = group_maps(net, predictor.preprocessing.normalise(image[None])[0], block)
        sheets[picture_name(one.name, block)] = group_sheet(maps)
    if sheets:
        sheets["filters.png"] = filter_sheet(net)
    for name, drawn in sheets.items():
        write_atomic(folder / name, png(drawn))
    return [folder / name for name in sheets]


def coarse_cells(predictor: Predictor, block: str) -> str | None:
    """The cells of a block's maps, as 2x2, where they are too few to show a place."""
    size, channels = predictor.preprocessing.image_size_px, predictor.preprocessing.input_channels
    first = group_maps(_first(predictor), np.zeros((channels, size, size), np.float32), block)[0][0]
    return "x".join(map(str, first.shape)) if is_coarse(first.shape) else None


def _first(predictor: Predictor) -> ResNeXt:
    trained = trained_networks(predictor.model)
    if not trained:
        raise UsageError(
            "a probe's features are an ONNX file, whose convolutions are not looked into",
            place="--groups",
            remedy="Leave it out for heat maps.",
        )
    return trained[0]


def group_sheet(groups: list[list[Tensor]]) -> Pixels:
    """One named strip of maps a group, each map over its own highest value, below and beside one another."""
    tiles = [[_draw(map_) for map_ in group] for group in groups]
    columns = [tiles[start : start + ROWS] for start in range(0, len(tiles), ROWS)]
    strips = [
        np.concatenate([_names(i * ROWS, len(column)), sheet(column, MAP_PX)], axis=1)
        for i, column in enumerate(columns)
    ]
    height = max(len(strip) for strip in strips)
    padded = [np.pad(strip, ((0, height - len(strip)), (0, MAP_PX // 2), (0, 0))) for strip in strips]
    return np.concatenate(padded, axis=1)


def _names(first: int, number: int) -> Pixels:
    """What stands before `number` strips, the first of which shows the group of that number."""
    step = MAP_PX + GAP_PX
    canvas = Image.new("RGB", (NAME_PX, number * step + GAP_PX), (GREY, GREY, GREY))
    pen = ImageDraw.Draw(canvas)
    for i in range(number):
        middle = (NAME_PX - 6, GAP_PX + i * step + MAP_PX // 2)
        pen.text(middle, f"group {first + i + 1}", fill="white", anchor="rm", font=ImageFont.load_default(12))
    return np.asarray(canvas)


def _draw(map_: Tensor) -> Pixels:
    values = map_.numpy()
    return colour(values / max(float(values.max()), 1e-12))


def filter_sheet(model: ResNeXt) -> Pixels:
    """The first layer's filters as colours, each about grey and over its own largest weight.

    Filters of channels that are no colours are shown in grey, by their mean over the channels.
    """
    first = next(part for part in model.conv1.modules() if isinstance(part, nn.Conv2d))
    weight = first.weight.detach().permute(0, 2, 3, 1).numpy()  # (N, k, k, C)
    if weight.shape[3] != 3:
        weight = weight.mean(axis=3, keepdims=True).repeat(3, axis=3)
    largest = np.abs(weight).max(axis=(1, 2, 3), keepdims=True).clip(1e-12)
    tiles = list(((weight / largest + 1) * 127.5).round().astype(np.uint8))
    rows = [tiles[start : start + FILTERS_A_ROW] for start in range(0, len(tiles), FILTERS_A_ROW)]
    return sheet(rows, FILTER_PX)
