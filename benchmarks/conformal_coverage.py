"""Measures how often prediction sets hold the class of an image of a new source, where the truth is known.

    python benchmarks/conformal_coverage.py            prints the table, in about 20 s
    python benchmarks/conformal_coverage.py --write    puts it into docs/decision.md as well

A simulated network tells four classes apart. `correlation` is the share of the variance of its logits that
all images of a source have in common; 1 makes them copies of one another. Sources of unequal size are
log-normal with a coefficient of variation of 1. Each fold decides on a threshold for a miss rate of 10 %,
judged on a population of new sources that weigh the same. The peer is split conformal prediction as it is
usually done, over images. The last column is the rate of false flags of two joint lines on independent
scores, the worst case, stated as 10 % too.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.special import ndtr, softmax

from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.conformal import fit_conformal, too_few
from groupwise.stats.ood import joint_lines
from marked import write_between

SEED = 7
ALPHA = 0.1
SOURCES = (5, 10, 20, 50, 200)
CORRELATIONS = (0.0, 0.5, 0.9, 1.0)
COPIES = 14
CLASSES = 4
SHARPNESS = 2.0
FOLDS = 400
POPULATION = 50_000

PAGE = Path(__file__).parents[1] / "docs" / "decision.md"


def draw(sizes: Ints, correlation: float, rng: np.random.Generator) -> tuple[Floats, Ints, Ints]:
    """Logits (N, K), class numbers (N,) and sources (N,) of a fold whose sources have these sizes."""
    sources = np.repeat(np.arange(len(sizes)), sizes)
    labels = rng.integers(CLASSES, size=len(sizes))[sources]
    common = rng.standard_normal((len(sizes), CLASSES))[sources]
    own = rng.standard_normal((len(sources), CLASSES))
    noise = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own
    return SHARPNESS * np.eye(CLASSES)[labels] + noise, labels, sources


def sizes_of(sources: int, equal: bool, rng: np.random.Generator) -> Ints:
    if equal:
        return np.full(sources, COPIES)
    spread = np.sqrt(np.log(2))
    return np.maximum(1, rng.lognormal(np.log(COPIES) - spread**2 / 2, spread, sources).round().astype(int))


def cell(sources: int, equal: bool, correlation: float, rng: np.random.Generator) -> list[float]:
    """Share of new images whose set holds their class, over sources and over images, and of false flags."""
    logits, labels, _ = draw(np.ones(POPULATION, dtype=int), 0.0, rng)
    true = np.sort(softmax(logits, axis=1)[np.arange(POPULATION), labels])
    results = []
    for _ in range(FOLDS):
        logits, labels, number = draw(sizes_of(sources, equal, rng), correlation, rng)
        probs = softmax(logits, axis=1)
        covered = [
            1 - np.searchsorted(true, fit_conformal(probs, labels, unit, ALPHA).threshold or 0) / POPULATION
            for unit in (number, np.arange(len(number)))
        ]
        # The noise of two logits stands for two scores: standard normal and independent.
        scores = [logits[:, k] - SHARPNESS * (labels == k) for k in (0, 1)]
        first, second = joint_lines(scores, number, ALPHA) if too_few(sources, ALPHA) is None else (0, 0)
        results.append([*covered, 1 - float(ndtr(first) * ndtr(second))])
    return np.mean(results, axis=0).tolist()


def table() -> str:
    rng = np.random.default_rng(SEED)
    lines = [
        "| sources | images a source | correlation | sets over sources | sets over images | false flags |",
        "|---|---|---|---|---|---|",
    ]
    for sources in SOURCES:
        for equal in (True, False):
            for correlation in CORRELATIONS:
                ours, images, flags = (
                    f"{100 * share:.1f} %" for share in cell(sources, equal, correlation, rng)
                )
                if too_few(sources, ALPHA) is not None:
                    ours = flags = "refused"
                sizes = str(COPIES) if equal else f"{COPIES}, unequal"
                lines.append(f"| {sources} | {sizes} | {correlation:g} | {ours} | {images} | {flags} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="put the table into docs/decision.md")
    arguments = parser.parse_args()
    text = table()
    print(text)
    if arguments.write:
        write_between(PAGE, "coverage", text)


if __name__ == "__main__":
    main()
