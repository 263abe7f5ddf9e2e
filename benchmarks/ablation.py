"""Trains named variants of a recipe on the same splits, and says what each gains over the base and costs.

    python benchmarks/ablation.py ../shared/data/sign-digits.csv --group-column student
        [--recipe default --variants Muon mixup ... --seeds 0 1 2 --imbalance 10 --sources 30 --work DIR]

The data are scanned and audited once; each seed has its own split by source, and each image size its own
cache, so that a run is training alone. Every finished run is a line of RESULTS in the work folder: the
program can be stopped, and only trains what is missing. Gains are differences to the base with the same seed,
with a 95 % t-interval over seeds. Choose by `val`; `test` is here to see whether the choice held.
`--imbalance` thins the training images out, class by class, `--sources` keeps the first sources of the
training fold alone, and both leave the other folds as they are.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats

from candidates import SharpnessAwareTrainer, whiten_stem
from groupwise.console import Console
from groupwise.data.cache import Images, open_cache
from groupwise.data.decode import Preprocessing
from groupwise.data.manifest import Manifest, read_manifest
from groupwise.data.reading import ReadOptions
from groupwise.data.scan import scan
from groupwise.data.split import Split, make_split, participants_of, read_split
from groupwise.distributed.world import World
from groupwise.inference.predictor import predict_logits
from groupwise.models.resnext import ResNeXt, create_model
from groupwise.pipeline.divide import split_manifest
from groupwise.pipeline.prepare import audit_manifest, scan_with_progress
from groupwise.recipe.parsing import read_recipe
from groupwise.recipe.recipe import Recipe
from groupwise.stats.arrays import Ints
from groupwise.training.config import FitConfig, FitData
from groupwise.training.trainer import Trainer

RESULTS = "results.jsonl"
SGD = {"optim.name": "sgd", "optim.learning_rate": 0.1, "optim.weight_decay": 5e-4, "optim.warmup": 0.25}

# What `best` was until it lost to `default` (docs/log.md), as changes of what it is now
DEEP_AND_MIXED = {
    "model.preset": "resnext26_32x4d",
    "data.image_size_px": 96,
    "training.start_size_px": 64,
    "training.epochs": 64,
    "training.batch_size": 64,
    "training.ema_decay": 0.995,
    "optim.learning_rate": 2e-3,
    "augment.trivial": True,
    "augment.cutmix": 1.0,
    "augment.flip": 0.0,
    "augment.alternate_flip": True,
    "augment.rotate_degrees": 0.0,
    **{f"augment.{name}": 0.0 for name in ("brightness", "contrast", "saturation")},
}

VARIANTS: dict[str, dict[str, Any]] = {
    "base": {},
    "full width, 16 epochs": {"model.preset": "resnext14_32x4d", "training.epochs": 16},
    "16 epochs": {"training.epochs": 16},
    "three stages": {"model.overrides": {"depths": [1, 1, 1], "zero_init_residual": True}},
    "rate 2e-3": {"optim.learning_rate": 2e-3},
    "rate 8e-3": {"optim.learning_rate": 8e-3},
    "SGD one-cycle": SGD,
    "SGD one-cycle, linear": SGD | {"optim.schedule": "linear"},
    "Muon": {"optim.name": "muon"},
    "Muon, rate 2e-3": {"optim.name": "muon", "optim.learning_rate": 2e-3},
    "EMA 0.99": {"training.ema_decay": 0.99},
    "progressive from 40 px": {"training.start_size_px": 40},
    "alternating flip": {"augment.flip": 0.0, "augment.alternate_flip": True},
    "no flip": {"augment.flip": 0.0},
    "mixup": {"augment.mixup": 0.2},
    "CutMix": {"augment.cutmix": 1.0},
    "TrivialAugment": {"augment.trivial": True},
    "deep and mixed": DEEP_AND_MIXED,
    "no zero-init": {"model.overrides": {}},
    "as planned for few images": {
        "training.batch_size": 16,
        "training.epochs": 60,
        "optim.learning_rate": 2e-3,
    },
    "8 epochs": {"training.epochs": 8},
    "12 epochs": {"training.epochs": 12},
    "batch 32": {"training.batch_size": 32},
    "no label smoothing": {"loss.label_smoothing": 0.0},
    "frozen whitening stem": {"optim.frozen": 1},
    "SAM, 12 epochs": {"training.epochs": 12},  # of two passes a step
    "logit adjustment": {"loss.logit_adjustment": 1.0},
    "balanced sampling": {"training.sampling": "balanced"},
    "balanced class weights": {"loss.class_weights": "balanced"},
}
WHITENED = {"frozen whitening stem"}
SHARPNESS_AWARE = {"SAM, 12 epochs": 0.05}  # the radius of the paper


class Workshop:
    """The data of all runs: one manifest, one audit, a split for each seed and a cache for each size."""

    def __init__(self, folder: Path, data: Path, group_column: str | None) -> None:
        self.folder, console = folder, Console()
        manifest_file, split_file = folder / "manifest.csv", folder / "split.csv"
        if not manifest_file.is_file():
            manifest = scan_with_progress(
                lambda progress: scan(data, ReadOptions(group_column=group_column), progress=progress),
                console,
            )
            manifest.write(manifest_file)
        root = data if data.is_dir() else data.parent
        self.manifest: Manifest = read_manifest(manifest_file, root.resolve())
        if not split_file.is_file():
            audited = audit_manifest(self.manifest, seed=0, console=console)
            config = read_recipe("default")[1].split
            split_manifest(self.manifest, audited, config, seed=0, console=console)[0].write(split_file)
        self.prepared = read_split(split_file)

    def split(self, recipe: Recipe) -> Split:
        """Another division of the same samples, by the recipe's seed."""
        rows = self.prepared.rows
        return make_split(
            [(row.path, row.label, row.group) for row in rows],
            participants_of(self.prepared),
            shares=recipe.split.shares,
            seed=recipe.seed,
        )

    def images(self, preprocessing: Preprocessing) -> Images:
        """All images, decoded once for each size."""
        digests = {sample.path: sample.sha256 for sample in self.manifest.usable}
        paths = [row.path for row in self.prepared.rows]
        return open_cache(
            self.folder / f"cache-{preprocessing.image_size_px}",
            [self.manifest.root / path for path in paths],
            [digests[path] for path in paths],
            preprocessing,
        )


