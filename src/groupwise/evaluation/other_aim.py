"""An estimate of what optimising for the other of accuracy and balanced accuracy would have given.

Its probabilities are corrected for the shares of the classes in training (`stats.priors`), and nothing is
trained again. `metrics.json` has, where the classes are unequal, with a FIGURE as everywhere:

    "other_aim": {"optimise": "balanced" or "accuracy", "imbalance", "accuracy": FIGURE,
                  "balanced_accuracy": FIGURE}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from groupwise.recipe.aim import SKEWED
from groupwise.stats.arrays import Ints
from groupwise.stats.fold import Fold
from groupwise.stats.intervals import share_of_images
from groupwise.stats.priors import with_equal_classes, with_shares
from groupwise.stats.resampled import Resampled

DRAWS = 2000


def other_aim(fold: Fold, classes: Sequence[str], counts: Ints, *, balanced: bool) -> dict[str, Any]:
    """The entry of `metrics.json` for a network trained on `counts` (K,) images a class; {} for equal ones.

    `balanced` says that it was trained for balanced accuracy, so that its probabilities are those for classes
    which are equally frequent.
    """
    present = counts[counts > 0]
    if len(present) < 2 or (imbalance := present.max() / present.min()) < SKEWED:
        return {}
    corrected = (with_shares if balanced else with_equal_classes)(fold.probs, counts)
    other = replace(fold, probs=corrected)
    everywhere = np.ones(fold.n, dtype=bool)
    recalls = Resampled.of_recalls(other, classes, DRAWS, seed=0).over_classes("balanced_accuracy")
    return {
        "other_aim": {
            "optimise": "accuracy" if balanced else "balanced",
            "imbalance": float(imbalance),
            "accuracy": share_of_images(other, other.right, everywhere).as_json(),
            "balanced_accuracy": recalls.as_json(),
        }
    }
