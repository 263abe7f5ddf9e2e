"""A run whose classes mean nothing: coloured patterns with copies of each, labelled without looking at them.

Only a network that has seen copies of the test images can be right more often than by chance.
"""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from groupwise.console import Console
from groupwise.data.participants import Participants
from groupwise.data.reading import ReadOptions
from groupwise.data.scan import scan
from groupwise.data.split import make_split
from groupwise.experiments.retrain import Materials, open_materials
from groupwise.files import write_atomic, write_csv
from groupwise.recipe.parsing import read_recipe
from groupwise.recipe.recipe import to_yaml
from groupwise.runs.run import Run

PATTERNS, COPIES = 12, 15
TINY = {
    "model.preset": "resnext11_8x4d",
    "model.overrides": {"depths": [1], "cardinality": 2, "planes": 16},
    "data.image_size_px": 16,
    "optim.learning_rate": 0.005,
    "loss.label_smoothing": 0.0,
    "augment.flip": 0.0,
    "augment.zoom": 1.0,
    "augment.rotate_degrees": 0.0,
    "training.epochs": 6,
    "training.batch_size": 16,
    "training.device": "cpu",
    "split.train": 0.6,
    "split.val": 0.2,
    "split.test": 0.2,
}
QUIET = Console(quiet=True)


def write_patterns(folder: Path, *, copies: int = COPIES, seed: int = 0) -> Path:
    """Write copies of `PATTERNS` patterns of 16 px, half of them under each label."""
    rng = np.random.default_rng(seed)
    for number in range(PATTERNS):
        pattern = cv2.resize(rng.integers(0, 256, (2, 2, 3)).astype(np.float32), (16, 16))
        for copy in range(copies):
            pixels = np.clip(pattern + rng.normal(0, 8, pattern.shape), 0, 255).astype(np.uint8)
            file = folder / ("cat", "dog")[number % 2] / f"pattern{number:02}-{copy}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(file)
    return folder


def write_set_patterns(folder: Path) -> Path:
    """The same under two labels that an image may have both or neither of, as a table."""
    write_patterns(folder)
    rows = []
    for file in sorted(folder.rglob("*.png")):
        number = int(file.name[7:9])
        names = [name for name, has in (("a", number % 2), ("b", number // 2 % 2)) if has]
        rows.append((file.relative_to(folder), "|".join(names)))
    write_csv(folder / "patterns.csv", ("path", "label"), rows)
    return folder / "patterns.csv"


def write_run(
    target: Path, data: Path, *, group_regex: str | None = r"(pattern\d+)", **changes: object
) -> Run:
    """A run up to its split, which is all that a study needs, without an audit."""
    _, recipe = read_recipe("default", TINY | changes)
    manifest = scan(data, ReadOptions(group_regex=group_regex))
    run = Run.create(target, data=data, root=manifest.root, version="test")
    write_atomic(run.path("recipe.yaml"), to_yaml(recipe))
    manifest.write(run.path("manifest.csv"))
    samples = [(sample.path, sample.label, sample.group) for sample in manifest.usable]
    split = make_split(
        samples,
        Participants(range(len(samples))),
        shares=recipe.split.shares,
        seed=recipe.seed,
        method=recipe.split.method,
    )
    split.write(run.path("split.csv"))
    for name in ("recipe.yaml", "manifest.csv", "split.csv"):
        run.record(name)
    return run


def open_case(run: Run, scratch: Path) -> Materials:
    return open_materials(run, scratch, QUIET)
