"""A folder of class folders, as a user has one: dark `cat` and light `dog` pictures of 20 px under noise."""

from pathlib import Path

import numpy as np
from PIL import Image

TINY = {
    "model.preset": "resnext11_8x4d",
    "model.overrides": {"depths": [1], "cardinality": 2, "planes": 16},
    "data.image_size_px": 16,
    "training.epochs": 2,
    "training.batch_size": 16,
}


def tiny_options() -> list[str]:
    """The command line's spelling of `TINY`."""
    return [word for field, value in TINY.items() for word in (f"--{field}", str(value))]


def write_folder(root: Path, n: int = 60, seed: int = 0) -> Path:
    """Write n pictures, half of each class."""
    rng = np.random.default_rng(seed)
    for i in range(n):
        label = ("cat", "dog")[i % 2]
        pixels = rng.integers(0, 120, (20, 20, 3)) + 100 * (i % 2)
        file = root / label / f"{i:03}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(file)
    return root
