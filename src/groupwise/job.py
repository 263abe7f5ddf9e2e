"""What a training run is asked to do: which data, which recipe, and where to keep it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from groupwise.data.manifest import Manifest
from groupwise.recipe import Recipe


@dataclass(frozen=True)
class Job:
    """What to train on, where to keep it, and how.

    `data` is what the user named, and `scan` makes the manifest of it, with a function for the progress.
    `base` is the recipe that `recipe` changes; the report lists the changes.
    """

    data: Path
    scan: Callable[[Callable[[int, int], None]], Manifest]
    folder: Path
    recipe: Recipe
    base: Recipe
    resume: bool = False
