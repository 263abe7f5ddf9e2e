"""The audit beside imagehash, cleanvision and DataEval, on one set of composed copies.

    pip install --target peers --no-deps imagehash pywavelets cleanvision pandas tabulate fsspec tqdm
    pip install --target peers --no-deps dataeval==1.1.4 maite polars polars-runtime-32 numba llvmlite xxhash
    pip install --target peers --no-deps pydantic pydantic-core psutil
    python benchmarks/audit_peers.py ../shared/data/clothing.csv --source sender --peers peers

Copies are those of `compositions.py`, 1 to 6 operations deep, of the half of the sources that is for reports.
A copy is found if it ends in the cluster of its original; precision counts every pair in one cluster. Peers
promise exact and near duplicates, none of them copies as deep as these.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from composed import half_of
from compositions import DEEPEST, compose, operations
from groupwise.audit.copies.clusters import cluster_ids, drop_bridges
from groupwise.audit.copies.detect import detect
from groupwise.audit.copies.verify import reduce_photograph
from groupwise.data.decode import decode
from groupwise.stats.arrays import Pixels
from groupwise.stats.wilson import wilson_of_count

Clusters = npt.NDArray[np.int64]
Tool = Callable[[Sequence[Pixels]], Clusters]


def find_groupwise(images: Sequence[Pixels]) -> Clusters:
    """Clusters of the whole detector, as the audit makes them."""
    found = detect([reduce_photograph(image) for image in images], seed=0, workers=1).copies
    edges = [(pair.first, pair.second) for pair in found]
    return cluster_ids(len(images), drop_bridges(len(images), edges, [pair.score for pair in found])[0])


def find_imagehash(images: Sequence[Pixels]) -> Clusters:
    """imagehash's pHash of 64 bits, at most 4 of them different."""
    import imagehash
    from PIL import Image

    bits = np.stack([imagehash.phash(Image.fromarray(image)).hash.ravel() for image in images])
    signs = np.where(bits, 1, -1).astype(np.float32)
    return cluster_ids(len(images), np.argwhere(np.triu((64 - signs @ signs.T) / 2 <= 4, 1)).tolist())


def find_cleanvision(images: Sequence[Pixels]) -> Clusters:
    """cleanvision's exact and near duplicates."""
    from cleanvision import Imagelab

    with tempfile.TemporaryDirectory() as folder:
        for k, image in enumerate(images):
            cv2.imwrite(f"{folder}/{k}.png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        lab = Imagelab(data_path=folder, verbose=False)
        lab.find_issues({"exact_duplicates": {}, "near_duplicates": {}}, n_jobs=1, verbose=False)
        sets = [lab.info[name]["sets"] for name in ("exact_duplicates", "near_duplicates")]
    return _clusters(len(images), ([int(Path(path).stem) for path in one] for part in sets for one in part))


def find_dataeval(images: Sequence[Pixels]) -> Clusters:
    """DataEval's hashes of the eight orientations."""
    from dataeval.flags import ImageStats
    from dataeval.quality import Duplicates

    return _dataeval(Duplicates(flags=ImageStats.HASH_DUPLICATES_D4), images)


def _dataeval(duplicates: object, images: Sequence[Pixels]) -> Clusters:
    found = duplicates.evaluate([np.moveaxis(image, 2, 0) for image in images])  # type: ignore[attr-defined]
    return _clusters(len(images), (row["item_indices"] for row in found.data().to_dicts()))


def _clusters(n: int, sets: Iterable[Sequence[int]]) -> Clusters:
    return cluster_ids(n, [(int(one[0]), int(other)) for one in sets for other in one[1:]])


TOOLS: dict[str, Tool] = {
    "groupwise": find_groupwise,
    "imagehash pHash <= 4": find_imagehash,
    "cleanvision": find_cleanvision,
    "DataEval D4 hashes": find_dataeval,
}


def main() -> None:
    """Plant, let every tool search, and print a row a tool."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("--source", default="source", help="column of what belongs together")
    parser.add_argument("--originals", type=int, default=300)
    parser.add_argument("--planted", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peers", type=Path, help="folder into which the peers were installed")
    options = parser.parse_args()
    if options.peers:
        sys.path.append(str(options.peers))
    cv2.setNumThreads(1)
    rng = np.random.default_rng(options.seed)
    files = half_of(options.table, options.source, "report")
    chosen = [files[k] for k in rng.permutation(len(files))[: options.originals].tolist()]
    originals = [decode(file.read_bytes(), place=file).rgb for file in chosen]
    known = operations()
    sources = [k % len(originals) for k in range(options.planted)]
    depths = np.array([1 + k % DEEPEST for k in range(options.planted)])
    made = [compose(originals[i], int(d), rng, known)[0] for i, d in zip(sources, depths, strict=True)]
    print(f"| {options.table.stem} | depth 1 | depth 2 to 6 | precision of pairs | CPU s |")
    print(f"|{'---|' * 5}")
    for name, find in TOOLS.items():
        start = time.process_time()
        clusters = find([*originals, *made])
        seconds = time.process_time() - start
        hits = clusters[sources] == clusters[len(originals) :]
        truth = np.array([*range(len(originals)), *sources])
        right = _pairs(np.unique(np.column_stack([clusters, truth]), axis=0, return_counts=True)[1])
        parts = (depths == 1, depths > 1)
        shallow, deep = (_share(int(hits[part].sum()), int(part.sum())) for part in parts)
        precision = _share(right, _pairs(np.bincount(clusters)))
        print(f"| {name} | {shallow} | {deep} | {precision} | {seconds:.0f} |", flush=True)


def _pairs(sizes: npt.NDArray[np.int64]) -> int:
    return int((sizes * (sizes - 1) // 2).sum())


def _share(successes: int, n: int) -> str:
    low, high = wilson_of_count(successes, n)
    return f"{successes / n:.3f} ({low:.3f} to {high:.3f}, n {n})" if n else "none joined"


if __name__ == "__main__":
    main()
