"""The demo: training on scikit-learn's handwritten digits, which show the whole chain in minutes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from groupwise.console import Console
from groupwise.data.scan import scan
from groupwise.errors import UsageError
from groupwise.pipeline.train import train
from groupwise.recipe.parsing import read_recipe
from groupwise.recipe.recipe import read_fields
from groupwise.runs.lock import clear, is_occupied, training_lock
from groupwise.runs.request import RunRequest

DEMO = "digits"


def demo(folder: Path, console: Console, *, resume: bool = False) -> dict[str, Any]:
    """Write the digits beside the run as a folder of class folders, and train on them.

    Begins anew, or with `resume` goes on with a demo that was stopped.
    """
    if folder.name in ("", ".."):  # such as `.`
        folder = folder.resolve()
    data = folder.with_name(f"{folder.name}-digits")
    _refuse_foreign(folder, data)
    if not resume:
        with training_lock(folder):
            clear(folder)  # an earlier demo
    write_digits(data)
    console.say(f"Wrote scikit-learn's handwritten digits to {data}")
    recipe, _ = read_recipe(DEMO)
    request = RunRequest(
        data=data,
        scan=lambda progress: scan(data, progress=progress),
        folder=folder,
        recipe=recipe,
        base=recipe,
        resume=resume,
    )
    metrics = train(request, console)
    console.say(
        f"That was the demo. Drop pictures on it: `groupwise serve {shlex.quote(str(folder))}`."
        " Your own, in one folder a class: `groupwise train photos/ --budget 5min --run runs/first`."
    )
    return metrics


def _refuse_foreign(folder: Path, data: Path) -> None:
    """Raise `UsageError` where anything but an earlier demo would be overwritten."""
    if folder.exists() and is_occupied(folder):
        recipe = folder / "recipe.yaml"
        if not recipe.is_file() or read_fields(recipe).get("name") != DEMO:
            raise UsageError("holds something else than a demo", place=folder, remedy="Give another --run.")
    foreign = [
        f for f in data.rglob("*") if f.is_file() and not re.fullmatch(r"\d/\d{4}\.png", _name(f, data))
    ]
    if foreign:
        raise UsageError(
            f"holds other files, such as {foreign[0].name}", place=data, remedy="Give another --run."
        )


def _name(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()


def write_digits(folder: Path) -> None:
    """Write the 1,797 images of 8 x 8 px as greyscale PNG files `<digit>/<number>.png`."""
    digits = load_digits()
    for number, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        file = folder / str(label) / f"{number:04}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.rint(image * (255 / 16)).astype(np.uint8)).save(file)
