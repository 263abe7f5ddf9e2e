"""Image files of files, folders and lists, as one stream, however many there are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from groupwise.data.formats import FORMAT_OF_SUFFIX, HEAD_BYTES, detect_format
from groupwise.errors import GroupwiseError

LIST_SUFFIX = ".txt"


def image_files(named: Iterable[str | Path]) -> Iterator[str]:
    """Every image file that is named: itself, in a folder at any depth, or on a line of a `.txt` file.

    In a folder those count whose name ends as an image's does, and those that `scan` calls images by their
    content; they come sorted, and hidden ones and links to folders are passed over. A file that was named
    itself comes whether or not it is there. A relative path in a list is taken from where the command runs.
    Raises `GroupwiseError` for a list that cannot be read, and where there is no image file at all.
    """
    names = list(map(str, named))
    found = _found(names)
    first = next(found, None)
    if first is None:
        raise GroupwiseError(
            "no images there",
            place=", ".join(names),
            remedy="Name image files, or a folder of files that end in .jpg, .png or another format's name.",
        )
    return chain([first], found)


def _found(named: Iterable[str]) -> Iterator[str]:
    for name in named:
        if os.path.isdir(name):  # noqa: PTH112  # Path.is_dir raises where the path may not be entered
            yield from _in_folder(name)
        elif name.lower().endswith(LIST_SUFFIX):
            yield from _in_list(Path(name))
        else:
            yield name


def _in_folder(root: str) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122  # a Path a file is slow for millions
            path = os.path.join(folder, name)  # noqa: PTH118
            if not name.startswith(".") and (suffix in FORMAT_OF_SUFFIX or _holds_image(path)):
                yield path


def _holds_image(path: str) -> bool:
    """Whether a file that is not named as an image is one by its first bytes."""
    if not os.path.isfile(path):  # noqa: PTH113  # a pipe, which would wait for its writer
        return False
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return detect_format(file.read(HEAD_BYTES)).kind != "other"
    except OSError:
        return False


def _in_list(file: Path) -> Iterator[str]:
    try:
        with file.open(encoding="utf-8-sig") as lines:
            yield from (line.rstrip("\r\n") for line in lines if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise GroupwiseError(
            f"cannot be read as a list of files ({error})",
            place=file,
            remedy="Give a UTF-8 text file with one path a line.",
        ) from None
