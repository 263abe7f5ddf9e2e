"""Turns photographs with planted copies into a table: recall and precision, beside other tools.

Run: python benchmarks/audit.py ../shared/data/sign-digits --out docs/audit-table.md
Tiny images: python benchmarks/audit.py ../shared/data/sign-digits --tiny
A pair is a planted copy and its source; it is found if both end in one cluster. Precision counts every pair
in one cluster, over all families at once, on photographs of which no two are copies.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

# One thread each, so that images a second are per core.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from sklearn.datasets import load_digits

from audit_peers import find_groupwise
from families import FAMILIES
from groupwise.audit.copies.clusters import cluster_ids
from groupwise.audit.copies.features import working_grey
from groupwise.audit.copies.hashes import dihedral_hashes, near_hashes
from groupwise.data.decode import decode
from groupwise.stats.arrays import Pixels
from groupwise.stats.wilson import wilson_of_count

Clusters = npt.NDArray[np.int64]


class Planted:
    """Originals, then copies; `source` is the number of each one's original, `family` "" for originals."""

    def __init__(self, originals: list[Pixels], per_family: int, seed: int) -> None:
        self.images, self.source = list(originals), list(range(len(originals)))
        self.family = [""] * len(originals)
        rng = np.random.default_rng(seed)
        for name, transform in FAMILIES.items():
            for i in rng.permutation(len(originals))[:per_family].tolist():
                self.images.append(transform(originals[i], rng))
                self.source.append(i)
                self.family.append(name)

    def recall(self, clusters: Clusters, family: str) -> tuple[int, int]:
        """Copies of `family` in the cluster of their source, and their number."""
        copies = [k for k, name in enumerate(self.family) if name == family]
        return sum(int(clusters[k] == clusters[self.source[k]]) for k in copies), len(copies)

    def precision(self, clusters: Clusters) -> tuple[int, int]:
        """True pairs among all pairs that share a cluster, and the number of those."""
        true = _pairs_within(list(zip(clusters.tolist(), self.source, strict=True)))
        return true, _pairs_within(clusters.tolist())


