"""Targets: what an image is to be called, one class or a set of labels, and how it is written, here alone.

One class is written as its name. A set stands between bars, its names in order: `|cat|dog|`; the empty one,
of an image that shows none of them, is `|`. So a manifest, a split and a list of answers hold either kind in
the same column, two equal sets are equal text, and a data set is one of sets where its labels are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from groupwise.errors import GroupwiseError, UsageError
from groupwise.stats.arrays import Ints
from groupwise.text import listed

NAMES_SHOWN = 12  # of classes and folds, in a message
BAR = "|"
ONE_CLASS = "has no meaning where images have several labels"


def is_set(label: str) -> bool:
    """Whether a label is a set of names."""
    return label.startswith(BAR)


def write_set(names: Iterable[str]) -> str:
    """A set of names as one label."""
    return BAR + "".join(f"{name}{BAR}" for name in sorted(set(names)))


def read_names(label: str) -> tuple[str, ...]:
    """The names that a label holds: of a class itself, of a set its members, none of the empty one."""
    return tuple(name for name in label.split(BAR) if name) if is_set(label) else (label,)


def say(label: str) -> str:
    """A label as a sentence has it."""
    return (", ".join(read_names(label)) or "none of the labels") if is_set(label) else label


@dataclass(frozen=True, eq=False)
class Targets:
    """The targets of N images.

    `values` are class numbers (N,) int64, or with `several` 1 for each label that an image has, (N, K) uint8;
    the columns are `classes`. An image that takes no part may be of none of them, -1 or a row of zeros.
    """

    classes: tuple[str, ...]
    values: Ints | npt.NDArray[np.uint8]

    @property
    def several(self) -> bool:
        return self.values.ndim == 2

    @classmethod
    def of(cls, labels: Sequence[str], classes: Sequence[str] | None = None) -> Targets:
        """Of written labels; `classes` are all names in them, sorted, unless they are given."""
        names = tuple(sorted(set(all_names(labels))) if classes is None else classes)
        number = {name: k for k, name in enumerate(names)}
        if not any(map(is_set, labels)):
            return cls(names, np.array([number.get(label, -1) for label in labels], dtype=np.int64))
        values = np.zeros((len(labels), len(names)), dtype=np.uint8)
        for row, label in zip(values, labels, strict=True):
            row[[number[name] for name in read_names(label) if name in number]] = 1
        return cls(names, values)

    @property
    def members(self) -> npt.NDArray[np.uint8]:
        """1 for each class that an image is of, (N, K), whichever kind the targets are."""
        if self.several:
            return np.asarray(self.values, dtype=np.uint8)
        return np.asarray(self.values[:, None] == np.arange(len(self.classes)), dtype=np.uint8)


def all_names(labels: Iterable[str]) -> list[str]:
    """The names in labels, as often as they stand there."""
    return [name for label in labels for name in read_names(label)]


def refuse_sets(labels: Iterable[str], what: str) -> None:
    """Raise `UsageError` for labels that are sets, where `what` wants one class an image."""
    refuse_several(any(map(is_set, labels)), what)


def refuse_several(several: bool, what: str) -> None:
    """Raise `UsageError` where images have `several` labels and `what` wants one class an image."""
    if several:
        raise UsageError(
            ONE_CLASS, place=what, remedy="It can be used where each image has one class (`--labels one`)."
        )


def refuse_alike(labels: Sequence[str]) -> None:
    """Raise `GroupwiseError` where labels leave nothing to tell apart."""
    classes = set(all_names(labels))
    if len(classes) < 2:
        raise GroupwiseError(
            f"{len(classes)} class, and there is nothing to tell apart with fewer than two",
            place="split",
            remedy="Give a folder with one sub-folder a class, or a CSV with several labels.",
        )
    if len(set(labels)) < 2:
        raise GroupwiseError(
            f"every image has the same labels, {listed(sorted(classes), NAMES_SHOWN)}, so there is nothing to"
            " tell apart",
            place="split",
            remedy="Add images without some of them.",
        )
