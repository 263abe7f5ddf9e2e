"""Recall of composed copies by depth, and precision of pairs, on one half of the sources of a labelled set.

    python benchmarks/composed.py ../shared/data/clothing.csv --source sender --half report

The half "tune" is for choosing lines, "report" for what is published; no source is in both. Missed copies are
listed with their operations, joined pairs of different photographs with their evidence. Precision counts
pairs of different photographs that were joined as false: a lower bound where the set itself holds copies.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from compositions import DEEPEST, compose, operations
from groupwise.audit.copies.clusters import cluster_ids, drop_bridges
from groupwise.audit.copies.compositions import compose as compose_as_audit
from groupwise.audit.copies.detect import detect
from groupwise.audit.copies.verify import reduce_photograph
from groupwise.data.decode import decode
from groupwise.stats.wilson import wilson_of_count

HALVES = ("tune", "report")
_DIVISION = 99  # the seed that divides the sources, the same for every run


def half_of(table: Path, source: str, half: str, root: Path | None = None) -> list[Path]:
    """The files of one half of the sources of a CSV, whose paths are relative to it or to `root`.

    A file whose source is not told is a source of its own.
    """
    with table.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    names = sorted({row[source] or row["path"] for row in rows})
    order = np.random.default_rng(_DIVISION).permutation(len(names))
    own = {names[k] for k in np.array_split(order, 2)[HALVES.index(half)]}
    return [(root or table.parent) / row["path"] for row in rows if (row[source] or row["path"]) in own]


def main() -> None:
    """Plant, search, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", type=Path)
    parser.add_argument("--root", type=Path, help="folder of the pictures, if not the table's own")
    parser.add_argument("--source", default="source", help="column of what belongs together")
    parser.add_argument("--half", choices=HALVES, default="tune")
    parser.add_argument("--originals", type=int, default=500)
    parser.add_argument("--planted", type=int, default=300)
    parser.add_argument("--lowest-scale", type=float, default=0.3)
    parser.add_argument(
        "--stated", type=int, default=0, help="copies planted beside, as the audit makes them"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng(options.seed)
    files = half_of(options.table, options.source, options.half, options.root)
    chosen = [files[k] for k in rng.permutation(len(files))[: options.originals].tolist()]
    originals = [decode(file.read_bytes(), place=file).rgb for file in chosen]
    known = operations(options.lowest_scale)
    sources = [k % len(originals) for k in range(options.planted)]
    depths = [1 + k % DEEPEST for k in range(options.planted)]
    made = [compose(originals[i], d, rng, known) for i, d in zip(sources, depths, strict=True)]
    own = rng.permutation(len(originals))[: options.stated].tolist()
    stated = [compose_as_audit(originals[i], 1 + k % DEEPEST, rng) for k, i in enumerate(own)]
    images = (*originals, *(image for image, _ in made), *stated)
    photographs = [reduce_photograph(image) for image in images]
    detection = detect(photographs, seed=0, workers=1)
    found = detection.copies
    edges = [(pair.first, pair.second) for pair in found]
    trusted, _ = drop_bridges(len(photographs), edges, [pair.score for pair in found])
    clusters = cluster_ids(len(photographs), trusted)
    truth = [*range(len(originals)), *sources, *own]
    same = [bool(clusters[i] == clusters[len(originals) + k]) for k, i in enumerate([*sources, *own])]
    hits, of_own = same[: len(made)], same[len(made) :]
    sides = np.median([image.shape[:2] for image in originals], axis=0)
    size = f"{sides[1]:.0f} x {sides[0]:.0f}"
    print(f"{len(originals)} originals, median {size} px, line {detection.threshold.score:.3f}")
    _tell_recall(hits, depths, of_own)
    right = _pairs(np.unique(np.column_stack([clusters, truth]), axis=0, return_counts=True)[1])
    print(f"precision of pairs: {_share(right, _pairs(np.bincount(clusters)))}")
    for hit, (_, names), file in zip(hits, made, [chosen[i] for i in sources], strict=True):
        if not hit:
            print(f"missed: {file.name}: {', '.join(names)}")
    for pair in found:
        a, b = (truth[number] for number in (pair.first, pair.second))
        if a != b:
            print(f"joined: {chosen[a]} {chosen[b]}: score {pair.score:.3f}, {pair.evidence}")


def _tell_recall(hits: list[bool], depths: list[int], stated: list[bool]) -> None:
    """By the number of operations, over all, and how far what an audit states is above it."""
    for depth in range(1, DEEPEST + 1):
        part = [hit for hit, d in zip(hits, depths, strict=True) if d == depth]
        print(f"depth {depth}: {_share(sum(part), len(part))}")
    print(f"all: {_share(sum(hits), len(hits))}")
    if stated:
        print(f"as the audit states it: {_share(sum(stated), len(stated))}")
        print(f"stated minus true: {_difference((sum(stated), len(stated)), (sum(hits), len(hits)))}")


def _difference(first: tuple[int, int], second: tuple[int, int]) -> str:
    """Of two independent shares, with the interval that Newcombe (1998) makes of Wilson's."""
    (a, low_a, high_a), (b, low_b, high_b) = ((k / n, *wilson_of_count(k, n)) for k, n in (first, second))
    low = a - b - np.hypot(a - low_a, high_b - b)
    high = a - b + np.hypot(high_a - a, b - low_b)
    return f"{100 * (a - b):+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})"


def _pairs(sizes: npt.NDArray[np.int64]) -> int:
    return int((sizes * (sizes - 1) // 2).sum())


def _share(successes: int, n: int) -> str:
    low, high = wilson_of_count(successes, n)
    return f"{successes / n if n else 1:.3f} ({low:.3f} to {high:.3f}, n {n})"


if __name__ == "__main__":
    main()