def number_labels(split: Split) -> Ints:
    """The class number of each row, (N,)."""
    classes = sorted({row.label for row in split.rows})
    return np.array([classes.index(row.label) for row in split.rows])


def train_once(
    workshop: Workshop, recipe: Recipe, variant: str, *, imbalance: float, sources: int | None
) -> dict[str, float]:
    """Train `variant` on the folds of its recipe's seed; returns what `measure_fit` does."""
    split, images = workshop.split(recipe), workshop.images(recipe.data)
    labels = number_labels(split)
    train = first_sources(split, sources) if sources else split.indices("train")
    train = thin_out(train, labels, imbalance, recipe.seed)
    torch.manual_seed(recipe.seed)
    model = create_model(recipe.model.preset, **recipe.model.overrides, num_classes=int(labels.max()) + 1)
    if variant in WHITENED:
        whiten_stem(model, images[train[:500]], recipe.data)
    data = FitData(images, labels, train, split.indices("val"))
    radius = SHARPNESS_AWARE.get(variant)
    trainer = partial(SharpnessAwareTrainer, radius=radius) if radius else Trainer
    return measure_fit(model, data, split.indices("test"), recipe, trainer)


def measure_fit(
    model: ResNeXt,
    data: FitData,
    test: Ints,
    recipe: Recipe,
    trainer: Callable[..., Trainer] = Trainer,
) -> dict[str, float]:
    """Train `model`; returns accuracies on the folds, wall and processor seconds of training."""
    config = FitConfig(recipe.training, recipe.optim, recipe.loss, recipe.augment, recipe.data, recipe.seed)
    wall, processor = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        fitted = trainer(model, data, config, world=World(), checkpoints=Path(folder)).fit()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    model.load_state_dict(dict(fitted.weights))
    correct = predict_logits(model, data.images[test], recipe.data).argmax(1) == data.labels[test]
    return {
        "val": fitted.best.select_accuracy,
        "val_loss": fitted.best.select_loss,
        "last_val": fitted.history[-1].select_accuracy,
        "test": float(correct.mean()),
        "seconds": wall,
        "processor_seconds": processor,
    }


