"""Files of arrays, which hold many pictures and are not read: what they are, and what helps."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

_KINDS = {
    "NumPy arrays": r".*\.np[yz]",
    "MATLAB variables": r".*\.mat",
    "an HDF5 file": r".*\.(?:h5|hdf5|hdf)",
    "TFRecords": r".*\.(?:tfrecords?|tfrec)(?:\.gz)?|.*\.tfrecord-\d+-of-\d+",
    "a pickle": r".*\.(?:pkl|pickle|p)|(?:data_batch_\d+|test_batch|batches\.meta)",
    "tensors of torch": r".*\.(?:pt|pth)",
    "an LMDB database": r"data\.mdb|lock\.mdb|.*\.lmdb",
    "Arrow records": r".*\.(?:arrow|feather)",
    "IDX arrays, as MNIST has them": r".*-idx[13]-u?byte(?:\.gz)?|.*\.idx[13]?-?u?byte(?:\.gz)?",
}
_PATTERNS = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _KINDS.items()}
REMEDY = (
    "Write each picture as a PNG into a folder of its class, or list the pictures in a CSV with the columns"
    " path and label."
)


def name_arrays(path: str) -> str | None:
    """What kind of such a file a name means; None for any other."""
    name = PurePosixPath(path).name
    return next((kind for kind, pattern in _PATTERNS.items() if pattern.fullmatch(name)), None)


def say_instead(paths: Iterable[str]) -> str:
    """What lies where no images are, such as ", but NumPy arrays (train.npz)"; "" for nothing at all."""
    names = sorted(paths)
    found: dict[str, list[str]] = {}
    for name in names:
        if kind := name_arrays(name):
            found.setdefault(kind, []).append(name)
    if found:
        return ", but " + ", ".join(f"{kind} ({some[0]})" for kind, some in found.items())
    return f", but {len(names):,} other files, such as {names[0]}" if names else ""
