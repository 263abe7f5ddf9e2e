"""Features of images kept between commands, by the digests of the images and of what made them.

They lie under `~/.cache/groupwise/features` (or `$XDG_CACHE_HOME`), one folder for a network with its
preprocessing and one file for every command that added some: `digests` (N, 32) and `features` (N, D). Nothing
else is needed to make them again, so the folder may be removed at any time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError, safe_open

from groupwise.files import sha256_bytes, write_atomic
from groupwise.stats.arrays import Floats32, Ints

Features = Floats32
DIGESTS, FEATURES = "digests", "features"


def cache_folder() -> Path:
    """Where they lie."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "groupwise" / "features"


def cached_features(
    key: str, digests: Sequence[str], compute: Callable[[Ints], Features]
) -> tuple[Features, int]:
    """The features (N, D) of images by their SHA-256, and how many of them had to be worked out.

    `key` names what makes them; `compute` does for some rows of `digests`, each image once.
    """
    known = _read(cache_folder() / key, set(digests))
    first = {digest: row for row, digest in reversed(list(enumerate(digests)))}
    missing = [row for digest, row in first.items() if digest not in known]
    if missing:
        rows = np.sort(np.array(missing, dtype=np.int64))
        new = compute(rows)
        _keep(cache_folder() / key, [digests[row] for row in rows], new)
        known |= {digests[row]: line for row, line in zip(rows, new, strict=True)}
    return np.stack([known[digest] for digest in digests]), len(missing)


def _read(folder: Path, wanted: set[str]) -> dict[str, Features]:
    known: dict[str, Features] = {}
    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(file, framework="numpy") as held:
                names = [bytes(line).hex() for line in held.get_tensor(DIGESTS)]
                if wanted.intersection(names):
                    lines = zip(names, held.get_tensor(FEATURES), strict=True)
                    known |= {name: line for name, line in lines if name in wanted}
        except (SafetensorError, OSError, ValueError):  # what is damaged is made again
            continue
    return known


def _keep(folder: Path, digests: Sequence[str], features: Features) -> None:
    rows = np.array([list(bytes.fromhex(one)) for one in digests], dtype=np.uint8)
    content = safetensors.numpy.save({DIGESTS: rows, FEATURES: np.ascontiguousarray(features)})
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / f"{sha256_bytes(content)[:16]}.safetensors", content)
    except OSError:  # no home, no space: the next command works them out again
        return
