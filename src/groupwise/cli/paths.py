"""The paths of a command, looked at before a library is loaded: what is to be read is there, what is to be
written can be."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from groupwise.errors import UsageError
from groupwise.files import require_folder, require_writable
from groupwise.runs.run import Run

FOLDER, FILE = "FOLDER", "FILE"  # the metavar of an option that names what is to be written


def look_at(actions: Sequence[argparse.Action], parsed: Mapping[str, Any]) -> None:
    """Raise GroupwiseError for a path that cannot be read or written as the verb wants to."""
    for action in actions:
        look = LOOKS.get(action.metavar) if isinstance(action.metavar, str) else None
        value = parsed.get(action.dest) if look else None
        if look and value is not None:
            look([Path(one) for one in (value if isinstance(value, list) else [value])], place_of(action))
        # A run is written whole or gone on with; `demo`, whose folder has a default, begins anew.
        is_new_run = action.metavar == FOLDER and action.dest == "run" and action.default is None
        if is_new_run and value is not None and not parsed.get("resume"):
            Run.refuse_occupied(Path(value))


def place_of(action: argparse.Action) -> str:
    """How an error names where a path came from; empty where the path says it."""
    return f"{action.option_strings[0]} " if action.option_strings else ""


def _require_data(paths: list[Path], place: str) -> None:
    for path in paths:
        if not path.exists():
            raise UsageError("no such file or folder", place=f"{place}{path}", remedy="Check the path.")


def _require_run(paths: list[Path], place: str) -> None:
    for path in paths:
        if not path.is_dir():
            fact = "is no folder" if path.exists() else "no such folder"
            remedy = (
                "Give the folder that `groupwise train --run` wrote, or `export` where it takes a bundle."
            )
            raise UsageError(fact, place=f"{place}{path}", remedy=remedy)


def _require_images(paths: list[Path], place: str) -> None:
    """One that is there is enough: the others are named beside the answers."""
    if paths and not any(path.exists() for path in paths):
        more = f", nor any of the {len(paths) - 1} after it" if len(paths) > 1 else ""
        raise UsageError(
            f"no such file or folder{more}", place=f"{place}{paths[0]}", remedy="Check the path."
        )


def _require_folder(paths: list[Path], place: str) -> None:
    for path in paths:
        require_folder(path, place)


def _require_file(paths: list[Path], place: str) -> None:
    for path in paths:
        if path.is_dir():
            raise UsageError("is a folder", place=f"{place}{path}", remedy="Give the name of a file.")
        require_writable(path, place)
        Run.refuse_artefact(path, place)


LOOKS: Mapping[str, Callable[[list[Path], str], None]] = {
    "DATA": _require_data,
    "RUN": _require_run,
    "BUNDLE": _require_run,
    "IMAGE": _require_images,
    FOLDER: _require_folder,
    FILE: _require_file,
}
