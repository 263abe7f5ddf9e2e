"""The estimate of leakage in `leakage.json`: what a random split would have reported.

    images, sources     how many images take part, and how many sources are known among them
    shares, fold        relative sizes of the folds, and the fold in question
    labels              `several` where images have sets of labels, of which all have to be right; else `one`
    known               whether any two images are known to share a source; if not, the three parts are null
                        and `reason` says that nobody can tell
    siblings            (a) exact: `random` = expected share of images of `fold` with a sibling in training
                        under a random split, by `sources`, and by `clusters` (copies) and `groups` alone
                        (null where no two images share one); `this_split` = the share in the run's own
    neighbours          (b) cheap: the share that a nearest neighbour on fixed features labels rightly, under
                        `random` and `grouped` splits ({value, sd over splits}), and their `difference`
                        {value, low, high}, over `images` and `splits`; null where splits cannot be made
    retrained           (c) measured by `groupwise leakage --retrain` (experiments/retrained.py); null before
    evidence            for each part that is there, what it is evidence of, as a sentence

Shares are from 0 to 1; a difference is random less grouped, its 95 % limits null where there are none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from groupwise.data.cache import Images
from groupwise.data.sources import expected_sibling_share, find_sources
from groupwise.data.split import EXCLUDED, Split
from groupwise.data.stratify import assign_random
from groupwise.evaluation.neighbours import FEATURE_SIDE_PX, SPLITS, Neighbours, nearest_neighbours
from groupwise.evaluation.words import sentence
from groupwise.files import write_json
from groupwise.runs.run import Run
from groupwise.stats.arrays import Ints, Mask
from groupwise.stats.estimate import SETS
from groupwise.stats.fold import Fold
from groupwise.stats.intervals import share_of_images
from groupwise.stats.repeated import COVERS, Scores, gap

FILE = "leakage.json"
TEST = "test"

UNKNOWN = (
    "no groups were given and no copies were found, so nobody can tell what a random split hides: a source"
    " that is not known cannot be kept on one side either"
)
EVIDENCE = {
    "siblings": (
        "of exposure: how many test images the network could have known from training. Not of how much that"
        " helps it."
    ),
    "neighbours": (
        "of siblings that carry the answer: what a rule that only looks for the most similar training image"
        f" gains by them, on {FEATURE_SIDE_PX} x {FEATURE_SIDE_PX} pixels. A network may gain more or less."
    ),
    "retrained": (
        "of the effect itself: what this recipe reports under either split of these images. It covers"
        f" {COVERS}."
    ),
}
KEY = "siblings_in_training"


def estimate_leakage(
    split: Split, shares: Mapping[str, float], images: Images, *, seed: int
) -> dict[str, Any]:
    """What `leakage.json` holds before anything is retrained.

    `shares` are the relative sizes of the folds, train first; `images`, uint8 (N, S, S, 3), has one row a row
    of `split`. Takes about a second.
    """
    rows = np.array([i for i, row in enumerate(split.rows) if row.fold != EXCLUDED])
    sources = split.sources[rows]
    fold = reported_fold(shares)
    facts: dict[str, Any] = {
        "images": len(rows),
        "sources": len(np.unique(sources)),
        "shares": dict(shares),
        "fold": fold,
        "labels": SETS if split.several else "one",
        "known": len(np.unique(sources)) < len(rows),
        "siblings": None,
        "neighbours": None,
        "retrained": None,
        "evidence": {},
    }
    if not facts["known"]:
        return facts | {"reason": UNKNOWN}
    facts["siblings"] = _siblings(split, rows, shares, fold)
    facts["evidence"]["siblings"] = EVIDENCE["siblings"]
    _, labels = np.unique([split.rows[i].label for i in rows], return_inverse=True)
    neighbours = nearest_neighbours(images, rows, labels, sources, shares, fold, range(seed, seed + SPLITS))
    if neighbours is not None:
        features = f"pixels at {FEATURE_SIDE_PX} x {FEATURE_SIDE_PX}, centred, by correlation"
        facts["neighbours"] = {**neighbour_facts(neighbours), "features": features}
        facts["evidence"]["neighbours"] = EVIDENCE["neighbours"]
    return facts


def reported_fold(shares: Mapping[str, float]) -> str:
    """The fold whose figure heads the report: `test`, or the last one that there is."""
    return TEST if TEST in shares else list(shares)[-1]


def _siblings(split: Split, rows: Ints, shares: Mapping[str, float], fold: str) -> dict[str, Any]:
    n_train = int((assign_random(len(rows), list(shares.values()), 0) == 0).sum())
    clusters, groups = (
        find_sources([getattr(split.rows[i], name) for i in rows]) for name in ("cluster", "group")
    )
    sources = split.sources
    inside = split.indices(fold)
    trained = np.isin(sources[inside], sources[split.indices("train")])
    kinds = {"sources": sources[rows], "clusters": clusters, "groups": groups}
    return {
        "random": {
            name: expected_sibling_share(keys, n_train) if len(np.unique(keys)) < len(rows) else None
            for name, keys in kinds.items()
        },
        "this_split": float(trained.mean()) if len(inside) else None,
    }


def neighbour_facts(found: Neighbours) -> dict[str, Any]:
    """What a nearest neighbour has right under both kinds of splits, and how far they differ."""
    return {
        "random": spread(found.random),
        "grouped": spread(found.grouped),
        "difference": asdict(gap(found.grouped, found.random)),
        "images": found.images,
        "splits": found.splits,
    }


def spread(answers: Scores) -> dict[str, Any]:
    """The mean score, and its standard deviation over seeds (null for one)."""
    by_seed = answers.by_seed()
    return {"value": answers.mean, "sd": float(np.std(by_seed, ddof=1)) if len(by_seed) > 1 else None}


def write_leakage(run: Run, facts: dict[str, Any]) -> None:
    """Write `leakage.json` into the run."""
    write_json(run.path(FILE), facts)
    run.record(FILE, ["split.csv"])


"""The entry of a fold in `metrics.json`; there only where some image has a sibling."""


def measure_exposure(fold: Fold, split: Split, rows: Ints, right: Mask | None = None) -> dict[str, Any]:
    """The entry for the `rows` of the split that `fold` holds; empty where no source is cut.

    `right` (N,) says which are answered rightly, where that is not the most probable class.
    """
    right = fold.right if right is None else right
    sources = split.sources
    seen = np.isin(sources[rows], sources[split.indices("train")])
    if not seen.any():
        return {}
    return {KEY: {"with": _accuracy(fold, right, seen), "without": _accuracy(fold, right, ~seen)}}


def _accuracy(fold: Fold, right: Mask, among: Mask) -> dict[str, Any]:
    return share_of_images(fold, right, among, "no image of the fold is so").as_json()


def exposure_lines(metrics: Mapping[str, Any]) -> list[str]:
    """The two figures of a fold in words; none where no source is cut."""
    if KEY not in metrics:
        return []
    named = {"with": "With a sibling in training", "without": "Without one"}
    measure = "exact" if metrics.get("labels") == SETS else "accuracy"
    return [f"{words}: {sentence(measure, metrics[KEY][name])}" for name, words in named.items()]
