"""What the images look like: a grid of them, drawn at random class by class."""

from __future__ import annotations

from groupwise.data.targets import say
from groupwise.report import plots
from groupwise.report.rendering import Section
from groupwise.report.thumbnails import Thumbnail, draw_samples, load_thumbnail
from groupwise.runs.files import RunFiles
from groupwise.text import count

ROWS, COLS = 2, 8


def build(files: RunFiles) -> Section | None:
    """The grid; nothing without a split to draw from."""
    if not files.assignments:
        return None
    labels = [row.label for row in files.assignments]
    drawn = [files.assignments[i] for i in draw_samples(labels, ROWS * COLS, seed=files.seed)]
    tiles = [
        Thumbnail(row.path, load_thumbnail(files.root / row.path, files.reading), say(row.label))
        for row in drawn
    ]
    gist = f"{count(len(tiles), 'image')}, drawn at random"
    return Section({"gist": gist, "samples": tiles, "seed": files.seed}, _draw(tiles))


def _draw(tiles: list[Thumbnail]) -> dict[str, bytes]:
    shown = [(tile.image, tile.label) for tile in tiles if tile.image is not None]
    if not shown:
        return {}
    images, titles = zip(*shown, strict=True)
    return {"samples.png": plots.sample_grid(images, titles, ROWS, COLS)}
