"""Teaches new classes from few sources: by `finetune` to a network that knows others, and from scratch.

    python benchmarks/transfer.py ../shared/data/sign-digits.csv --group-column student
        [--sources 10 20 --seeds 0 1 2 --work runs/ablation]

The first half of the classes is learnt by `default` from all training sources. Then the second half is learnt
from groupwise.stats.arrays import Ints
from groupwise.stats.arrays import Ints
from some of them, by the network of `default` at its image size throughout, and tested on the second half of
the test fold, whose sources nobody has seen. Each seed has its own split by source.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ablation import Workshop, difference, measure_fit, number_labels
from groupwise.models.resnext import ResNeXt, create_model
from groupwise.recipe.parsing import read_recipe
from groupwise.recipe.recipe import Recipe
from groupwise.stats.arrays import Ints
from groupwise.training.config import FitData

DEFAULT = read_recipe("default")[0]
SIZE = {
    "model.preset": DEFAULT.model.preset,
    "model.overrides": DEFAULT.model.overrides,
    "data.image_size_px": DEFAULT.data.image_size_px,
    "training.batch_size": 16,
}
RATE = 3e-3  # what the recipe's 2e-3 for batches of 32 and twice the width comes to
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "from scratch, `default`, 60 epochs": ("default", {"training.epochs": 60, "optim.learning_rate": 2e-3}),
    "`finetune`": ("finetune", {"optim.learning_rate": RATE}),
    "`finetune`, a third of the rate": ("finetune", {"optim.learning_rate": RATE / 3}),
    "the same, 10 epochs": ("finetune", {"optim.learning_rate": RATE / 3, "training.epochs": 10}),
    "the same, the head alone": ("finetune", {"optim.learning_rate": RATE / 3, "optim.frozen": 5}),
}


@dataclass(frozen=True)
class Rows:
    """Images, labels and folds of the split of one seed."""

    images: Any
    labels: Ints
    groups: tuple[str, ...]
    folds: dict[str, Ints]

    def of(self, classes: range, *, sources: int | None = None) -> tuple[FitData, Ints]:
        """The data and test rows of some classes, numbered from 0, with the first `sources` in training."""
        inside = np.isin(self.labels, classes)
        folds = {name: rows[inside[rows]] for name, rows in self.folds.items()}
        train = folds["train"]
        names = list(dict.fromkeys(self.groups[row] for row in train))[:sources]
        train = np.array([row for row in train if self.groups[row] in names])
        labels = np.where(inside, self.labels - classes.start, 0)  # so that the others ask for no logit
        return FitData(self.images, labels, train, folds["val"]), folds["test"]


def open_rows(workshop: Workshop, recipe: Recipe) -> Rows:
    """Everything of the split that the recipe's seed makes."""
    split = workshop.split(recipe)
    folds = {fold: split.indices(fold) for fold in ("train", "val", "test")}
    return Rows(
        workshop.images(recipe.data), number_labels(split), tuple(row.group for row in split.rows), folds
    )


def new_network(recipe: Recipe, num_classes: int, weights: dict[str, torch.Tensor] | None) -> ResNeXt:
    """The network of the recipe, with the body of `weights`."""
    torch.manual_seed(recipe.seed)
    model = create_model(recipe.model.preset, **recipe.model.overrides, num_classes=num_classes)
    if weights is not None:
        body = {name: value for name, value in weights.items() if not name.startswith("fc.")}
        model.load_state_dict(body, strict=False)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--group-column")
    parser.add_argument("--sources", nargs="+", type=int, default=[10, 20])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--work", type=Path, default=Path("runs/ablation"))
    options = parser.parse_args()
    workshop = Workshop(options.work, options.data, options.group_column)
    tests: dict[tuple[int, str], list[float]] = {}
    seconds: dict[tuple[int, str], list[float]] = {}
    for seed in options.seeds:
        recipe = read_recipe("default", {"seed": seed})[1]
        rows = open_rows(workshop, recipe)
        half = (int(rows.labels.max()) + 1) // 2
        known, new = range(half), range(half, 2 * half)
        data, test = rows.of(known)
        body = new_network(recipe, half, None)
        print(f"seed {seed}, {half} known classes: {measure_fit(body, data, test, recipe)}", flush=True)
        for sources in options.sources:
            data, test = rows.of(new, sources=sources)
            for way, (name, changes) in WAYS.items():
                tuned = read_recipe(name, {**SIZE, "seed": seed, **changes})[1]
                model = new_network(tuned, half, body.state_dict() if name == "finetune" else None)
                figures = measure_fit(model, data, test, tuned)
                tests.setdefault((sources, way), []).append(figures["test"])
                seconds.setdefault((sources, way), []).append(figures["processor_seconds"])
                print(f"seed {seed}, {len(data.train)} images, {way}: {figures}", flush=True)
    scratch = next(iter(WAYS))
    print("\n| sources | way | test | against scratch | processor seconds |\n|---|---|---|---|---|")
    for (sources, way), scores in tests.items():
        gains = [a - b for a, b in zip(scores, tests[sources, scratch], strict=True)]
        spread = ", ".join(f"{100 * score:.1f}" for score in scores)
        gain = difference(gains) if way != scratch else ""
        middle = statistics.median(seconds[sources, way])
        print(f"| {sources} | {way} | {spread} % | {gain} | {middle:.0f} |")


if __name__ == "__main__":
    main()
