"""Pictures of several labels and their table: a quarter of the picture a label, two pictures a person."""

import csv

import numpy as np
from PIL import Image

LABELS = ("blue", "green", "red")


def write_scenes(folder, people=36, seed=0):
    """A quarter a label, of its colour under noise, two pictures a person; some have none."""
    rng, rows = np.random.default_rng(seed), []
    for i in range(2 * people):
        members = rng.random(3) < 0.45
        pixels = rng.integers(0, 90, (20, 20, 3))
        for k in np.flatnonzero(members):
            pixels[10 * (k // 2) : 10 * (k // 2) + 10, 10 * (k % 2) : 10 * (k % 2) + 10, 2 - k] += 140
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i:03}.png")
        names = [name for name, has in zip(LABELS, members, strict=True) if has]
        rows.append((f"{i:03}.png", "|".join(names), f"p{i // 2}", ("north", "south")[i // 2 % 2]))
    with (folder / "scenes.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label", "person", "place"), *rows])
    return folder / "scenes.csv"
