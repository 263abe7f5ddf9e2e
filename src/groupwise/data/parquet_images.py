"""Parquet files that hold the images themselves, as hubs of data sets store them."""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from groupwise.data.formats import FORMAT_OF_SUFFIX, SUFFIXES, detect_format
from groupwise.errors import GroupwiseError, UsageError

PARQUET = ".parquet"
_NAMED = ("image", "img", "picture", "photo", "image_bytes", "img_bytes", "bytes")
_PATHS = ("path", "file_name", "filename", "file")
# Groups of rows that are kept: pictures are read in about the order in which they lie.
_GROUPS_KEPT = 2


def import_parquet(file: Path) -> Any:
    """The module pyarrow.parquet; raises `UsageError` where it is not installed."""
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise UsageError(
            "a Parquet file, which needs pyarrow",
            place=file,
            remedy="Install it with `pip install 'groupwise[parquet]'`, or save the table as a CSV.",
        ) from None
    return parquet


def find_image_column(types: Mapping[str, str]) -> str | None:
    """The column that holds images, by the types of all: a struct of bytes and path, or bytes so called."""
    for name, kind in types.items():
        if kind.startswith("struct") and re.search(r"\bbytes: (?:large_)?binary", kind):
            return name
    if any(name.lower() in _PATHS for name in types):
        return None
    return next((n for n, kind in types.items() if n.lower() in _NAMED and kind.endswith("binary")), None)


def class_names(schema: Any) -> dict[str, list[str]]:
    """The names behind the numbers of each column of classes, as HuggingFace writes them into a schema."""
    text = (getattr(schema, "metadata", None) or {}).get(b"huggingface", b"{}")
    try:
        features = json.loads(text)["info"]["features"]
        return {
            name: list(map(str, feature["names"]))
            for name, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and feature.get("names")
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


class ParquetImages:
    """The images of a Parquet file, named by the number of the row and by their own name if they have one."""

    def __init__(self, file: Path) -> None:
        try:
            self._open = import_parquet(file).ParquetFile
            source = self._open(file)
            column = find_image_column({field.name: str(field.type) for field in source.schema_arrow})
            if column is None:
                raise ValueError("no column of images")
            self._file, self._column, self._lock = file, column, threading.Lock()
            self._groups: OrderedDict[int, list[bytes | None]] = OrderedDict()
            self._places: dict[str, tuple[int, int]] = {}
            self.sizes: dict[str, int] = {}
            for group in range(source.num_row_groups):
                for row, (content, name) in enumerate(_pictures(source, group, column)):
                    member = _member(len(self._places), content or b"", name)
                    self._places[member] = (group, row)
                    self.sizes[member] = len(content or b"")
        except (OSError, ValueError) as error:  # pyarrow's errors are of these kinds
            raise GroupwiseError(
                f"not a readable Parquet file of images ({error})", place=file, remedy="Download it again."
            ) from None

    def read(self, name: str) -> bytes:
        """The bytes of an image."""
        group, row = self._places[name]
        with self._lock:
            if group not in self._groups:
                pictures = _pictures(self._open(self._file), group, self._column)
                self._groups[group] = [content for content, _ in pictures]
                while len(self._groups) > _GROUPS_KEPT:
                    self._groups.popitem(last=False)
            self._groups.move_to_end(group)
            return self._groups[group][row] or b""


def _pictures(source: Any, group: int, column: str) -> list[tuple[bytes | None, str]]:
    """Bytes and name of each row of a group."""
    cells = source.read_row_group(group, columns=[column]).column(column).to_pylist()
    return [
        (cell.get("bytes"), cell.get("path") or "") if isinstance(cell, dict) else (cell, "")
        for cell in cells
    ]


def _member(number: int, content: bytes, name: str) -> str:
    own = PurePosixPath(name.replace("\\", "/")).name.replace("\0", "")
    if PurePosixPath(own).suffix.lower() in FORMAT_OF_SUFFIX:
        return f"{number:06}-{own}"
    endings = SUFFIXES.get(detect_format(content).name, (".jpg",))
    return f"{number:06}{'-' if own else ''}{own}{min(endings, key=len)}"
