"""What the accuracy of a fold hangs on: single sources, and sources that nobody stated.

`metrics.json` has, with a FIGURE as everywhere:

    "influence": {"lowest": {"without", "images", "value"}, "highest": {...}}, the accuracy without that
                 source which raises it most, and without that which lowers it most; absent of a lone source
    "unstated": {"images", "accuracy": FIGURE}, where some images have no group: its interval if all of those
                were of one source, as close to the worst as the data allow
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from groupwise.data.split import Assignment
from groupwise.stats.fold import Fold
from groupwise.stats.intervals import share_of_images


def influence_metrics(fold: Fold, rows: Sequence[Assignment]) -> dict[str, Any]:
    """Both entries of `fold`, whose images are `rows`; closed forms of the counts of each source."""
    figures: dict[str, Any] = {}
    images, right = fold.per_source(np.ones(fold.n)), fold.per_source(fold.right.astype(np.float64))
    if fold.n_sources > 1:
        without = (right.sum() - right) / (fold.n - images)
        figures["influence"] = {
            name: {
                "without": _name(fold, rows, int(source)),
                "images": int(images[source]),
                "value": float(without[source]),
            }
            for name, source in (("lowest", without.argmin()), ("highest", without.argmax()))
        }
    unstated = np.array([not row.group for row in rows])
    if unstated.any() and not unstated.all():
        # A source that holds one of them, by a copy, is then part of the one as well.
        joined = np.isin(fold.sources, fold.sources[unstated])
        sources = np.where(joined, fold.sources[joined].min(), fold.sources)
        whole = replace(fold, sources=np.unique(sources, return_inverse=True)[1].astype(np.int64))
        accuracy = share_of_images(whole, whole.right, np.ones(fold.n, dtype=bool))
        figures["unstated"] = {"images": int(unstated.sum()), "accuracy": accuracy.as_json()}
    return figures


def _name(fold: Fold, rows: Sequence[Assignment], source: int) -> str:
    """The group of a source, or else the path of its first image."""
    members = [rows[i] for i in np.flatnonzero(fold.sources == source).tolist()]
    return next((row.group for row in members if row.group), members[0].path)
