"""Thumbnails, tiles and charts that a page carries within itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from groupwise.data.archive import read_file
from groupwise.data.decode import UNSETTLED, decode
from groupwise.data.pixel_reading import Reading
from groupwise.errors import GroupwiseError
from groupwise.report.plots import TINY_PX
from groupwise.report.style import DARK, DPI, LIGHT, Image

THUMBNAIL_PX = 240


def load_thumbnail(path: Path, reading: Reading = UNSETTLED) -> Image | None:
    """The image of a file, (H, W, 3) uint8, its long side at most `THUMBNAIL_PX`; None if gone or damaged.

    `reading` is that of its data set.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            return None
        rgb = decode(read_file(path), place=path, draft_px=THUMBNAIL_PX, reading=reading).rgb
    except (OSError, ValueError, GroupwiseError):  # ValueError: a path with a null byte
        return None
    picture = PillowImage.fromarray(rgb)
    picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), PillowImage.Resampling.LANCZOS)
    return np.asarray(picture)


def image_uri(image: Image) -> str:
    """A data URI of (H, W, 3) uint8: PNG where every pixel shows, JPEG for photographs."""
    buffer = io.BytesIO()
    picture = PillowImage.fromarray(image)
    if max(image.shape[:2]) <= TINY_PX:
        picture.save(buffer, "PNG")
        return png_uri(buffer.getvalue())
    picture.save(buffer, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def png_uri(png: bytes) -> str:
    """A data URI of PNG bytes."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def draw_samples(labels: Sequence[str], n: int, *, seed: int) -> list[int]:
    """Positions of `n` samples, drawn class by class in turn so that a rare class is seen, sorted by class.

    Fewer come back only where there are fewer.
    """
    order = np.random.default_rng(seed).permutation(len(labels)).tolist()
    turn: dict[str, int] = {}
    ranked = []
    for i in order:
        turn[labels[i]] = turn.get(labels[i], -1) + 1
        ranked.append((turn[labels[i]], i))
    drawn = [i for _, i in sorted(ranked, key=lambda pair: pair[0])[:n]]
    return sorted(drawn, key=lambda i: labels[i])


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """An image with its caption; `image` is None where the file is gone."""

    path: str
    image: Image | None
    label: str
    predicted: str = ""
    prob: float = 0.0  # of the predicted class
    true_prob: float = 0.0

    @property
    def name(self) -> str:
        """The file's name without its folders."""
        return self.path.rpartition("/")[2]

    @property
    def uri(self) -> str:
        """The image as a data URI, or nothing."""
        return "" if self.image is None else image_uri(self.image)


@dataclass(frozen=True)
class Chart:
    """A figure for a light and for a dark page."""

    light: bytes
    dark: bytes

    @classmethod
    def draw(cls, draw: Callable[..., bytes]) -> Chart:
        """Draw it in both themes; `draw` takes a `theme`."""
        return cls(draw(theme=LIGHT), draw(theme=DARK))

    @property
    def light_uri(self) -> str:
        return png_uri(self.light)

    @property
    def dark_uri(self) -> str:
        return png_uri(self.dark)

    @property
    def width_px(self) -> int:
        """The width at which its letters are as large as the page's, in CSS pixels."""
        return round(int.from_bytes(self.light[16:20], "big") * 96 / DPI)
