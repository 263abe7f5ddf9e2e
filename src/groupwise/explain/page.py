"""The page of explanations, beside the nearest training images."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from groupwise.explain.overlay import overlay, photograph, picture_name, png
from groupwise.files import write_atomic, write_json
from groupwise.report.rendering import render
from groupwise.report.thumbnails import Tile, image_uri, load_thumbnail, png_uri

if TYPE_CHECKING:
    from groupwise.data.decode import Preprocessing
    from groupwise.explain.explain import Explanation

PAGE, LISTING = "explain.html", "heatmaps.json"


def write_explanations(
    folder: Path, explanations: Iterable[Explanation], root: Path, preprocessing: Preprocessing
) -> Path:
    """Write one overlay an image, `heatmaps.json` (name -> file), and the page; returns the page.

    `root` is where the training images lie, and `preprocessing` how images become the network's input.
    """
    overlays, reading = {}, preprocessing.reading
    items = []
    for found in explanations:
        picture = overlay(photograph(found.asked.file, reading), found.heat, preprocessing.resize)
        overlays[found.asked.name] = picture_name(found.asked.name)
        write_atomic(folder / overlays[found.asked.name], png(picture))
        nearest = [
            Tile(near.path, load_thumbnail(root / near.path, reading), near.label, prob=near.similarity)
            for near in found.nearest
        ]
        items.append((found, png_uri(png(found.image)), image_uri(picture), nearest))
    write_json(folder / LISTING, overlays)
    write_atomic(folder / PAGE, render("explain.html", items=items))
    return folder / PAGE
