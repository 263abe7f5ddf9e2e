"""Robustness of a run, `robustness.json`: accuracy on damaged images at each step of the damage.

    schema, fold, n, sources, seed
                    what was damaged; `seed` decides the noise
    labels          "several" where images have sets of them: accuracy is of those with exactly the right ones
    clean           the accuracy of the same images undamaged, a figure as in `metrics.json`
    corruptions     {name: {unit, sizes: [five], accuracy: [five figures]}}, from severity 1 to 5

The images are decoded and resized as for the network, and then damaged (see `corruptions`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from groupwise.data.cache import Images
from groupwise.evaluation.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from groupwise.evaluation.evaluate import read_images
from groupwise.files import write_json
from groupwise.inference.predictor import load_run, predict_outputs
from groupwise.runs.files import TEST
from groupwise.runs.run import Run
from groupwise.stats.arrays import Ints, Mask
from groupwise.stats.estimate import SCHEMA, SETS
from groupwise.stats.intervals import fraction

FILE = "robustness.json"

Answers = Ints | Mask
Classify = Callable[[Images], Answers]
Progress = Callable[[int, int], None]


def write_robustness(
    run: Run, fold: str = TEST, *, root: Path | None = None, seed: int = 0, progress: Progress | None = None
) -> dict[str, Any]:
    """Damage the images of `fold`, answer them, and write `robustness.json`, which is returned.

    However many steps there are, a test fold is read once by it, and that is counted. `root` is where the
    images lie if not where they lay during training.
    """
    run.refuse_untestable()
    split = run.split()
    chosen = split.require(fold)
    rows = tuple(split.rows[i] for i in chosen)
    predictor = load_run(run.folder)
    images = read_images(run, rows, predictor.preprocessing, root=root)
    if fold == TEST:
        run.count_test_reading("groupwise robustness")

    rule, labels = predictor.decision.label_sets, split.targets.values[chosen]

    def answer(shown: Images) -> Answers:
        logits = predict_outputs(predictor.model, shown, predictor.preprocessing).logits
        if rule is None:
            return np.asarray(logits.argmax(axis=1), dtype=np.int64)
        return rule.given(predictor.decision.probs(logits))

    told = measure(images, labels, split.sources[chosen], answer, seed=seed, progress=progress)
    facts = {"fold": fold, **told}
    if rule is not None:
        facts["labels"] = SETS
    write_json(run.path(FILE), facts)
    run.record(FILE, ["model.safetensors", "split.csv"])
    return facts


def measure(
    images: Images,
    labels: Any,
    sources: Ints,
    answer: Classify,
    *,
    seed: int,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """All of `robustness.json` but the fold: images (N, S, S, 3), labels and sources (N,).

    `answer` turns images into class numbers (N,). Of sets, both are 1 for each label, (N, K), and right is
    what has all of its labels and no other.
    """
    numbers = np.unique(sources, return_inverse=True)[1]

    def accuracy(shown: Images) -> dict[str, Any]:
        same = answer(shown) == labels
        right = (same.all(axis=1) if same.ndim == 2 else same).astype(np.float64)
        hits = np.bincount(numbers, weights=right).astype(np.float64)
        return fraction(hits, np.bincount(numbers).astype(np.float64), "").as_json()

    steps = [(name, severity) for name in CORRUPTIONS for severity in SEVERITIES]
    figures: dict[str, list[dict[str, Any]]] = {name: [] for name in CORRUPTIONS}
    clean = accuracy(images)
    for done, (name, severity) in enumerate(steps, start=1):
        figures[name].append(accuracy(corrupt(images, name, severity, seed=seed)))
        if progress:
            progress(done, len(steps))
    return {
        "schema": SCHEMA,
        "n": len(images),
        "sources": len(np.unique(sources)),
        "seed": seed,
        "clean": clean,
        "corruptions": {
            name: {"unit": one.unit, "sizes": list(one.sizes), "accuracy": figures[name]}
            for name, one in CORRUPTIONS.items()
        },
    }
