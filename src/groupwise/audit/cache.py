"""What an audit worked out, kept for the next one of the same folder: photographs, clues, evidence, results.

One file a folder of images, of tensors and JSON. Everything in it is called by the digest of the file that it
was made from, so a file that changed is worked out anew; and it is sealed (`sealed.py`) and holds a digest of
the code that wrote it, so what was damaged or comes from another version or another user counts as nothing.
Only the user can read it, for it shows the pictures. It may be removed at any time.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import PIL
import safetensors.numpy
from safetensors import SafetensorError

from groupwise.audit.copies.compare import Evidence
from groupwise.audit.copies.compared import Key
from groupwise.audit.copies.detect import Detection
from groupwise.audit.copies.packed import ARRAYS, PackedPhotographs
from groupwise.audit.copies.verify import Photograph
from groupwise.audit.measure import Measured
from groupwise.audit.results import detection_from_json, detection_to_json
from groupwise.audit.sealed import MAX_BYTES, cache_folder, read_sealed, write_sealed
from groupwise.audit.sessions import Exif
from groupwise.audit.shortcuts import Shortcut
from groupwise.data.manifest import Manifest, Sample
from groupwise.files import PARTIAL, sha256_bytes, sha256_mapping
from groupwise.stats.arrays import Floats, Ints

MAX_PHOTOGRAPHS = 20_000
"""At about 41 kB each they make a file of 0.8 GB; of larger sets nothing is kept."""

MAX_FILES = 8
"""Of the folders audited last; older files go."""

_NUMBERS = ("fine", "coarse", "agreement", "hole", "overlap")
_UNREADABLE = (OSError, SafetensorError, ValueError, KeyError, TypeError, IndexError, AttributeError)


@dataclass(frozen=True, eq=False)
class Known:
    """`measured` by the names of files, `planted` by those of the copies, `pairs` by the names of both.

    `detections` and `shortcuts` are what all of them together gave, by the names that `results.py` gives.
    """

    measured: Mapping[str, Measured] = field(default_factory=dict)
    planted: Mapping[str, Photograph] = field(default_factory=dict)
    pairs: Mapping[Key, Evidence | None] = field(default_factory=dict)
    detections: Mapping[str, Detection] = field(default_factory=dict)
    shortcuts: Mapping[str, Sequence[Shortcut]] = field(default_factory=dict)


@dataclass(frozen=True)
class CacheUse:
    """Where the cache stands, how many of the samples it knew, and whether it now holds them all."""

    file: Path
    known: int
    kept: bool


def cache_file(manifest: Manifest) -> Path:
    """Where the cache of this folder of images stands, whether or not it does yet."""
    name = sha256_bytes(os.fsencode(manifest.root.absolute()))[:16]
    return cache_folder() / f"{name}.bin"


def name_sample(sample: Sample) -> str:
    """What a sample's pixels are called: the digest of its file, and the suffix, which helps to read it."""
    return f"{sample.sha256}{Path(sample.path).suffix}" if sample.sha256 else f"path {sample.path}"


def read_cache(file: Path, manifest: Manifest) -> Known:
    """What the file holds; nothing where it is missing, damaged, or of another user, code or reading."""
    try:
        held, told = _content(file, manifest)
        photographs = PackedPhotographs({name: held[name] for name in ARRAYS})
        clues = [_clues(one) for one in told["clues"]]
        measured = {
            name: Measured(photograph=photograph, **one)
            for name, photograph, one in zip(told["names"], photographs, clues, strict=False)
        }
        planted = dict(zip(told["planted"], photographs[len(clues) :], strict=True))
        return Known(
            measured,
            planted,
            dict(_pairs(told, held["keys"], held["values"])),
            {name: detection_from_json(one) for name, one in told["detections"].items()},
            {name: [Shortcut(**clue) for clue in clues] for name, clues in told["shortcuts"].items()},
        )
    except _UNREADABLE:
        return Known()


def known_names(file: Path, manifest: Manifest) -> frozenset[str]:
    """What `read_cache` would know the samples of, by name, without unpacking their photographs."""
    try:
        return frozenset(_content(file, manifest)[1]["names"])
    except _UNREADABLE:
        return frozenset()


def _content(file: Path, manifest: Manifest) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """The tensors of the file and what it tells of them; `ValueError` where they are not to be used."""
    held = safetensors.numpy.load(read_sealed(file))
    told = json.loads(held["told"].tobytes())
    if told["made_by"] != _made_by(manifest):
        raise ValueError(f"{file} is of other code or another reading")
    return held, told


