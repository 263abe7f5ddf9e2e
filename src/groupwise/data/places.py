"""Where the paths of a table lead: as written, below another root, or found by their names."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import replace
from pathlib import Path

from groupwise.data.archive import archive_around, is_there
from groupwise.data.finder import AmbiguousNameError, Finder
from groupwise.data.fold_names import UNLABELLED, fold_of_name
from groupwise.data.folder import judge_kind
from groupwise.data.manifest import Sample, Status

OUTSIDE_ROOT = "outside-root"


class Places:
    """Where the paths of a table lead: below `root`, as written or under another spelling.

    Both the table and `root` may lie within an archive, or be one.
    """

    def __init__(self, file: Path, root: Path | None) -> None:
        self._base = Path(os.path.abspath(file.parent))  # noqa: PTH100  # resolve() would follow links
        self._asked = root.resolve() if root is not None else None
        self.root = self._asked or self._base.resolve()
        self._packed = archive_around(self.root) is not None
        self._finder = Finder(self.root, _fold_of_table(file))
        self._found: list[tuple[str, str]] = []
        self._ambiguous: list[tuple[str, str, str]] = []

    def locate(self, sample: Sample) -> Sample:
        """The sample with its path below the root, or with what is wrong with it."""
        cell = sample.path
        if not cell or "\0" in cell:
            return replace(sample, status="quarantined", reason="missing: the row names no file")
        written = self._as_written(cell)
        relative = self._find_relative(cell if written is None else written)
        if written is None:
            try:
                found = self._finder.find(cell)
            except AmbiguousNameError as error:
                first, second = map(str, error.args)
                self._ambiguous.append((cell, first, second))
                reason = f"ambiguous: {first} and {second} are both called so".replace(";", ",")
                return replace(sample, status="quarantined", reason=reason)
            if found is not None:
                self._found.append((cell, found))
                relative = found
        if relative is None:
            return replace(sample, status="quarantined", reason=self._why_not(cell))
        status, reason = self._judge(relative) or ("ok", "")
        return replace(sample, path=relative, status=status, reason=reason)

    def leads_to_image(self, cell: str) -> bool:
        """Whether a cell leads to one image, as written or by its name."""
        try:
            return bool(cell) and self._finder.find(cell) is not None
        except AmbiguousNameError:
            return False

    def _as_written(self, cell: str) -> str | None:
        """The cell, or with the slashes of this system, whichever is there and no folder."""
        for way in dict.fromkeys((cell, cell.replace("\\", "/"))):
            there = [base / way for base in (self.root, self._base) if self._is_there(base / way)]
            if not all(map(os.path.isdir, there)):  # where `3` is a folder, 3.jpg may be meant
                return way
        return None

    def _find_relative(self, cell: str) -> str | None:
        # An absolute path may name the folder as the user does or as it really is.
        bases = (self.root,) if self._asked else (self._base, self.root)
        for base in bases:
            relative = _below(base, cell)
            if relative is not None and (not self._asked or self._is_there(base / relative)):
                return relative.as_posix()
        if self._asked and os.path.lexists(self._base / cell):
            real = Path(os.path.realpath(self._base / cell))
            if real.is_relative_to(self.root):
                return real.relative_to(self.root).as_posix()
        return None

    def _why_not(self, cell: str) -> str:
        """What is wrong with a path that leads to nothing below the root."""
        if _below(self.root, cell) is None or os.path.lexists(self._base / cell):
            return f"{OUTSIDE_ROOT}: the path leads out of the CSV's folder"
        return "missing: no such file"

    def _is_there(self, path: Path) -> bool:
        return os.path.lexists(path) or (self._packed and is_there(path))

    def _judge(self, relative: str) -> tuple[Status, str] | None:
        if not self._packed:
            return judge_kind(self.root, self.root / relative)
        return None if is_there(self.root / relative) else ("quarantined", "missing: no such file")

    def notes(self) -> list[str]:
        """That some paths were found under another spelling, or could mean several files."""
        notes = []
        if self._found:
            cell, found = self._found[0]
            notes.append(
                f"{len(self._found):,} paths are not there as written, and were found by their names, such as"
                f" {cell!r} as {found!r}."
            )
        if self._ambiguous:
            cell, first, second = self._ambiguous[0]
            folder = self.root / Path(first).parent
            notes.append(
                f"{len(self._ambiguous):,} names are borne by several files each, such as {cell!r} by {first}"
                f" and {second}, and are left out. If they lie in one folder, give it: --root"
                f" {shlex.quote(str(folder))}."
            )
        return notes


def _below(base: Path, cell: str) -> Path | None:
    """The path of a cell from `base` on, as written, or None where it leads out of that."""
    relative = Path(os.path.relpath(os.path.join(base, cell), base))  # noqa: PTH118  # no pathlib twin
    return None if relative.parts[:1] == (os.pardir,) else relative


def _fold_of_table(file: Path) -> str | None:
    """The fold whose images a table lists by its own name: `train_labels.csv`, as competitions have it."""
    folds = {fold_of_name(word) for word in re.findall(r"[^\W\d_]+", file.stem)} - {None, UNLABELLED}
    return folds.pop() if len(folds) == 1 else None
