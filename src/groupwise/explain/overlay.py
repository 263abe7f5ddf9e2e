"""Pictures of heat maps, feature maps and filters, with Pillow alone."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from groupwise.data.archive import read_file
from groupwise.data.decode import UNSETTLED, Resize, decode
from groupwise.data.pixel_reading import Reading
from groupwise.stats.arrays import Pixels, Reals

# From nothing to most: dark violet, red, orange, pale yellow; their lightness rises evenly, so that the order
# is seen by colour-blind readers and in grey.
COLOURS = np.array(
    [(0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164)], dtype=np.float64
)
OPACITY = 0.7  # of the hottest places; cold ones show the photograph
GAP_PX = 2
GREY = 128
STEM_BYTES = 100  # of 255 that a name may have; digest, part and the temporary file need theirs
SHORT_PX, LONG_PX = 256, 2048  # of a photograph under heat: its shorter side, its longer side at most


def colour(heat: Reals) -> Pixels:
    """Heat (H, W) from 0 to 1 as colours, uint8 (H, W, 3)."""
    levels = np.linspace(0, 1, len(COLOURS))
    channels = [np.interp(heat, levels, COLOURS[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def overlay(image: Pixels, heat: Reals, resize: Resize = "squash") -> Pixels:
    """The image (H, W, 3) under the heat (h, w), which is spread over it smoothly.

    `resize` says how the image had become the square that the heat lies over.
    """
    height, width = image.shape[:2]
    across, down = width, height
    if resize != "squash":
        across = down = min(width, height) if resize == "crop" else max(width, height)
    spread = Image.fromarray(heat.astype(np.float32)).resize((across, down), Image.Resampling.BICUBIC)
    placed = Image.new("F", (width, height))  # no heat where the network did not look
    placed.paste(spread, ((width - across) // 2, (height - down) // 2))
    fine = np.asarray(placed).clip(0, 1)
    share = (OPACITY * fine)[..., None]
    mixed: Pixels = ((1 - share) * image + share * colour(fine)).round().astype(np.uint8)
    return mixed


def photograph(file: Path, reading: Reading = UNSETTLED) -> Pixels:
    """The image of a file, (H, W, 3), its shorter side from `SHORT_PX` to twice that, enlarged if need be."""
    image = Image.fromarray(decode(read_file(file), place=file, draft_px=2 * SHORT_PX, reading=reading).rgb)
    short, long = sorted(image.size)
    wanted = min(max(short, SHORT_PX), 2 * SHORT_PX)
    scale = min(wanted / short, LONG_PX / long)
    size = [max(1, round(side * scale)) for side in image.size]
    return np.asarray(image.resize((size[0], size[1]), Image.Resampling.BICUBIC))


def picture_name(name: str, part: str = "") -> str:
    """The name of the PNG file that is drawn of the image file `name`; no two names give the same.

    It is UTF-8 and short enough for a file, whatever `name` is.
    """
    digest = hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:8]
    stem = Path(name).stem.encode(errors="surrogateescape")[:STEM_BYTES].decode(errors="ignore")
    return "-".join(filter(None, (stem, digest, part))) + ".png"


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
