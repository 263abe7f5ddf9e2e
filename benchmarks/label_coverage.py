"""Measures how often the intervals of mean average precision, and of its difference, hold the truth.

    python benchmarks/label_coverage.py [--repeats 300]

A source holds a log-normal number of images. Which labels its images have, and how hard they are, is partly
its own; a second model answers the same images, in part by the same mistakes, and is a little better. The
truth is what both have on 100,000 sources. A label that stands in one source alone leaves the mean without an
interval; how often that happens stands beside.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy import special

from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.label_compare import compare_label_folds
from groupwise.stats.label_metrics import LabelFold, check_label_fold, mean_average_precision
from groupwise.stats.label_rule import Members

SEED, DRAWS, MANY = 23, 200, 100_000
WITHIN, SHARED = 0.3, 0.6  # of the variance: common to a source, and of the rest common to both models
APART = (1.6, 1.9)  # standard deviations between images with and without a label, of the two models
PREVALENCES = {"even": (0.3, 0.3, 0.3, 0.3), "rare": (0.4, 0.2, 0.1, 0.05)}
SOURCES, IMAGES = (25, 50, 200), (1, 8)


def draw(
    sources: int, images: int, prevalences: tuple[float, ...], rng: np.random.Generator
) -> tuple[Members, list[Floats], Ints]:
    """Labels (N, K), the probabilities of both models, (N, K) each, and sources (N,)."""
    spread = 0.5 if images > 1 else 0.0
    drawn = rng.lognormal(np.log(images) - spread**2 / 2, spread, sources)
    source = np.repeat(np.arange(sources), np.maximum(1, drawn.round()).astype(int))
    k = len(prevalences)
    members = _clustered(source, k, rng) < special.ndtri(np.array(prevalences))
    shared = np.sqrt(SHARED) * _clustered(source, k, rng)
    probs = []
    for apart in APART:
        noise = shared + np.sqrt(1 - SHARED) * _clustered(source, k, rng)
        probs.append(special.expit(apart * members + noise))
    return members, probs, source


def _clustered(source: Ints, k: int, rng: np.random.Generator) -> Floats:
    common = rng.standard_normal((source.max() + 1, k))[source]
    return np.sqrt(WITHIN) * common + np.sqrt(1 - WITHIN) * rng.standard_normal((len(source), k))


def folds_of(
    sources: int, images: int, prevalences: tuple[float, ...], rng: np.random.Generator
) -> list[LabelFold]:
    """The same images as both models answer them."""
    members, probs, source = draw(sources, images, prevalences, rng)
    return [check_label_fold(members, one, source) for one in probs]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--repeats", type=int, default=300)
    repeats = parser.parse_args().repeats
    rng, names = np.random.default_rng(SEED), [f"label {k}" for k in range(4)]
    print(
        "| sources | images a source | labels | true mAP, lead | interval holds mAP | holds the lead | mean"
        " width, lead's | without |\n|---|---|---|---|---|---|---|---|"
    )
    for kind, prevalences in PREVALENCES.items():
        for images in IMAGES:
            truth = [mean_average_precision(fold) for fold in folds_of(MANY, images, prevalences, rng)]
            lead = truth[1] - truth[0]
            for sources in SOURCES:
                held, widths, without = [], [], 0
                for seed in range(repeats):
                    pair = folds_of(sources, images, prevalences, rng)
                    figure, found = compare_label_folds(*pair, names, seed=seed, draws=DRAWS)
                    if figure.low is None or figure.high is None or found.low is None or found.high is None:
                        without += 1
                        continue
                    held.append((figure.low <= truth[0] <= figure.high, found.low <= lead <= found.high))
                    widths.append((figure.high - figure.low, found.high - found.low))
                (one, two), (wide, narrow) = np.mean(held, axis=0), 100 * np.mean(widths, axis=0)
                print(
                    f"| {sources} | {images} | {kind} | {100 * truth[0]:.1f}, {100 * lead:+.1f} | {one:.1%} |"
                    f" {two:.1%} | {wide:.0f}, {narrow:.0f} | {without / repeats:.0%} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
