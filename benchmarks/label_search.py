"""Measures which networks may judge labels, on made answers whose true labels are known.

    python benchmarks/label_search.py [--repeats 10]

An image shows normal noise whose mean is `signal` in its true class, and the network answers by the exact
posterior; some labels are then changed for the next class. Printed is the mean over repeats.
"""

from __future__ import annotations

import argparse

import numpy as np

from groupwise.evaluation.label_search import Search, search_labels
from groupwise.stats.arrays import Floats, Ints

IMAGES, CLASSES = 500, (2, 5, 10)
SIGNALS, WRONG = (1.0, 1.5, 2.0, 3.0), (0.0, 0.05, 0.2)


def answers(classes: int, signal: float, wrong: float, rng: np.random.Generator) -> tuple[Ints, Floats, Ints]:
    """Labels (N,) as they stand, probabilities (N, K), and the true labels (N,)."""
    truth = rng.integers(classes, size=IMAGES)
    seen = rng.normal(size=(IMAGES, classes)) + signal * np.eye(classes)[truth]
    labels = np.where(rng.random(IMAGES) < wrong, (truth + 1) % classes, truth)
    probs = np.exp(signal * seen)
    return labels, probs / probs.sum(axis=1, keepdims=True), truth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--repeats", type=int, default=10)
    repeats = parser.parse_args().repeats
    print("| classes | accuracy | labels wrong | named | of changed ones | of those named, wrong | judged |")
    print("|---|---|---|---|---|---|---|")
    for classes in CLASSES:
        for signal in SIGNALS:
            for wrong in WRONG:
                print(_line(classes, signal, wrong, repeats), flush=True)


def _line(classes: int, signal: float, wrong: float, repeats: int) -> str:
    right, rows, judged = [], [], []
    for seed in range(repeats):
        labels, probs, truth = answers(classes, signal, wrong, np.random.default_rng(seed))
        search: Search = search_labels(labels, probs, seed=seed)
        named = list(search.issues)
        right.append(float((probs.argmax(axis=1) == labels).mean()))
        rows.append((len(named), (labels != truth)[named].sum(), search.hits, search.changed))
        judged.append(search.tells)
    named_all, hits, found, changed = np.sum(rows, axis=0)
    among = f"{hits / named_all:.0%}" if named_all else "-"
    return (
        f"| {classes} | {np.mean(right):.0%} | {wrong:.0%} | {named_all / (repeats * IMAGES):.1%} |"
        f" {found / changed:.0%} | {among} | {sum(judged)} of {repeats} |"
    )


if __name__ == "__main__":
    main()