def update_cache(file: Path, manifest: Manifest, earlier: Known, now: Known) -> bool:
    """Leave `now` where `earlier` was read from; whether the file now holds it."""
    parts = ("measured", "pairs", "detections", "shortcuts")
    if any(getattr(earlier, part).keys() != getattr(now, part).keys() for part in parts):
        return write_cache(file, manifest, now)
    with suppress(OSError):
        file.touch()  # what was used last goes last
    return True


def write_cache(file: Path, manifest: Manifest, known: Known) -> bool:
    """Replace the file; whether that was done: not for very large sets, nor where there is no room."""
    if not 0 < len(known.measured) <= MAX_PHOTOGRAPHS:
        return False
    photographs = [*(one.photograph for one in known.measured.values()), *known.planted.values()]
    keys, values, words = _table(known.pairs)
    told = {
        "made_by": _made_by(manifest),
        "names": list(known.measured),
        "clues": [_told(one) for one in known.measured.values()],
        "planted": list(known.planted),
        "words": words,
        "detections": {name: detection_to_json(one) for name, one in known.detections.items()},
        "shortcuts": {name: [asdict(clue) for clue in clues] for name, clues in known.shortcuts.items()},
    }
    tensors = PackedPhotographs.of(photographs).arrays | {"keys": keys, "values": values}
    tensors["told"] = np.frombuffer(json.dumps(told).encode(), np.uint8)
    if not write_sealed(file, safetensors.numpy.save(tensors)):
        return False
    with suppress(OSError):
        _remove_old(file.parent)
    return file.exists()


def _remove_old(folder: Path) -> None:
    # What a crash left half written counts as a file.
    files = [*folder.glob("*.bin"), *folder.glob(f".*{PARTIAL}")]
    held = sorted(((file.stat(), file) for file in files), key=lambda one: one[0].st_mtime, reverse=True)
    total = 0
    for number, (found, file) in enumerate(held):
        total += found.st_size
        if number >= MAX_FILES or total > MAX_BYTES:
            file.unlink(missing_ok=True)


def _made_by(manifest: Manifest) -> str:
    reading = sha256_mapping(json.loads(json.dumps(manifest.reading.facts())))
    return f"{_code()} {reading}"


@cache
def _code() -> str:
    """Digest of all code that the content depends on, and of the machine's kind."""
    package = Path(__file__).parents[1]
    sources = sorted([*(package / "audit").rglob("*.py"), *(package / "data").rglob("*.py")])
    versions = cv2.__version__, np.__version__, PIL.__version__, platform.machine()
    return sha256_bytes(b"".join([*map(Path.read_bytes, sources), repr(versions).encode()]))


def _told(one: Measured) -> dict[str, Any]:
    return {
        "digest": one.digest,
        "exif": {"camera": one.exif.camera, "taken": one.exif.taken and one.exif.taken.isoformat()},
        "format": one.format,
        "size_px": one.size_px,
        "file_bytes": one.file_bytes,
        "border_colour": one.border_colour.tolist(),
        "mean_colour": one.mean_colour.tolist(),
        "sharpness": one.sharpness,
    }


def _clues(told: Mapping[str, Any]) -> dict[str, Any]:
    taken = told["exif"]["taken"]
    return dict(told) | {
        "exif": Exif(told["exif"]["camera"], taken and datetime.fromisoformat(taken)),
        "size_px": tuple(told["size_px"]),
        "border_colour": np.array(told["border_colour"]),
        "mean_colour": np.array(told["mean_colour"]),
    }


def _table(
    pairs: Mapping[Key, Evidence | None],
) -> tuple[Ints, Floats, list[str]]:
    """Keys as numbers of words (K, 3), the evidence (K, 15) with NaN where there is none, and the words."""
    words: dict[str, int] = {}
    keys = np.array([[words.setdefault(word, len(words)) for word in key] for key in pairs], np.int64)
    values = np.full((len(pairs), len(_NUMBERS) + 10), np.nan)
    for row, evidence in zip(values, pairs.values(), strict=True):
        if evidence is not None:
            row[:5] = [getattr(evidence, name) for name in _NUMBERS]
            row[5] = np.nan if evidence.share is None else evidence.share
            row[6:] = evidence.matrix.ravel()
    return keys.reshape(-1, 3), values, list(words)


def _pairs(told: Mapping[str, Any], keys: Ints, values: Floats) -> Iterator[tuple[Key, Evidence | None]]:
    words = told["words"]
    for (first, second, way), row in zip(keys.tolist(), values, strict=True):
        key = words[first], words[second], words[way]
        if np.isnan(row[0]):
            yield key, None
            continue
        fine, coarse, agreement, hole, overlap = map(float, row[:5])
        share = None if np.isnan(row[5]) else float(row[5])
        yield key, Evidence(fine, coarse, agreement, hole, overlap, row[6:].reshape(3, 3), share)
