"""Turns a manifest into cluster numbers: files with the same bytes or the same pixels share one."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from groupwise.audit.clusters import cluster_ids
from groupwise.audit.exact import exact_copies, pixel_digest
from groupwise.data.decode import decode
from groupwise.data.manifest import Manifest


def find_copies(
    manifest: Manifest, *, progress: Callable[[int, int], None] | None = None
) -> npt.NDArray[np.int64]:
    """The cluster of each usable sample, (N,)."""
    samples = manifest.usable

    def digest(i: int) -> str:
        file = manifest.file(samples[i])
        return pixel_digest(decode(file.read_bytes(), place=file).rgb)

    digests = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, value in enumerate(pool.map(digest, range(len(samples))), start=1):
            digests.append(value)
            if progress:
                progress(done, len(samples))
    return cluster_ids(len(samples), exact_copies([sample.sha256 for sample in samples], digests))
