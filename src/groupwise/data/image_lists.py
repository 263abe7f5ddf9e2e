"""Lists of images as text: a path and a class on each line, or paths whose folders are the classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from groupwise.data.formats import FORMAT_OF_SUFFIX
from groupwise.data.table_text import read_table_text, split_lines
from groupwise.errors import GroupwiseError


def read_image_list(text: str, file: Path) -> tuple[list[tuple[str, str]], str]:
    """The path and class of each line, and what the list is in words.

    A blank stands between the two; the class may be a number in the list of their names.
    Where no line has a class, it is the folder that each image lies in.
    """
    kept = [line for line in split_lines(text) if line.strip() and not line.startswith("#")]
    if kept and all("/" in line and len(line.split()) == 1 for line in kept):
        rows = [(line.strip(), PurePosixPath(line.strip()).parent.name) for line in kept]
        return rows, "a list of images, the class their folder"
    _refuse_other_lists(kept, file)
    lines = [line.rsplit(maxsplit=1) for line in kept]
    names = _class_names(file)
    numbers = {label for _, label in lines}
    if names and all(label.isdecimal() and int(label) < len(names) for label in numbers):
        lines = [[path, names[int(label)]] for path, label in lines]
    return [(path, label) for path, label in lines], "a list of images and classes"


def _refuse_other_lists(lines: Sequence[str], file: Path) -> None:
    """Raise `GroupwiseError` for lines that are not a path and a class."""
    for number, line in enumerate(lines, start=1):
        path, _, last = line.rpartition(" ") if "\t" not in line else line.rpartition("\t")
        if not path.strip():
            raise GroupwiseError(
                f"line {number} holds no class after the path",
                place=file,
                remedy="Write the path, a blank and the class on each line, or give a CSV.",
            )
        if is_image_name(last) and not is_image_name(path):
            raise GroupwiseError(
                f"line {number} ends with a path, {last!r}, where a class should follow it",
                place=file,
                remedy="Write the path, a blank and the class on each line, or give a CSV.",
            )
    widths = {len(line.split()) for line in lines}
    if (
        len(widths) == 1
        and widths.pop() > 2
        and not any(is_image_name(one.rsplit(maxsplit=1)[0]) for one in lines)
    ):
        raise GroupwiseError(
            f"each line holds {len(lines[0].split())} words, and which of them is the class is not said",
            place=file,
            remedy="Save it as a CSV with a header, and name its columns with --path-column and"
            " --label-column.",
        )


def _class_names(file: Path) -> list[str]:
    """Names of the classes by number, from a `synsets.txt` or its like beside a list of images; or none.

    The list itself may be called so, and so may others.
    """
    for name in ("synsets.txt", "classes.txt", "labels.txt"):
        beside = file.with_name(name)
        if beside == file or not beside.is_file():
            continue
        lines = [line.strip() for line in split_lines(read_table_text(beside)) if line.strip()]
        if not any(is_image_name(part) for line in lines for part in (line, line.rsplit(maxsplit=1)[0])):
            return lines
    return []


def is_image_name(cell: str) -> bool:
    """Whether a cell names an image file, by its ending."""
    return PurePosixPath(cell.strip().partition("?")[0]).suffix.lower() in FORMAT_OF_SUFFIX
