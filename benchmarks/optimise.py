"""Sets what `--optimise` brings in each of its four measures against the default, at equal time.

    python benchmarks/optimise.py SETS/magtile_six.csv ../shared/data/clothing.csv:sender:30 --minutes 1
        --seeds 0 1

DATA is as in `benchmarks/sets.py`; `:30` at its end thins the pictures to learn from so that the first class
has thirty for one of the last. Each aim, and the plain network of `groupwise.baselines`, is a measurement of
`model.py`, minutes of the processor of one thread; what is missing is measured, and the tables are of all
there is. A picture of a rarer class that is taken for the largest one costs 10, any other mistake 1. Accuracy
and costs are those of a fold with the shares of classes that were learnt from; "corrected" is what the
default's probabilities give once corrected for these. `--ways` adds other ways to raise balanced accuracy.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

import model
import standings
from sets import TRAIN, open_set
from task import Task

MISSED = 10.0  # of a rarer class, taken for the largest
AIMS = ("accuracy", "balanced", "auroc", "cost")
WAYS = {
    "weights": {"training.optimise": "balanced", "loss.class_weights": "balanced"},
    "sampling": {"training.optimise": "balanced", "training.sampling": "balanced"},
}
FIGURES = {
    "as_learnt": "accuracy",
    "balanced": "balanced accuracy",
    "auroc": "AUROC",
    "cost": "cost of the most probable",
    "cost_decided": "cost of what is decided",
    "corrected_as_learnt": "accuracy, corrected",
    "corrected_balanced": "balanced, corrected",
}


def tasks_of(options: argparse.Namespace, data: str, imbalance: float) -> list[Task]:
    """The measurements of one set in their order."""
    pictures = open_set(data, options.work)
    folds = pictures.folds(options.outer, per_class=None, count=None, imbalance=imbalance)
    labels = [label for label, fold in zip(pictures.labels.tolist(), folds, strict=True) if fold == TRAIN]
    largest = pictures.classes[int(np.bincount(labels).argmax())]
    costs = {
        true: {
            answer: 0.0 if answer == true else MISSED if answer == largest else 1.0
            for answer in pictures.classes
        }
        for true in pictures.classes
    }
    varied: dict[str, dict[str, Any]] = {aim: {"training.optimise": aim} for aim in options.aims}
    varied |= {way: WAYS[way] for way in options.ways}
    contestants = ["plain"] * options.plain + [f"groupwise:{name}" for name in varied]
    return [
        Task(
            data=data,
            work=str(options.work),
            outer=options.outer,
            seed=seed,
            contestant=contestant,
            minutes=options.minutes,
            epochs=None,
            threads=1,
            processor_time=True,
            imbalance=imbalance,
            varied={**varied[name], "decision.costs": costs} if (name := contestant[10:]) else {},
        )
        for seed, contestant in product(options.seeds, contestants)
    ]


def table(lines: Sequence[dict[str, Any]]) -> str:
    """For each set and contestant the mean of each figure over seeds, and the figure of each."""
    told = [f"| set | optimised for | {' | '.join(FIGURES.values())} | largest class |"]
    told.append("|" + "---|" * (len(FIGURES) + 3))
    keys = dict.fromkeys((line["set"], line["contestant"]) for line in lines)
    for name, contestant in keys:
        mine = [line for line in lines if (line["set"], line["contestant"]) == (name, contestant)]
        cells = []
        for figure in FIGURES:
            values = [line[figure] for line in mine if figure in line]
            each = ", ".join(f"{value:.3f}" for value in values)
            cells.append(f"{statistics.mean(values):.3f} ({each})" if values else "")
        largest = statistics.mean(line["largest_learnt"] for line in mine)
        told.append(
            f"| {name} | {contestant.partition(':')[2] or contestant} | {' | '.join(cells)} | {largest:.3f} |"
        )
    return "\n".join(told)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="+", metavar="DATA[:RATIO]")
    parser.add_argument("--work", type=Path, default=Path("/tmp/groupwise-optimise"))
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--outer", default="0")
    parser.add_argument("--aims", nargs="+", choices=AIMS, default=AIMS)
    parser.add_argument("--ways", nargs="*", choices=WAYS, default=[])
    parser.add_argument("--plain", action=argparse.BooleanOptionalAction, default=True)
    return parser.parse_args()


def main() -> None:
    options = parse()
    results = options.work / "results.jsonl"
    options.work.mkdir(parents=True, exist_ok=True)
    wanted = []
    for word in options.data:
        data, _, ratio = word.rpartition(":")
        given = ratio.replace(".", "").isdigit() and bool(data)
        wanted.append(tasks_of(options, *((data, float(ratio)) if given else (word, 1.0))))
    for tasks in wanted:
        for task in tasks:
            if standings.find(standings.read(results), task.conditions, task.varied) is None:
                model.run([task], results)
    print(table(standings.read(results)))


if __name__ == "__main__":
    main()
