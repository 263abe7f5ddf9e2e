"""Turns explanations into PNG overlays and a page that shows them beside the nearest training images."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from groupwise.explanation.overlay import overlay, png
from groupwise.files import write_atomic, write_json
from groupwise.report.pictures import load_thumbnail, png_uri
from groupwise.report.rendering import render
from groupwise.report.tiles import Tile

if TYPE_CHECKING:
    from groupwise.explanation.explain import Explanation

PAGE, LISTING = "explain.html", "heatmaps.json"


def write_explanations(
    folder: Path, explanations: Sequence[Explanation], root: Path, *, names: Sequence[str]
) -> Path:
    """Write one overlay an image, `heatmaps.json` (path in `names` -> file), and the page; returns the page.

    `root` is where the training images lie.
    """
    overlays = {}
    items = []
    for name, found in zip(names, explanations, strict=True):
        picture = png(overlay(found.image, found.heat))
        overlays[name] = f"{Path(name).stem}-{hashlib.sha256(name.encode()).hexdigest()[:8]}.png"
        write_atomic(folder / overlays[name], picture)
        nearest = [
            Tile(near.path, load_thumbnail(root / near.path), near.label, prob=near.similarity)
            for near in found.nearest
        ]
        items.append((name, found, png_uri(png(found.image)), png_uri(picture), nearest))
    write_json(folder / LISTING, overlays)
    write_atomic(folder / PAGE, render("explain.html", items=items))
    return folder / PAGE