def first_sources(split: Split, count: int) -> Ints:
    """The rows of the training fold that belong to its first `count` groups."""
    train = split.indices("train")
    kept = list(dict.fromkeys(split.rows[row].group for row in train))[:count]
    return np.array([row for row in train if split.rows[row].group in kept])


def thin_out(rows: Ints, labels: Ints, ratio: float, seed: int) -> Ints:
    """Keep fewer of each class than of the one before, 1 in `ratio` of the last (Cui et al. 2019)."""
    rows = np.random.default_rng(seed).permutation(rows)
    kept = []
    for number in range(labels.max() + 1):
        mine = rows[labels[rows] == number]
        kept.append(mine[: round(len(mine) * ratio ** (-number / labels.max()))])
    return np.sort(np.concatenate(kept))


def difference(gains: list[float]) -> str:
    """Mean of paired differences in percentage points, with the limits of a 95 % t-interval."""
    mean = 100 * statistics.mean(gains)
    if len(gains) < 2:
        return f"{mean:+.1f}"
    half = 100 * stats.t.ppf(0.975, len(gains) - 1) * statistics.stdev(gains) / len(gains) ** 0.5
    return f"{mean:+.1f} ({mean - half:+.1f} to {mean + half:+.1f})"


def table(results: Iterable[dict[str, Any]], base: str) -> str:
    """One row a variant."""
    runs = {(result["variant"], result["seed"]): result for result in results}
    lines = [
        "| variant | seeds | val | against base | test | against base | seconds | processor seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for variant in dict.fromkeys(name for name, _ in runs):
        mine = {seed: run for (name, seed), run in runs.items() if name == variant}
        paired = [(run, runs[base, seed]) for seed, run in mine.items() if (base, seed) in runs]
        cells = [variant, str(len(mine))]
        for fold in ("val", "test"):
            cells.append(f"{statistics.mean(run[fold] for run in mine.values()):.1%}")
            gains = [run[fold] - reference[fold] for run, reference in paired]
            cells.append(difference(gains) if gains and variant != base else "")
        cells += [
            f"{statistics.median(run[time] for run in mine.values()):.0f}"
            for time in ("seconds", "processor_seconds")
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--group-column")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--base", choices=VARIANTS, default="base", help="what the others are compared with")
    parser.add_argument(
        "--imbalance", type=float, default=1.0, help="training images of the first class for one of the last"
    )
    parser.add_argument("--sources", type=int, help="sources of the training fold to learn from")
    parser.add_argument("--work", type=Path, default=Path("runs/ablation"))
    options = parser.parse_args()
    workshop = Workshop(options.work, options.data, options.group_column)
    file = options.work / RESULTS
    results = [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []
    done = {(result["variant"], result["seed"]) for result in results}
    for seed in options.seeds:
        for variant in options.variants:
            if (variant, seed) in done:
                continue
            recipe = read_recipe(options.recipe, {"seed": seed, **VARIANTS[variant]})[1]
            figures = train_once(
                workshop, recipe, variant, imbalance=options.imbalance, sources=options.sources
            )
            results.append({"variant": variant, "seed": seed, **figures})
            with file.open("a") as out:
                out.write(json.dumps(results[-1]) + "\n")
            print(results[-1], file=sys.stderr, flush=True)
    print(table(results, options.base))


if __name__ == "__main__":
    main()
