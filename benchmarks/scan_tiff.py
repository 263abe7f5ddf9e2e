"""The scan of 16-bit TIFFs of 2048 px beside tifffile, which only reads their samples.

    python benchmarks/scan_tiff.py [--repeats 15]

One picture in each container is scanned as `groupwise scan` does (read, digest, decoded in full, measured)
and read by tifffile in turn, from the page cache, by one thread; medians of processor time. `read and digest`
is what a manifest's SHA-256 takes alone, of which `tifffile.imread` makes none.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from groupwise.data.inspect import inspect
from groupwise.data.manifest import Sample

SIDE_PX = 2048
CONTAINERS: dict[str, dict[str, Any]] = {
    "uncompressed": {},
    "tiles": {"tile": (256, 256)},
    "LZW": {"compression": "lzw", "predictor": True},
    "Deflate": {"compression": "zlib", "predictor": True},
    "Zstandard": {"compression": "zstd", "predictor": True},
    "RGB": {"photometric": "rgb"},
    "RGB, LZW": {"photometric": "rgb", "compression": "lzw", "predictor": True},
}


def picture() -> np.ndarray:
    """A smooth scene of 12 bits with the noise of a sensor."""
    rows, columns = np.mgrid[0:SIDE_PX, 0:SIDE_PX]
    scene = 2000 + 1500 * np.sin(columns / 90) + 400 * np.cos(rows / 70)
    return (scene + np.random.default_rng(0).normal(0, 30, scene.shape)).clip(0, 4095).astype(np.uint16)


def timed(work: Callable[[], object]) -> float:
    """Milliseconds of processor time."""
    start = time.process_time()
    work()
    return 1e3 * (time.process_time() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    grey = picture()
    print("| container | scan, ms | read and digest | tifffile | tifffile / scan |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, options in CONTAINERS.items():
            file = Path(folder, "picture.tif")
            tifffile.imwrite(file, np.dstack([grey] * 3) if "RGB" in name else grey, **options)
            sample = Sample(file.name, "class")
            ours, theirs, digests = [], [], []
            for _ in range(repeats):
                ours.append(timed(partial(inspect, sample, file.parent)))
                theirs.append(timed(partial(tifffile.imread, file, maxworkers=1)))
                digests.append(timed(lambda: hashlib.sha256(file.read_bytes())))  # noqa: B023  # called here
            scan, peer, digest = map(statistics.median, (ours, theirs, digests))
            print(f"| {name} | {scan:.1f} | {digest:.1f} | {peer:.1f} | {peer / scan:.2f} |", flush=True)


if __name__ == "__main__":
    main()
