"""Trains on scikit-learn's handwritten digits, so that the whole chain can be seen in about a minute."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from groupwise.arguments import build_recipe
from groupwise.console import Console
from groupwise.data.scan import scan
from groupwise.errors import UsageError
from groupwise.pipeline import Job, train
from groupwise.recipe import read_recipe, recipe_file
from groupwise.run import LEDGER


def demo(folder: Path, console: Console) -> dict[str, Any]:
    """Write the digits to `digits` beside the run as a folder of class folders, and train on them."""
    data = folder.parent / "digits"
    write_digits(data)
    console.say(f"Wrote scikit-learn's handwritten digits to {data}")
    if folder.exists():
        if not (folder / LEDGER).is_file():
            raise UsageError("holds something else", place=folder, remedy="Give another --run.")
        shutil.rmtree(folder)  # an earlier demo
    file = recipe_file("digits")
    recipe = build_recipe(read_recipe(file), file)
    return train(Job(data, lambda progress: scan(data, progress=progress), folder, recipe, recipe), console)


def write_digits(folder: Path) -> None:
    """Write the 1,797 images of 8 x 8 px as greyscale PNG files `<digit>/<number>.png`."""
    digits = load_digits()
    for number, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        file = folder / str(label) / f"{number:04}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.rint(image * (255 / 16)).astype(np.uint8)).save(file)
