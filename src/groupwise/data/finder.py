"""The file that a cell means where none is there as written: other ending, case, folder or machine."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

from groupwise.data.archive import archive_around, list_members
from groupwise.data.fold_names import fold_of_name
from groupwise.data.formats import FORMAT_OF_SUFFIX, lacks_ending

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{1,19}://")
_DRIVE = re.compile(r"[a-zA-Z]:[\\/]|\\\\")
_UPLOAD = re.compile(r"^[0-9a-f]{8}-(?=.)")  # what Label Studio puts before the name of an uploaded file


class AmbiguousNameError(Exception):
    """Several files bear the name; carries two of them."""


class Finder:
    """The files below a folder or in an archive by their names; they are listed once, at the first question.

    Of several of one name those count that lie in a folder of the `fold`, where exactly one does.
    """

    def __init__(self, root: Path, fold: str | None = None) -> None:
        self._root = root
        self._fold = fold
        self._files: dict[str, list[tuple[str, ...]]] | None = None

    def find(self, cell: str) -> str | None:
        """The path below the root of the one file that `cell` means, or None.

        The whole path is looked for at any depth, without case, in any composition of accents, and without an
        ending where it has none; where none is called so with one, a file without is meant. What comes from
        elsewhere (a URL, an absolute path, another machine) may lose its leading folders, and an upload its
        prefix. Raises `AmbiguousNameError`.
        """
        parts, is_foreign = _take_apart(cell)
        if not parts:
            return None
        for start in range(len(parts) if is_foreign else 1):
            if found := self._ending_in(parts[start:]):
                return found
        bare = _UPLOAD.sub("", parts[-1])
        return self._ending_in((bare,)) if is_foreign and bare != parts[-1] else None

    def _ending_in(self, parts: tuple[str, ...]) -> str | None:
        name = parts[-1]
        has_ending = PurePosixPath(name).suffix.lower() in FORMAT_OF_SUFFIX
        matching = [] if has_ending else self._lying_in(parts[:-1], f"{name}.")
        matching = matching or self._lying_in(parts[:-1], name)
        if len(matching) > 1 and self._fold:
            own = [file for file in matching if self._fold in map(fold_of_name, file[:-1])]
            matching = own if len(own) == 1 else matching
        if len(matching) > 1:
            raise AmbiguousNameError("/".join(matching[0]), "/".join(matching[1]))
        return "/".join(matching[0]) if matching else None

    def _lying_in(self, folders: tuple[str, ...], key: str) -> list[tuple[str, ...]]:
        """The files under a key of the list whose last folders are these."""
        depth = len(folders)
        files = self._list().get(key, [])
        return [file for file in files if not depth or _folded(file[-1 - depth : -1]) == folders]

    def _list(self) -> dict[str, list[tuple[str, ...]]]:
        """Files by folded name, and by folded name without an image's ending and with a dot at the end."""
        if self._files is None:
            self._files = defaultdict(list)
            for file in self._walk():
                stem, suffix = os.path.splitext(file[-1])  # noqa: PTH122  # a Path a file is slow for millions
                if suffix.lower() in FORMAT_OF_SUFFIX:
                    for key in (_fold(file[-1]), f"{_fold(stem)}."):
                        self._files[key].append(file)
                elif lacks_ending(file[-1]):
                    self._files[_fold(file[-1])].append(file)
        return self._files

    def _walk(self) -> Iterator[tuple[str, ...]]:
        archive = archive_around(self._root)
        if archive is not None:
            inside = self._root.relative_to(archive).parts
            members = (tuple(name.split("/")) for name in sorted(list_members(archive)))
            yield from (parts[len(inside) :] for parts in members if parts[: len(inside)] == inside)
            return
        for folder, folders, names in os.walk(self._root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            inside = Path(folder).relative_to(self._root).parts
            yield from ((*inside, name) for name in sorted(names))


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _folded(parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_fold, parts))


def _take_apart(cell: str) -> tuple[tuple[str, ...], bool]:
    """The folded parts of a path, and whether it was written for another place."""
    text, is_foreign = cell.strip(), False
    if _SCHEME.match(text) or "/?d=" in text:
        is_foreign = True
        address = urlsplit(text)
        local = parse_qs(address.query).get("d")  # Label Studio's local files
        text = local[0] if local else unquote(address.path)
    if _DRIVE.match(text) or text.startswith("/"):
        is_foreign = True
    parts = PurePosixPath(text.replace("\\", "/")).parts
    return _folded(tuple(part for part in parts if part not in ("/", ".", "..", ""))), is_foreign
