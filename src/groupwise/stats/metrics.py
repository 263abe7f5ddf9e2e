"""The figures of `metrics.json` for one fold, each with n, sources and interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from groupwise.stats.arrays import Floats, Ints, Mask
from groupwise.stats.calibration import reliability
from groupwise.stats.estimate import SCHEMA, Estimate
from groupwise.stats.fold import Fold, check_fold
from groupwise.stats.intervals import fraction, share_of_images
from groupwise.stats.resampled import Resampled
from groupwise.stats.risk_coverage import risk_coverage

# Below this many sources in a class a reader is warned.
FEW_SOURCES = 25
LEAST_DRAWS = 100


def evaluate_fold(
    labels: Ints,
    probs: Floats,
    sources: Ints,
    classes: Sequence[str],
    *,
    seed: int,
    draws: int = 2000,
) -> dict[str, Any]:
    """Every figure of one fold with its 95 % interval, the number of images `n` and of `sources`.

    `labels` (N,) index `classes`, `probs` (N, K) are probabilities, `sources` (N,) any integers. A fold of
    two classes reports AUROC and average precision of `classes[1]`; one of more, the mean over those that can
    be ranked. The result is ready for JSON: what is undefined is None, and its `reason` says why. `confusion`
    has true classes in rows and predicted ones in columns.

    Raises ValueError for arrays that do not fit, for no images, and for probabilities that are none. The same
    `seed` gives the same result. Takes O(draws N K) time, and memory for a few arrays of 16 MB.
    """
    return measure_fold(check_fold(labels, probs, sources, classes), classes, seed=seed, draws=draws)


def measure_fold(fold: Fold, classes: Sequence[str], *, seed: int, draws: int = 2000) -> dict[str, Any]:
    """What `evaluate_fold` says, of a fold that is checked already."""
    if draws < LEAST_DRAWS:
        raise ValueError(f"{draws} draws are too few for an interval; at least {LEAST_DRAWS} are needed")
    resampled = Resampled.of(fold, classes, draws, seed)
    accuracy = share_of_images(fold, fold.right, np.ones(fold.n, dtype=bool))
    return {
        "schema": SCHEMA,
        "n": fold.n,
        "sources": fold.n_sources,
        "accuracy": accuracy.as_json(),
        "balanced_accuracy": resampled.over_classes("balanced_accuracy").as_json(),
        "macro_f1": resampled.over_classes("macro_f1").as_json(),
        "mcc": resampled.matthews().as_json(),
        "auroc": resampled.ranking("auroc").as_json(),
        "average_precision": resampled.ranking("average_precision").as_json(),
        "log_loss": resampled.log_loss(accuracy).as_json(),
        "brier": resampled.brier().as_json(),
        "ece": resampled.calibration_error(accuracy).as_json(),
        "reliability": reliability(fold),
        "risk_coverage": {"area": resampled.risk_area().as_json()} | risk_coverage(fold),
        "per_class": {name: _class_figures(fold, resampled, k) for k, name in enumerate(classes)},
        "confusion": _confusion(fold).tolist(),
        "majority": _majority(fold, classes),
        "warnings": _warnings(fold, classes),
    }


def _within(fold: Fold, mask: Mask) -> Floats:
    return fold.per_source(mask.astype(np.float64))


def _class_figures(fold: Fold, resampled: Resampled, k: int) -> dict[str, Any]:
    labelled, predicted = fold.labels == k, fold.predicted == k
    name = resampled.classes[k]
    no_image = f"no image of {name} in this fold"
    figures = {
        "precision": share_of_images(fold, labelled, predicted, f"no image was predicted as {name}"),
        "recall": share_of_images(fold, predicted, labelled, no_image),
        "specificity": share_of_images(
            fold, ~predicted, ~labelled, f"no image of a class other than {name} in this fold"
        ),
        "f1": f1_share(fold, labelled, predicted, f"{no_image}, and none predicted so"),
        "auroc": resampled.class_ranking("auroc", k),
        "average_precision": resampled.class_ranking("average_precision", k),
    }
    counts = {"n": int(fold.support[k]), "sources": int((_within(fold, labelled) > 0).sum())}
    return counts | {key: figure.as_json() for key, figure in figures.items()}


def f1_share(fold: Fold, labelled: Mask, predicted: Mask, undefined: str) -> Estimate:
    """F1 of images (N,) labelled so and predicted so; `undefined` is the reason where there are neither."""
    # 2 TP / (labelled + predicted) is a share too, of labels and predictions taken together.
    both = _within(fold, labelled) + _within(fold, predicted)
    figure = fraction(2 * _within(fold, labelled & predicted), both, undefined)
    return replace(figure, n=int((labelled | predicted).sum()))


def _confusion(fold: Fold) -> Ints:
    cells = fold.labels * fold.n_classes + fold.predicted
    counts = np.bincount(cells, minlength=fold.n_classes**2)
    return counts.reshape(fold.n_classes, fold.n_classes).astype(np.int64)


def _majority(fold: Fold, classes: Sequence[str]) -> dict[str, Any]:
    largest = int(fold.support.argmax())
    return {"class": classes[largest], "accuracy": float(fold.support[largest] / fold.n)}


def _warnings(fold: Fold, classes: Sequence[str]) -> list[str]:
    sources = {name: int((_within(fold, fold.labels == k) > 0).sum()) for k, name in enumerate(classes)}
    few = [f"{name} ({count})" for name, count in sources.items() if 0 < count < FEW_SOURCES]
    absent = [name for name, count in sources.items() if count == 0]
    told = []
    if absent:
        told.append(f"no image of {', '.join(absent)} in this fold: means over classes leave it out")
    if fold.n_sources == 1:
        told.append("a single source: no figure of this fold has an interval")
    elif few:
        told.append(f"fewer than {FEW_SOURCES} sources in {', '.join(few)}: intervals may be too narrow")
    return told
