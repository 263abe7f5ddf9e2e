"""Measures the control and the retraining study on data with planted copies.

    python benchmarks/leakage.py            prints the tables
    python benchmarks/leakage.py --write    puts them into docs/leakage.md as well

The data are scikit-learn's handwritten digits, each with augmented copies, so that the truth is known: a
source is a digit with its copies. The control must score chance under the grouped split, and above it under
the random one, the planted fault. The study is compared with brute force: each seed of each protocol is a
whole run of the pipeline with its own folder, measured from the saved weights. With the study's own seeds it
must agree exactly, with others to within two points.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from scipy.stats import binomtest
from sklearn.datasets import load_digits

from groupwise.console import Console
from groupwise.data.participants import Participants
from groupwise.data.reading import ReadOptions
from groupwise.data.scan import scan
from groupwise.data.split import make_split
from groupwise.distributed.world import World
from groupwise.experiments.leakage import leakage
from groupwise.experiments.permutation_test import permutation_test
from groupwise.files import write_atomic
from groupwise.pipeline.train import TrainOptions, train_prepared
from groupwise.recipe.parsing import read_recipe
from groupwise.recipe.recipe import Recipe, to_yaml
from groupwise.runs.run import Run
from marked import write_between

PAGE = Path(__file__).parents[1] / "docs" / "leakage.md"
SOURCES, COPIES, SEEDS = 300, 4, 20
CONTROL_SOURCES, CONTROL_COPIES, PERMUTATIONS, LEAKY = 60, 12, 40, 10
OTHER_SEEDS = 1000  # brute force begins here, far from the study's
QUIET = Console(quiet=True)
SMALL = {
    "model.preset": "resnext11_8x4d",
    "model.overrides": {"depths": [1], "cardinality": 2, "planes": 16},
    "data.image_size_px": 16,
    "augment.rotate_degrees": 0.0,
    "augment.zoom": 1.0,
    "augment.shift": 0.0,
    "optim.learning_rate": 0.01,
    "training.batch_size": 32,
    "training.epochs": 12,
    "training.device": "cpu",
    "split.train": 0.5,
    "split.val": 0.1,
    "split.test": 0.4,
}


def write_digits(folder: Path, sources: int, copies: int, seed: int = 0) -> Path:
    """Write copies of some digits (turned, shifted, zoomed, under noise), 16 px, a folder a class."""
    digits, rng = load_digits(), np.random.default_rng(seed)
    order = rng.permutation(len(digits.target))
    of_each = [order[digits.target[order] == label][: sources // 10] for label in range(10)]
    for number in np.concatenate(of_each):
        image = cv2.resize(digits.images[number].astype(np.float32) * (255 / 16), (16, 16))
        for copy in range(copies):
            turn = cv2.getRotationMatrix2D((7.5, 7.5), rng.uniform(-15, 15), rng.uniform(0.9, 1.1))
            turn[:, 2] += rng.uniform(-1, 1, 2)
            pixels = cv2.warpAffine(image, turn, (16, 16)) + rng.normal(0, 12, (16, 16))
            file = folder / str(digits.target[number]) / f"digit{number:04}-{copy}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file)
    return folder


def write_run(folder: Path, data: Path, recipe: Recipe) -> Run:
    """A run up to its split; the sources are given, so it is not audited."""
    manifest = scan(data, ReadOptions(group_regex=r"(digit\d+)"))
    run = Run.create(folder, data=data, root=manifest.root, version="benchmark")
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


def with_split(recipe: Recipe, method: str, seed: int) -> Recipe:
    return replace(recipe, seed=seed, split=replace(recipe.split, method=method))  # type: ignore[arg-type]


def brute_force(scratch: Path, data: Path, recipe: Recipe, seeds: range) -> dict[str, list[float]]:
    """Test accuracy of whole runs under both protocols, one a seed."""
    found: dict[str, list[float]] = {"grouped": [], "random": []}
    for seed in seeds:
        for method, accuracies in found.items():
            own = with_split(recipe, method, seed)
            run = write_run(scratch / f"{method}-{seed}", data, own)
            metrics = train_prepared(run, own, scratch / "cache", World(), QUIET, TrainOptions())
            accuracies.append(metrics["test"]["accuracy"]["value"])
    return found


def retraining_table(scratch: Path, data: Path, recipe: Recipe, seeds: int) -> list[str]:
    """The study beside brute force with the first of its seeds and with as many others."""
    run = write_run(scratch / "study", data, recipe)
    study = leakage(run.folder, seeds=seeds, console=QUIET)["retrained"]
    first = range(recipe.seed + 1, recipe.seed + 1 + min(seeds, 3))
    same = brute_force(scratch, data, recipe, first)
    others = brute_force(scratch, data, recipe, range(OTHER_SEEDS, OTHER_SEEDS + seeds))
    gaps = np.subtract(others["random"], others["grouped"])
    error, ours = gaps.std(ddof=1) / len(gaps) ** 0.5, study["difference"]
    off = max(
        abs(row[method] - same[method][k])
        for k, row in enumerate(study["by_seed"][: len(first)])
        for method in same
    )
    added = {method: f"{100 * gap['value']:.1f}" for method, gap in study["selection"].items()}
    return [
        "| | random | grouped | difference, points |",
        "|---|---|---|---|",
        f"| `leakage --retrain --seeds {seeds}` | {_percent(study['random']['value'])}"
        f" | {_percent(study['grouped']['value'])} | {100 * ours['value']:.1f}"
        f" ({100 * ours['low']:.1f} to {100 * ours['high']:.1f}) |",
        f"| brute force, {seeds} other seeds | {_percent(np.mean(others['random']))}"
        f" | {_percent(np.mean(others['grouped']))} | {100 * gaps.mean():.1f}"
        f" (standard error {100 * error:.1f}) |",
        "",
        f"The study is {100 * (ours['value'] - gaps.mean()):+.1f} points from brute force with other seeds;"
        f" with {len(first)} of its own seeds, brute force differs by at most {100 * off:.2f} points.",
        f"Choosing the epoch on the test fold would have added {added['random']} points (random) and"
        f" {added['grouped']} (grouped).",
    ]


def control_table(scratch: Path, data: Path, recipe: Recipe, permutations: int) -> list[str]:
    """How many controls are at chance under the grouped split and, the planted fault, the random one."""
    lines = [
        "| split | controls | at chance | 95 % interval | above chance | mean accuracy | mean chance |",
        "|---|---|---|---|---|---|---|",
    ]
    for method, count in (("grouped", permutations), ("random", min(LEAKY, permutations))):
        run = write_run(scratch / f"control-{method}", data, with_split(recipe, method, 0))
        controls = permutation_test(run.folder, permutations=count, console=QUIET)["controls"]
        passed = sum(one["at_chance"] for one in controls)
        above = sum(one["accuracy"]["low"] > one["chance"] for one in controls)
        interval = binomtest(passed, count).proportion_ci(method="exact")
        accuracy = np.mean([one["accuracy"]["value"] for one in controls])
        chance = np.mean([one["chance"] for one in controls])
        lines.append(
            f"| {method} | {count} | {passed} | {_percent(interval.low)} to {_percent(interval.high)} |"
            f" {above} | {_percent(accuracy)} | {_percent(chance)} |"
        )
    return lines


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def report(sources: int, seeds: int, permutations: int) -> str:
    """Both measurements as Markdown."""
    _, recipe = read_recipe("digits", SMALL)
    _, longer = read_recipe("digits", SMALL | {"training.epochs": 15})
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        data = write_digits(scratch / "data", sources, COPIES)
        few = write_digits(scratch / "few", CONTROL_SOURCES, CONTROL_COPIES)
        return "\n".join(
            [
                f"{sources} digits with {COPIES} augmented copies each, {recipe.training.epochs} epochs:",
                "",
                *retraining_table(scratch, data, recipe, seeds),
                "",
                f"Labels permuted among {CONTROL_SOURCES} digits with {CONTROL_COPIES} copies each,"
                f" {longer.training.epochs} epochs:",
                "",
                *control_table(scratch, few, longer, permutations),
            ]
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sources", type=int, default=SOURCES)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--permutations", type=int, default=PERMUTATIONS)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/leakage.md")
    arguments = parser.parse_args()
    started = time.perf_counter()
    text = report(arguments.sources, arguments.seeds, arguments.permutations)
    print(text)
    print(f"\n{time.perf_counter() - started:.0f} s")
    if arguments.write:
        write_between(PAGE, "leakage", text)


if __name__ == "__main__":
    main()
