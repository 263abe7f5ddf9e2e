"""The decoded images of a run, one row a row of its split, with their class numbers."""

from __future__ import annotations

from pathlib import Path

from groupwise.console import Console
from groupwise.data.cache import Images, open_cache
from groupwise.data.manifest import Manifest
from groupwise.data.split import Split
from groupwise.distributed.world import World
from groupwise.recipe.recipe import Recipe
from groupwise.training.config import FitData


def open_data(
    recipe: Recipe, cache: Path, manifest: Manifest, split: Split, world: World, console: Console
) -> FitData:
    """Decode the images, in the main process alone, and map them into memory in every one."""
    if world.is_main:
        open_images(recipe, cache, manifest, split, console)
    world.barrier()
    return FitData(
        images=open_images(recipe, cache, manifest, split, console),
        labels=split.targets.values,
        train=split.indices("train"),
        select=split.indices(recipe.training.select_fold),
        paths=tuple(row.path for row in split.rows),
        costs=recipe.decision.cost_matrix(split.classes),
    )


def open_images(recipe: Recipe, cache: Path, manifest: Manifest, split: Split, console: Console) -> Images:
    """The decoded images, one row a row of `split`; decoded into the folder `cache` unless they are there."""
    digests = {sample.path: sample.sha256 for sample in manifest.usable}
    files = [manifest.root / row.path for row in split.rows]
    with console.progress("Decoding images") as progress:
        return open_cache(
            cache, files, [digests[row.path] for row in split.rows], recipe.data, progress=progress
        )
