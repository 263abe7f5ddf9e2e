"""Measures how often the paired interval of the network's lead over a baseline holds the true lead.

    python benchmarks/lead_coverage.py

A source holds a log-normal number of images of one class. What makes an image hard is shared by its source
and by both models, each in its part; a model is right where its own normal score lies below the threshold
that gives its accuracy, so that the true lead is known.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.paired_tests import compare_models

SEED, REPEATS, DRAWS = 17, 600, 300
WITHIN, BETWEEN = 0.4, 0.5  # of the variance: common to a source, and of the rest common to both models
ACCURACIES = ((0.84, 0.78), (0.7, 0.7), (0.95, 0.9))
SOURCES, COPIES = (25, 50, 200), (1, 8)


def draw(
    sources: int, copies: int, accuracies: tuple[float, float], rng: np.random.Generator
) -> tuple[Ints, list[Floats], Ints]:
    """Labels, probabilities of the baseline and of the network, and sources of a fold of two classes."""
    spread = 0.5 if copies > 1 else 0.0
    drawn = rng.lognormal(np.log(copies) - spread**2 / 2, spread, sources)
    sizes = np.maximum(1, drawn.round()).astype(int)
    source = np.repeat(np.arange(sources), sizes)
    labels = source % 2
    n = len(source)
    shared = np.sqrt(BETWEEN) * _clustered(source, n, rng)
    probs = []
    for accuracy in reversed(accuracies):
        score = shared + np.sqrt(1 - BETWEEN) * _clustered(source, n, rng)
        predicted = np.where(score < special.ndtri(accuracy), labels, 1 - labels)
        probs.append(np.eye(2)[predicted] * 0.8 + 0.1)
    return labels, probs, source


def _clustered(source: Ints, n: int, rng: np.random.Generator) -> Floats:
    common = rng.standard_normal(source.max() + 1)[source]
    return np.sqrt(WITHIN) * common + np.sqrt(1 - WITHIN) * rng.standard_normal(n)


def main() -> None:
    rng = np.random.default_rng(SEED)
    print(
        "| sources | images a source | network, baseline | intervals that hold the lead |\n|---|---|---|---|"
    )
    for sources in SOURCES:
        for copies in COPIES:
            for accuracies in ACCURACIES:
                held = [_holds(sources, copies, accuracies, rng) for _ in range(REPEATS)]
                ours, theirs = accuracies
                print(
                    f"| {sources} | {copies} | {ours:.0%}, {theirs:.0%} | {np.mean(held):.1%} |", flush=True
                )


def _holds(sources: int, copies: int, accuracies: tuple[float, float], rng: np.random.Generator) -> bool:
    labels, probs, source = draw(sources, copies, accuracies, rng)
    (pair,) = compare_models(labels, probs, source, ("a", "b"), seed=0, draws=DRAWS)
    lead = pair.accuracy
    assert lead.low is not None
    assert lead.high is not None
    return lead.low <= accuracies[0] - accuracies[1] <= lead.high


if __name__ == "__main__":
    main()
