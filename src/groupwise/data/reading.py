"""How DATA is to be read: the options that say so, and the scan that they ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from groupwise.data.levels import Reading
    from groupwise.data.manifest import Manifest

    Scan = Callable[[Callable[[int, int], None]], Manifest]


# How DATA is read, with what is usual
READING = dict.fromkeys(("group_column", "group_regex", "label_regex", "root")) | {
    "label_column": "label",
    "path_column": "path",
    "layout": "auto",
}


def scan_with(data: Path, options: Mapping[str, Any], given: str | None, reading: Reading) -> Scan:
    """The scan of `data` with the options in `READING`, the split that they bring, and their pixels."""
    from groupwise.data.scan import scan

    root = None if options["root"] is None else Path(options["root"])
    wanted = {**options, "root": root, "given": given, "reading": reading}
    return lambda progress: scan(data, progress=progress, **wanted)


def unusual(options: Mapping[str, Any]) -> dict[str, str]:
    """Those of the options in `READING` that are not the usual ones."""
    return {name: options[name] for name, usual in READING.items() if options[name] != usual}


def reading_words(reading: Mapping[str, str]) -> list[str]:
    """The options that read DATA so."""
    return [word for name, value in reading.items() for word in (f"--{name.replace('_', '-')}", value)]
