"""The cache: images of a run decoded once into one uint8 array on disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from groupwise.data.archive import read_file
from groupwise.data.decode import Preprocessing, decode
from groupwise.data.file_notes import Note, note_name, note_shape
from groupwise.errors import GroupwiseError
from groupwise.files import read_json, sha256_bytes, sha256_file, sha256_mapping, write_json

Images = npt.NDArray[np.uint8]
Progress = Callable[[int, int], None]


class Picture(NamedTuple):
    """A file as uint8 (S, S, C), what was no plain copy of it, and the SHA-256 of what was read."""

    pixels: Images
    remarks: tuple[Note, ...]
    sha256: str


# The fields that every cache is named by.
FIRST = ("image_size_px", "resize", "interpolation", "mean", "std")


def decode_images(
    files: Sequence[Path],
    digests: Sequence[str],
    preprocessing: Preprocessing,
    *,
    out: Images | None = None,
    progress: Progress | None = None,
) -> Images:
    """Decode and resize `files` to uint8 (N, S, S, C), into `out` where it is given.

    `digests` are the files' SHA-256; a file that vanished or changed since raises `GroupwiseError`.
    """
    size = preprocessing.image_size_px
    shape = (len(files), size, size, preprocessing.input_channels)
    images = np.empty(shape, np.uint8) if out is None else out

    def load(i: int) -> None:
        images[i] = load_image(files[i], preprocessing, expected_sha256=digests[i])

    # Pillow lets go of the interpreter lock while it decodes, so threads are enough.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, _ in enumerate(pool.map(load, range(len(files))), start=1):
            if progress:
                progress(done, len(files))
    return images


def load_image(file: Path, preprocessing: Preprocessing, *, expected_sha256: str | None = None) -> Images:
    """Read one file as uint8 (S, S, C)."""
    return load_picture(file, preprocessing, expected_sha256=expected_sha256).pixels


def load_picture(file: Path, preprocessing: Preprocessing, *, expected_sha256: str | None = None) -> Picture:
    """Read one file, which may lie in an archive."""
    try:
        data = read_file(file)
    except OSError as error:
        raise GroupwiseError(
            f"cannot be read ({error.strerror})", place=file, remedy="Check that it is there and readable."
        ) from None
    digest = sha256_bytes(data)
    if expected_sha256 not in (None, digest):
        raise GroupwiseError(
            "changed since the data were scanned", place=file, remedy="Restore it, or start a new run."
        )
    decoded = decode(data, place=file, draft_px=preprocessing.image_size_px, reading=preprocessing.reading)
    named = note_name(decoded.format, file.suffix.lower())
    remarks = (*decoded.warnings, *named, *note_shape(decoded.width, decoded.height))
    return Picture(preprocessing.resize_image(decoded.pixels), remarks, digest)


def open_cache(
    folder: Path,
    files: Sequence[Path],
    digests: Sequence[str],
    preprocessing: Preprocessing,
    *,
    progress: Progress | None = None,
) -> Images:
    """Map the images of `folder` into memory, building them first unless they are there and whole.

    `cache.json` names what the cache was made from and the digest of its content, and is written last; so a
    half-built, damaged or foreign cache is built anew.
    """
    size = preprocessing.image_size_px
    shape = [len(files), size, size, preprocessing.input_channels]
    key = sha256_mapping({"files": list(digests), "preprocessing": cache_name(preprocessing), "shape": shape})
    array, marker = folder / "images.npy", folder / "cache.json"
    if not _is_whole(array, marker, key):
        marker.unlink(missing_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        _require_space(folder, int(np.prod(shape)))
        out = np.lib.format.open_memmap(array, mode="w+", dtype=np.uint8, shape=tuple(shape))
        decode_images(files, digests, preprocessing, out=out, progress=progress)
        out.flush()
        write_json(marker, {"key": key, "sha256": sha256_file(array)})
    return np.load(array, mmap_mode="r")  # type: ignore[no-any-return]


def cache_name(preprocessing: Preprocessing) -> dict[str, object]:
    """Its fields, without those that came later and stand as they always were: older caches stay valid.

    Those of bicubic pixels, whose sides were once scaled in an order that hung on Pillow, do not.
    """
    usual = asdict(Preprocessing())
    fields = {
        name: value for name, value in asdict(preprocessing).items() if name in FIRST or value != usual[name]
    }
    return fields | ({"width_first": True} if preprocessing.interpolation == "bicubic" else {})


def _is_whole(array: Path, marker: Path, key: str) -> bool:
    if not (marker.is_file() and array.is_file()):
        return False
    try:
        return bool(read_json(marker) == {"key": key, "sha256": sha256_file(array)})
    except GroupwiseError:  # a marker that is no JSON
        return False


def _require_space(folder: Path, needed_bytes: int) -> None:
    status = os.statvfs(folder)
    free_bytes = status.f_bavail * status.f_frsize
    if needed_bytes > free_bytes:
        raise GroupwiseError(
            f"the decoded images need {needed_bytes / 1e9:.1f} GB, and {free_bytes / 1e9:.1f} GB are free",
            place=folder,
            remedy="Free some space, choose another --run, or lower data.image_size_px.",
        )
