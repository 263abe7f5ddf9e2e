"""Images and charts as a page shows them: with their caption, and within the page itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from groupwise.report.style import DARK, DPI, LIGHT, Image
from groupwise.report.thumbnails import image_uri, png_uri


@dataclass(frozen=True, eq=False)
class Tile:
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
