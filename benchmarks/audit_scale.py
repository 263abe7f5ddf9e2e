"""Times the search for copies among growing numbers of unrelated pictures with some planted copies.

    python benchmarks/audit_scale.py 2000 8000 60000

The pictures are made: 128 px scenes of smooth shading, a few dozen ellipses and lines, and sensor noise. One
in a hundred has a copy, rotated, sheared or recoloured. Printed for each number: seconds to describe and to
search, milliseconds a picture, peak memory, the share of planted pairs found, and unrelated pictures joined.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import numpy.typing as npt

from families import FAMILIES
from groupwise.audit.copies.clusters import cluster_ids, drop_bridges
from groupwise.audit.copies.detect import detect
from groupwise.audit.copies.verify import Photograph, reduce_photograph
from groupwise.audit.copies.workers import one_thread_a_worker

SIZE_PX = 128
PLANTED_FAMILIES = ("rotate", "shear", "recolour", "dihedral")


def scene(seed: int, number: int) -> npt.NDArray[np.uint8]:
    """One picture, uint8 (128, 128, 3), a function of (seed, number)."""
    rng = np.random.default_rng((seed, number))
    coarse = rng.integers(60, 200, (4, 4, 3)).astype(np.float32)
    canvas = (
        cv2.resize(coarse, (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)
    )
    for _ in range(int(rng.integers(25, 45))):
        colour = rng.integers(0, 256, 3).tolist()
        centre = rng.integers(0, SIZE_PX, 2).tolist()
        if rng.random() < 0.5:
            axes = rng.integers(3, 22, 2).tolist()
            cv2.ellipse(canvas, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA)
        else:
            end = rng.integers(0, SIZE_PX, 2).tolist()
            cv2.line(canvas, centre, end, colour, int(rng.integers(1, 4)), cv2.LINE_AA)
    noisy = canvas + rng.normal(0, 3, canvas.shape)
    return noisy.clip(0, 255).astype(np.uint8)


def picture(seed: int, number: int, originals: int) -> Photograph:
    """Picture `number`; those from `originals` on are copies of the first ones."""
    if number < originals:
        return reduce_photograph(scene(seed, number))
    copy = number - originals
    family = FAMILIES[PLANTED_FAMILIES[copy % len(PLANTED_FAMILIES)]]
    return reduce_photograph(family(scene(seed, copy), np.random.default_rng((seed, number))))


def measure(n: int, seed: int, workers: int) -> str:
    """One row of the table."""
    originals = n - n // 100
    start = time.perf_counter()
    with one_thread_a_worker(), ThreadPoolExecutor(workers) as pool:
        photographs = list(pool.map(lambda i: picture(seed, i, originals), range(n)))
    described, start = time.perf_counter() - start, time.perf_counter()
    cpu = time.process_time()
    found = detect(photographs, seed=seed, workers=workers)
    searched, cpu = time.perf_counter() - start, time.process_time() - cpu
    trusted, _ = drop_bridges(n, [(p.first, p.second) for p in found.copies], [p.score for p in found.copies])
    clusters = cluster_ids(n, trusted)
    recall = np.mean(clusters[originals:] == clusters[: n - originals])
    unrelated = originals - len(set(clusters[:originals].tolist()))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return (
        f"| {n:,} | {described:.0f} | {searched:.0f} | {1000 * cpu / n:.1f} | {memory:.1f} GB"
        f" | {recall:.3f} of {n - originals} | {unrelated} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("numbers", type=int, nargs="+")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    print(
        "| pictures | s to make and describe | s to search | ms of CPU a picture, search | peak memory",
        end="",
    )
    print(" | planted pairs found | unrelated joined |\n|---|---|---|---|---|---|---|")
    for n in sorted(options.numbers):
        print(measure(n, options.seed, options.workers), flush=True)


if __name__ == "__main__":
    main()
