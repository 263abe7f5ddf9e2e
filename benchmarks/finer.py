"""How far copies, and pairs that are named, agree in pictures of twice the working size.

    python benchmarks/finer.py ../shared/data/clothing.csv --source sender --half report
    python benchmarks/finer.py --pair glass240.jpg glass300.jpg

Copies are composed of four to six operations by `compositions.py` and compared with their originals alone.
Of those whose score passes it says how little the least agree, and how many `copies/finer.py` would part.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from composed import HALVES, half_of
from compositions import Pixels, compose, operations
from groupwise.audit.copies.finer import finer_agreement, keep_agreeing
from groupwise.audit.copies.threshold import LINE
from groupwise.audit.copies.verify import Candidate, Pair, reduce_photograph, verify_features
from groupwise.data.decode import decode

DEEP = (4, 5, 6)
SHOWN = 5  # of the least


def main() -> None:
    """Pairs by name, then composed copies."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", type=Path, nargs="?")
    parser.add_argument("--root", type=Path, help="folder of the pictures, if not the table's own")
    parser.add_argument("--source", default="source", help="column of what belongs together")
    parser.add_argument("--half", choices=HALVES, default="tune")
    parser.add_argument("--planted", type=int, default=50)
    parser.add_argument("--seed", type=int, default=31)
    parser.add_argument("--pair", type=Path, nargs=2, action="append", default=[], metavar="FILE")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    for files in options.pair:
        seen = look([_read(file) for file in files])
        told = "not aligned" if seen is None else f"score {seen[0].score:.3f}, finer {_told(seen[1])}"
        print(" ".join(file.name for file in files), told, flush=True)
    if options.table is None:
        return
    rng, known = np.random.default_rng(options.seed), operations()
    files = half_of(options.table, options.source, options.half, options.root)
    passed: list[tuple[float | None, bool]] = []
    chosen = rng.permutation(len(files))[: options.planted].tolist()
    for k, number in enumerate(chosen):
        original = _read(files[number])
        seen = look([original, compose(original, DEEP[k % len(DEEP)], rng, known)[0]])
        if seen is not None and seen[0].score >= LINE[1]:
            passed.append(seen[1:])
    finer = sorted(agreement for agreement, _ in passed if agreement is not None)
    least = ", ".join(map(_told, finer[:SHOWN]))
    parted = sum(not kept for _, kept in passed)
    told = f"{len(chosen)} copies, {len(passed)} pass, {len(finer)} have finer files"
    print(f"{told}; {parted} parted; the least agree in {least}")


def look(pictures: Sequence[Pixels]) -> tuple[Pair, float | None, bool] | None:
    """The pair of two pictures in the better reading, its finer agreement, and whether it is kept."""
    photographs = [reduce_photograph(picture) for picture in pictures]
    ways = [verify_features(photographs, Candidate(0, 1, mirrored)) for mirrored in (False, True)]
    best = max((way for way in ways if way is not None), key=lambda pair: pair.score, default=None)
    if best is None:
        return None
    kept = bool(keep_agreeing([best], photographs, pictures.__getitem__, 1))
    return best, finer_agreement(best, photographs, pictures.__getitem__), kept


def _read(file: Path) -> Pixels:
    return decode(file.read_bytes(), place=file).rgb


def _told(agreement: float | None) -> str:
    return "no finer file" if agreement is None else f"{agreement:.3f}"


if __name__ == "__main__":
    main()
