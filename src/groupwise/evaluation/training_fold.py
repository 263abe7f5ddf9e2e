"""`training_fold.json`: the finished network on images that it learnt from, without augmentation.

    {"schema", "fold": "train", "n", "sources", "all": whether these are all images of the fold,
     "accuracy": FIGURE}

Far above the other folds, it says that the network knows its images by heart; near them, that it could
learn more.
"""

from __future__ import annotations

import numpy as np

from groupwise.data.split import Split
from groupwise.files import write_json
from groupwise.runs.run import Run
from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.estimate import SCHEMA
from groupwise.stats.intervals import fraction

FILE = "training_fold.json"
FOLD = "train"


def write_training_fold(run: Run, split: Split, rows: Ints, logits: Floats) -> None:
    """Write the accuracy of `logits` (M, K) for the `rows` (M,) of the split, some or all of its fold."""
    right = logits.argmax(axis=1) == split.class_numbers[rows]
    sources, of = np.unique(split.sources[rows], return_inverse=True)
    accuracy = fraction(
        np.bincount(of, weights=right).astype(np.float64),
        np.bincount(of).astype(np.float64),
        "no image was learnt from",
    )
    facts = {
        "schema": SCHEMA,
        "fold": FOLD,
        "n": len(rows),
        "sources": len(sources),
        "all": len(rows) == len(split.indices(FOLD)),
        "accuracy": accuracy.as_json(),
    }
    write_json(run.path(FILE), facts)
    run.record(FILE, ["model.safetensors", "split.csv"])
