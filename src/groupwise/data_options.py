"""The options that say where the data lie, how they are laid out and how their pixels are read."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from groupwise.arguments import Parser
    from groupwise.data.levels import Reading
    from groupwise.data.manifest import Manifest

    Scan = Callable[[Callable[[int, int], None]], Manifest]

# How DATA is read, with what is usual
READING = dict.fromkeys(("group_column", "group_regex", "label_regex", "root")) | {
    "label_column": "label",
    "path_column": "path",
    "layout": "auto",
}
GIVEN = "split.given"  # a field of the recipe, which decides how DATA is read as well


def add_data_options(parser: Parser, *, optional: bool = False, given: bool = False) -> None:
    """The positional DATA and how to read it; `given` adds what a verb with a recipe has from there."""
    parser.add_argument(
        "folder",
        metavar="DATA",
        nargs="?" if optional else None,
        help="folder of class folders, or a CSV file or another table",
    )
    parser.add_argument("--group-column", help="column of the CSV that says which images belong together")
    parser.add_argument(
        "--group-regex", help="the same, as a pattern searched in each path: r'(patient\\d+)'"
    )
    parser.add_argument(
        "--label-column", default=READING["label_column"], help="column of the CSV that holds the class"
    )
    parser.add_argument(
        "--path-column", default=READING["path_column"], help="column of the CSV that holds the path"
    )
    parser.add_argument(
        "--label-regex", help="the class, as a pattern searched in each path of a folder: r'^(\\w+?)_'"
    )
    parser.add_argument("--root", help="folder that the paths of the CSV, or links, lead to")
    parser.add_argument(
        "--layout",
        choices=("auto", "classes"),
        default=READING["layout"],
        help="classes: every folder of DATA is a class, whatever it is called",
    )
    if given:
        parser.add_argument(
            f"--{GIVEN}", help="a ready split: `folders`, or the column of the CSV; `pool` joins its folders"
        )


def add_reading_options(parser: Parser) -> None:
    """The options that say how the pixels of unusual files are read, for a verb that takes no recipe."""
    from groupwise.data.decode import Preprocessing
    from groupwise.data.levels import Reading

    others = {field.name for field in dataclasses.fields(Preprocessing)} - set(Reading.__dataclass_fields__)
    parser.add_class_arguments(Preprocessing, "data", skip=others)


def scan_of(arguments: Any) -> Scan:
    """The scan that the parsed arguments ask for; it wants a function of (done, total)."""
    options = {name: arguments[name] for name in READING}
    return scan_with(Path(arguments.folder), options, arguments[GIVEN], pixel_reading(arguments))


def scan_with(data: Path, options: Mapping[str, Any], given: str | None, reading: Reading) -> Scan:
    """The scan of `data` with the options in `READING`, the split that they bring, and their pixels."""
    from groupwise.data.scan import scan

    root = None if options["root"] is None else Path(options["root"])
    wanted = {**options, "root": root, "given": given, "reading": reading}
    return lambda progress: scan(data, progress=progress, **wanted)


def pixel_reading(arguments: Any) -> Reading:
    """How the pixels of unusual files are read, by the options `--data.*` of a verb that has them."""
    from groupwise.data.levels import Reading

    given = {name: arguments.get(f"data.{name}") for name in Reading.__dataclass_fields__}
    return Reading.from_facts({name: value for name, value in given.items() if value is not None}, False)


def reading_of(arguments: Any) -> dict[str, str]:
    """How DATA is read, as far as it is not the usual way."""
    return {name: arguments[name] for name, usual in READING.items() if arguments[name] != usual}


def reading_words(reading: Mapping[str, str]) -> list[str]:
    """The options that read DATA so."""
    return [word for name, value in reading.items() for word in (f"--{name.replace('_', '-')}", value)]


def data_words(arguments: Any) -> str:
    """DATA and how to read it, as a shell takes them, for a command that is to see the same sources."""
    return shlex.join([arguments.folder, *reading_words(reading_of(arguments))])
