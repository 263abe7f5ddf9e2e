"""Turns heat maps, feature maps and filters into pictures, with Pillow alone."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from groupwise.explanation.heat import Floats

Pixels = npt.NDArray[np.uint8]

# From nothing to most: dark violet, red, orange, pale yellow; their lightness rises evenly, so that the order
# is seen by colour-blind readers and in grey.
COLOURS = np.array(
    [(0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164)], dtype=np.float64
)
OPACITY = 0.7  # of the hottest places; cold ones show the photograph
GAP_PX = 2
GREY = 128


def colour(heat: Floats) -> Pixels:
    """Heat (H, W) from 0 to 1 as colours, uint8 (H, W, 3)."""
    levels = np.linspace(0, 1, len(COLOURS))
    channels = [np.interp(heat, levels, COLOURS[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def overlay(image: Pixels, heat: Floats) -> Pixels:
    """The image (H, W, 3) under the heat (h, w), which is spread over it smoothly."""
    height, width = image.shape[:2]
    spread = Image.fromarray(heat.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
    fine = np.asarray(spread).clip(0, 1)
    share = (OPACITY * fine)[..., None]
    mixed: Pixels = ((1 - share) * image + share * colour(fine)).round().astype(np.uint8)
    return mixed


def png(image: Pixels) -> bytes:
    """The bytes of a PNG file of (H, W, 3) or (H, W)."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def sheet(tiles: Sequence[Sequence[Pixels]], tile_px: int) -> Pixels:
    """Rows of tiles (h, w, 3), each enlarged to `tile_px` without smoothing, on grey."""
    step = tile_px + GAP_PX
    width = max(map(len, tiles)) * step + GAP_PX
    canvas = np.full((len(tiles) * step + GAP_PX, width, 3), GREY, np.uint8)
    for i, row in enumerate(tiles):
        for j, tile in enumerate(row):
            large = Image.fromarray(tile).resize((tile_px, tile_px), Image.Resampling.NEAREST)
            top, left = GAP_PX + i * step, GAP_PX + j * step
            canvas[top : top + tile_px, left : left + tile_px] = np.asarray(large)
    return canvas
