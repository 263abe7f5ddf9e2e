"""How DATA is to be read: the options that say so, and their words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from groupwise.data.layout import FOLDERS
from groupwise.errors import UsageError

AUTO, CLASSES = "auto", "classes"
"""Values of `layout`: recognise what a folder is, or take its folders for classes, whatever their names."""

ONE, SEVERAL = "one", "several"
LABELS = (AUTO, ONE, SEVERAL)
"""Values of `labels`: find out, or take one class, or a set of labels, an image."""

TEXTS = ("group_column", "group_regex", "label_column", "path_column", "label_regex", "layout", "labels")
"""The options that hold a text; `root` and `exclude` are paths."""

Labels = Literal["auto", "one", "several"]


@dataclass(frozen=True)
class ReadOptions:
    """Where labels, groups and folds of the images stand, what paths are relative to, and what is left out.

    The group is the cell in `group_column`, or what `group_regex` finds in the relative path: its first
    capture group, or the whole match; `label_regex` finds the label so. `label_column` and `path_column` are
    those of a table, whose paths are relative to its folder, or to `root`; in a folder, links that lead to
    below `root` are followed. With `layout` "classes" no folder is taken for anything but a class. `given`
    says where a ready split lies that is to be used: the column of a table, or `folders`; `pool` takes one in
    folders together. `exclude` is a list of paths to leave out. `labels` says whether an image has one or
    several; in class folders several are those of equal files. Raises UsageError for options that exclude
    one another or cannot be meant.
    """

    group_column: str | None = None
    group_regex: str | None = None
    label_column: str = "label"
    path_column: str = "path"
    label_regex: str | None = None
    root: Path | None = None
    layout: str = AUTO
    given: str | None = None
    exclude: Path | None = None
    labels: Labels = "auto"

    def __post_init__(self) -> None:
        if self.group_regex is not None and self.group_column is not None:
            raise UsageError(
                "--group-column is given as well", place="--group-regex", remedy="Give one of them, not both."
            )
        if self.layout not in (AUTO, CLASSES):
            raise UsageError(
                f"{self.layout!r} is none of {AUTO}, {CLASSES}", place="--layout", remedy="Give one of them."
            )
        if self.layout == CLASSES and self.given == FOLDERS:
            raise UsageError(
                f"--split.given {FOLDERS} takes some folders for folds",
                place=f"--layout {CLASSES}",
                remedy="Leave one of them out.",
            )
        if self.labels not in LABELS:
            raise UsageError(
                f"{self.labels!r} is none of {', '.join(LABELS)}",
                place="--labels",
                remedy="Give one of them.",
            )

    @classmethod
    def pick(cls, options: Mapping[str, Any], given: str | None) -> ReadOptions:
        """Those among the options of a verb, with the split that its recipe says is given."""
        picked = {field.name: options[field.name] for field in fields(cls) if field.name != "given"}
        root, exclude = picked.pop("root"), picked.pop("exclude")
        return cls(
            **picked,
            root=None if root is None else Path(root),
            exclude=None if exclude is None else Path(exclude),
            given=given,
        )

    def names_columns(self) -> bool:
        """Whether the user names the column of the paths or of the classes."""
        return not {"path_column", "label_column"}.isdisjoint(self.unusual())

    def unusual(self) -> dict[str, str]:
        """Those that are not the usual ones, apart from the given split, which a recipe keeps."""
        named = [field for field in fields(self) if field.name != "given"]
        return {
            field.name: str(getattr(self, field.name))
            for field in named
            if getattr(self, field.name) != field.default
        }


def reading_words(unusual: Mapping[str, str]) -> list[str]:
    """The options that read DATA so."""
    return [word for name, value in unusual.items() for word in (f"--{name.replace('_', '-')}", value)]