def _pairs_within(keys: Sequence[object]) -> int:
    _, counts = np.unique([str(key) for key in keys], return_counts=True)
    return int((counts * (counts - 1) // 2).sum())


def find_hash_pass(images: Sequence[Pixels]) -> Clusters:
    """Clusters of the hashes alone, unverified."""
    hashes = np.stack([dihedral_hashes(working_grey(image)) for image in images])
    return cluster_ids(len(images), [(i, j) for i, j, _ in near_hashes(hashes)])


def find_imagehash(distance: int) -> Callable[[Sequence[Pixels]], Clusters]:
    """Clusters of imagehash's pHash within a Hamming distance, all pairs compared."""
    import imagehash

    def find(images: Sequence[Pixels]) -> Clusters:
        bits = np.stack([imagehash.phash(Image.fromarray(image)).hash.ravel() for image in images])
        signs = np.where(bits, 1, -1).astype(np.float32)
        near = (64 - signs @ signs.T) / 2 <= distance
        return cluster_ids(len(images), np.argwhere(np.triu(near, 1)).tolist())

    return find


def find_cleanvision(python: Path) -> Callable[[Sequence[Pixels]], Clusters]:
    """Clusters of cleanvision's exact and near duplicates, run by another interpreter that has it."""
    script = (
        "import sys, json; from cleanvision import Imagelab; lab = Imagelab(data_path=sys.argv[1]);"
        "lab.find_issues({'exact_duplicates': {}, 'near_duplicates': {}});"
        "names = ('exact_duplicates', 'near_duplicates');"
        "print('SETS' + json.dumps([one for name in names for one in lab.info[name]['sets']]))"
    )

    def find(images: Sequence[Pixels]) -> Clusters:
        with tempfile.TemporaryDirectory() as folder:
            for k, image in enumerate(images):
                cv2.imwrite(f"{folder}/{k}.png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
            answer = subprocess.run(
                [python, "-c", script, folder], capture_output=True, text=True, check=True
            )
        line = next(line for line in answer.stdout.splitlines() if line.startswith("SETS"))
        sets = [[int(Path(path).stem) for path in one] for one in json.loads(line[4:])]
        return cluster_ids(len(images), [(one[0], other) for one in sets for other in one[1:]])

    return find


def load(folder: Path, limit: int, seed: int) -> list[Pixels]:
    """At most `limit` photographs below `folder`, drawn by `seed`."""
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in (".jpg", ".jpeg", ".png"))
    drawn = np.random.default_rng(seed).permutation(len(files))[:limit]
    return [decode(files[k].read_bytes(), place=files[k]).rgb for k in sorted(drawn.tolist())]


def table(planted: Planted, tools: dict[str, Callable[[Sequence[Pixels]], Clusters]]) -> str:
    """Markdown: a row a family, a column a tool; then precision, largest cluster, images a CPU second."""
    columns: dict[str, list[str]] = {}
    for name, find in tools.items():
        start = time.process_time()
        clusters = find(planted.images)
        seconds = time.process_time() - start
        cells = [_share(*planted.recall(clusters, family)) for family in FAMILIES]
        speed = f"{len(planted.images) / seconds:.0f}" if "cleanvision" not in name else "not measured"
        columns[name] = [
            *cells,
            _share(*planted.precision(clusters)),
            str(np.bincount(clusters).max()),
            speed,
        ]
    heads = [*FAMILIES, "precision of pairs", "largest cluster", "images/s of one core"]
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    lines += [f"| {' | '.join(row)} |" for row in zip(heads, *columns.values(), strict=True)]
    return "\n".join(lines)


def tiny_table(folder: Path, originals: int, per_family: int, seed: int) -> str:
    """Markdown: a row a family, a column a size; each set is also searched before anything is planted."""
    sets = {"8 px, scikit-learn's digits": _digits()}
    photographs = load(folder, originals, seed)
    for side in (16, 24, 32):
        reduced = [cv2.resize(one, (side, side), interpolation=cv2.INTER_AREA) for one in photographs]
        sets[f"{side} px, hands"] = [np.asarray(one, dtype=np.uint8) for one in reduced]
    columns = []
    for images in sets.values():
        unplanted = _pairs_within(find_groupwise(images).tolist())
        planted = Planted(images, per_family, seed)
        start = time.process_time()
        clusters = find_groupwise(planted.images)
        seconds = time.process_time() - start
        cells = [_share(*planted.recall(clusters, family)) for family in FAMILIES]
        rate = f"{len(planted.images) / seconds:.0f}"
        columns.append([*cells, _share(*planted.precision(clusters)), f"{unplanted} of {len(images)}", rate])
    heads = [*FAMILIES, "precision of pairs", "pairs joined before planting", "images/s of one core"]
    lines = ["| | " + " | ".join(sets) + " |", "|---" * (len(sets) + 1) + "|"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in zip(heads, *columns, strict=True)])


def _digits() -> list[Pixels]:
    grey = np.rint(load_digits().images * (255 / 16)).astype(np.uint8)
    return [np.repeat(one[:, :, None], 3, axis=2) for one in grey]


def _share(successes: int, n: int) -> str:
    low, high = wilson_of_count(successes, n)
    return f"{successes / n if n else 1:.4f} ({low:.3f} to {high:.3f}, n {n})"


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--originals", type=int, default=2000)
    parser.add_argument("--per-family", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cleanvision", type=Path, help="a Python that has cleanvision")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--tiny", action="store_true", help="the table of images of 8 to 32 pixels instead")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.tiny:
        print(tiny_table(options.folder, options.originals, options.per_family, options.seed))
        return
    planted = Planted(load(options.folder, options.originals, options.seed), options.per_family, options.seed)
    tools = {"groupwise": find_groupwise, "groupwise, hashes alone": find_hash_pass}
    tools |= {f"imagehash pHash <= {distance}": find_imagehash(distance) for distance in (4, 16)}
    if options.cleanvision:
        tools["cleanvision"] = find_cleanvision(options.cleanvision)
    text = table(planted, tools)
    print(f"{len(planted.images)} images, {options.originals} originals\n\n{text}")
    if options.out:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
