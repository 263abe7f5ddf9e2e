"""Measures how often drift is told where there is none, and where there is, on simulated collections.

    python benchmarks/drift.py [--seeds 200]        three minutes on one core

Images lie around their class, sources have a place of their own there, and images of a source scatter little.
Collections without a shift differ by luck alone, by another mix of classes, or by another number of images a
source; where sources hold one class or several. Printed is the share of seeds in which each test tells, in
which that of pixels or that of features does, and in which any does.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.drift import Collections, drift_tests, normal_scores

WIDTH = 8
CENTRES = 2 * np.random.default_rng(99).normal(size=(3, WIDTH))
EQUAL, OTHER = (0.5, 0.3, 0.2), (0.2, 0.3, 0.5)
# Sources, images a source, mix of classes, shift; of the run's images and of the new ones.
WORLDS = {
    "no shift": ((40, 4, EQUAL, 0.0), (25, 4, EQUAL, 0.0)),
    "another mix of classes": ((60, 4, EQUAL, 0.0), (40, 4, OTHER, 0.0)),
    "more images a source": ((50, 1, EQUAL, 0.0), (15, 12, EQUAL, 0.0)),
    "few sources": ((8, 3, EQUAL, 0.0), (6, 3, EQUAL, 0.0)),
    "a shift of 1.5 sd": ((40, 4, EQUAL, 0.0), (25, 4, EQUAL, 1.5)),
}


def draw(
    rng: np.random.Generator,
    world: tuple[int, int, Sequence[float], float],
    several: bool,
) -> tuple[Floats, Ints, Ints]:
    """Values (N, D), class numbers and sources (N,)."""
    sources, images, mix, shift = world
    numbers = np.repeat(np.arange(sources), 1 + rng.poisson(images - 1, sources))
    labels = rng.choice(3, len(numbers) if several else sources, p=mix)
    labels = labels if several else labels[numbers]
    values = CENTRES[labels] + rng.normal(size=(sources, WIDTH))[numbers]
    values = values + rng.normal(size=values.shape)
    values[:, 0] += shift
    return values, labels, numbers


def measure(name: str, several: bool, seeds: int) -> None:
    told: list[dict[str, bool]] = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        first, second = (draw(rng, world, several) for world in WORLDS[name])
        values = np.concatenate([first[0], second[0]])
        held = Collections(
            np.concatenate([first[1], second[1]]),
            np.concatenate([first[2], second[2] + 10**6]),
            np.repeat([False, True], [len(first[1]), len(second[1])]),
        )
        tests = drift_tests({"pixels": normal_scores(values), "features": values}, held, seed=seed)
        told.append({side: test.told for side, test in tests.items()})
    rates = ", ".join(f"{side} {np.mean([one[side] for one in told]):.1%}" for side in told[0])
    images = np.mean([one["pixels"] or one["features"] for one in told])
    either = np.mean([any(one.values()) for one in told])
    kind = "sources of several classes" if several else "sources of one class"
    print(f"{name}, {kind}: {rates}; pixels or features {images:.1%}, any {either:.1%}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=200)
    arguments = parser.parse_args()
    for world in WORLDS:
        for several in (False, True):
            measure(world, several, arguments.seeds)
