"""Small replicas of data sets as tools and publishers lay them out: pictures differ, names are theirs."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from PIL import Image

Names = Iterable[str]


def picture(name: str, suffix: str = ".png") -> bytes:
    """A picture of 24 px, another for each name."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return _encode(rng.integers(0, 255, (24, 24, 3)), suffix)


def mask(name: str, suffix: str = ".png") -> bytes:
    """A white disc on black, another for each name."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    x, y, r = rng.integers(6, 18, 2).tolist() + [int(rng.integers(3, 8))]
    rows, columns = np.mgrid[0:24, 0:24]
    disc = ((rows - y) ** 2 + (columns - x) ** 2 < r * r) * 255
    return _encode(np.repeat(disc[..., None], 3, axis=2), suffix)


def _encode(pixels: np.ndarray, suffix: str) -> bytes:
    buffer = io.BytesIO()
    kind = {".png": "PNG", ".bmp": "BMP", ".tif": "TIFF"}.get(suffix.lower(), "JPEG")
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, kind)
    return buffer.getvalue()


def put(root: Path, *names: str, draw: Callable[[str, str], bytes] = picture) -> None:
    """Write a picture under each name."""
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(draw(name, file.suffix))


def numbered(folder: str, n: int = 3, stem: str = "", suffix: str = ".jpg") -> list[str]:
    """Names such as folder/001.jpg."""
    return [f"{folder}/{stem}{i:03}{suffix}" for i in range(n)]


def classes(root: Path, *folders: str, n: int = 3, suffix: str = ".jpg") -> None:
    """Class folders with n pictures each."""
    for folder in folders:
        put(root, *numbered(folder, n, suffix=suffix))


def split(root: Path, *folds: str, names: Names = ("cat", "dog")) -> None:
    """A ready split of class folders."""
    classes(root, *(f"{fold}/{name}" for fold in folds for name in names))


def text(root: Path, name: str, content: str, encoding: str = "utf-8") -> Path:
    """Write a text file, and return it."""
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, encoding=encoding)
    return file


def table(root: Path, name: str, header: str, rows: Iterable[Iterable[str]], sep: str = ",") -> Path:
    """Write a table."""
    lines = ([header] if header else []) + [sep.join(row) for row in rows]
    return text(root, name, "\n".join(lines) + "\n")


def lines(root: Path, name: str, records: Iterable[object]) -> Path:
    """Write JSON lines."""
    return text(root, name, "".join(json.dumps(record) + "\n" for record in records))
