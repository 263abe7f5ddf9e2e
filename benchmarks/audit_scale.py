"""Times the search for copies among growing numbers of pictures with some planted copies.

    python benchmarks/audit_scale.py 2000 8000 60000
    python benchmarks/audit_scale.py 3000 10000 60000 --table CIFAR10/all.csv --sheet joined.png

The pictures are those of a table with a column `path`, drawn at random, the smaller numbers among the
larger; or made: 128 px scenes of smooth shading, a few dozen ellipses and lines, and sensor noise. One in a
hundred has a copy, rotated, sheared, recoloured or turned by quarters. Printed for each number: seconds to
describe and to search, processor time a picture and how the whole of it grew, peak memory of this process,
the share of planted pairs found, and how many others were joined, of which a sheet shows a hundred pairs.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import resource
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from families import FAMILIES
from groupwise.audit.copies.clusters import cluster_ids, drop_bridges
from groupwise.audit.copies.detect import detect
from groupwise.audit.copies.verify import Photograph, reduce_photograph
from groupwise.audit.copies.workers import one_thread_a_worker
from groupwise.data.archive import read_file
from groupwise.data.decode import decode
from groupwise.stats.arrays import Pixels

SIZE_PX = 128
PLANTED_FAMILIES = ("rotate", "shear", "recolour", "dihedral")


def scene(seed: int, number: int) -> Pixels:
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


def read_table(table: Path, seed: int) -> Callable[[int], Pixels]:
    """The pictures of a table in an order drawn by `seed`, by number."""
    with table.open(newline="") as lines:
        paths = [table.parent / row["path"] for row in csv.DictReader(lines)]
    order = np.random.default_rng(seed).permutation(len(paths))
    return lambda number: decode(read_file(paths[order[number]]), place=paths[order[number]]).rgb


def picture(original: Callable[[int], Pixels], number: int, originals: int, seed: int) -> Photograph:
    """Picture `number`; those from `originals` on are copies of the first ones."""
    if number < originals:
        return reduce_photograph(original(number))
    copy = number - originals
    family = FAMILIES[PLANTED_FAMILIES[copy % len(PLANTED_FAMILIES)]]
    return reduce_photograph(family(original(copy), np.random.default_rng((seed, number))))


def draw_sheet(file: Path, photographs: Sequence[Photograph], pairs: Sequence[tuple[int, int]]) -> None:
    """Of the pairs a hundred at equal steps, ten a row, the two of a pair side by side."""
    chosen = [pairs[k] for k in np.unique(np.linspace(0, len(pairs) - 1, 100).astype(int))]
    tiles = [np.hstack([cv2.resize(photographs[k].grey, (96, 96)) for k in pair]) for pair in chosen]
    framed = [np.pad(tile, 4, constant_values=255) for tile in tiles]
    blank = np.full_like(framed[0], 255)
    rows = [framed[start : start + 10] for start in range(0, len(framed), 10)]
    sheet = np.vstack([np.hstack([*row, *[blank] * (10 - len(row))]) for row in rows])
    cv2.imwrite(str(file), sheet)


def measure(
    n: int, original: Callable[[int], Pixels], options: argparse.Namespace, before: tuple[int, float] | None
) -> tuple[int, float]:
    """One row of the table; the number and the processor time of its search."""
    originals = n - n // 100
    start = time.perf_counter()
    with one_thread_a_worker(), ThreadPoolExecutor(options.workers) as pool:
        photographs = list(pool.map(lambda i: picture(original, i, originals, options.seed), range(n)))
    described, start = time.perf_counter() - start, time.perf_counter()
    cpu = time.process_time()
    found = detect(photographs, seed=options.seed, workers=options.workers)
    searched, cpu = time.perf_counter() - start, time.process_time() - cpu
    trusted, _ = drop_bridges(n, [(p.first, p.second) for p in found.copies], [p.score for p in found.copies])
    clusters = cluster_ids(n, trusted)
    recall = np.mean(clusters[originals:] == clusters[: n - originals])
    joined = originals - len(set(clusters[:originals].tolist()))
    others = [pair for pair in trusted if len({one % originals for one in pair}) > 1]
    if options.sheet and others:
        draw_sheet(options.sheet, photographs, others)
    grew = f"n^{math.log(cpu / before[1]) / math.log(n / before[0]):.2f}" if before else ""
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"| {n:,} | {described:.0f} | {searched:.0f} | {1000 * cpu / n:.1f} | {grew} | {memory:.1f} GB"
        f" | {recall:.3f} of {n - originals} | {joined} |",
        flush=True,
    )
    return n, cpu


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("numbers", type=int, nargs="+")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    print(
        "| pictures | s to make and describe | s to search | ms of CPU a picture, search | grew as",
        end="",
    )
    print(" | peak memory | planted pairs found | others joined |\n|---|---|---|---|---|---|---|---|")
    original = read_table(options.table, options.seed) if options.table else partial(scene, options.seed)
    before = None
    for n in sorted(options.numbers):
        before = measure(n, original, options, before)


if __name__ == "__main__":
    main()
