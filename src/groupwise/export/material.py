"""Images that check, calibrate and measure an export; never those of `test`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from groupwise.data.cache import Images, decode_images
from groupwise.data.decode import Preprocessing
from groupwise.data.split import EXCLUDED
from groupwise.recipe.recipe import read_fields
from groupwise.runs.run import Run
from groupwise.stats.arrays import Ints

TEST, TRAIN = "test", "train"


@dataclass(frozen=True, eq=False)
class Material:
    """Images of one fold: where they lie, their digests, targets and sources (N,).

    `held_out` says that the network did not learn from them.
    """

    fold: str
    root: Path
    paths: tuple[str, ...]
    digests: tuple[str, ...]
    labels: Any
    sources: Ints

    @property
    def held_out(self) -> bool:
        return self.fold != TRAIN

    def spread(self, n: int) -> Material:
        """`n` of the images, evenly spaced, or all where there are fewer."""
        rows = np.unique(np.linspace(0, len(self.paths) - 1, min(n, len(self.paths))).round().astype(int))
        return Material(
            self.fold,
            self.root,
            tuple(self.paths[i] for i in rows),
            tuple(self.digests[i] for i in rows),
            self.labels[rows],
            self.sources[rows],
        )

    def facts(self) -> dict[str, Any]:
        """What `parity.json` says of the images."""
        return {"fold": self.fold, "image_digests": dict(zip(self.paths, self.digests, strict=True))}

    def decode(self, preprocessing: Preprocessing) -> Images:
        """The images, uint8 (N, S, S, 3); `GroupwiseError` for one that vanished or changed."""
        return decode_images([self.root / path for path in self.paths], self.digests, preprocessing)


def read_material(run: Run, *, root: Path | None = None) -> Material:
    """The fold that chose the epoch, or the training fold where the test fold did; `root` if it was moved."""
    manifest = run.manifest(root)
    split = run.split()
    chosen = read_fields(run.require("recipe.yaml"))["training"]["select_fold"]
    # Where the test fold chose, and of a refit or an ensemble, which learnt from all, no fold is left.
    fold = TRAIN if chosen == TEST or run.is_ensemble or run.is_refit else chosen
    digests = {sample.path: sample.sha256 for sample in manifest.usable}
    rows = split.indices(fold)
    if run.is_ensemble:
        rows = np.array([i for i, row in enumerate(split.rows) if row.fold != EXCLUDED])
    samples = [split.rows[i] for i in rows]
    return Material(
        fold,
        manifest.root,
        tuple(row.path for row in samples),
        tuple(digests[row.path] for row in samples),
        split.targets.values[rows],
        split.sources[rows],
    )
