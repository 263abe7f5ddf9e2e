"""Class names of new data as those of a run: by name, or by a name that differs in case and blanks alone."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from groupwise.data.targets import all_names, read_names, write_set
from groupwise.errors import UsageError, did_you_mean
from groupwise.text import listed

SHOWN = 5


@dataclass(frozen=True)
class MatchedClasses:
    """The class of the run for each name that has one, the images of the others, and classes without images.

    `respelled` are those of `known` whose spelling is another.
    """

    known: dict[str, str]
    unknown: dict[str, int]
    missing: tuple[str, ...]

    def label(self, written: str, *, several: bool) -> str | None:
        """A label in the names of the run, of a run of sets a set; None where it has an unknown name."""
        names = [self.known.get(name) for name in read_names(written)]
        if not all(names):
            return None
        return write_set(filter(None, names)) if several else names[0]

    @property
    def respelled(self) -> dict[str, str]:
        return {name: own for name, own in self.known.items() if name != own}


def match_classes(labels: Iterable[str], classes: Sequence[str], *, ignore_unknown: bool) -> MatchedClasses:
    """Match the labels of new images, a class or a set of names an image, with the classes of a run.

    Raises `UsageError` where a label is none of the classes, unless such images are to be left out, and where
    none is left.
    """
    counts = Counter(all_names(labels))
    spelled: dict[str, list[str]] = {}
    for name in classes:
        spelled.setdefault(_folded(name), []).append(name)
    known: dict[str, str] = {}
    for name in counts:
        near = spelled.get(_folded(name), [])
        if name in classes:
            known[name] = name
        elif len(near) == 1:  # of two that differ in case alone, nobody knows which is meant
            known[name] = near[0]
    unknown = {name: n for name, n in sorted(counts.items()) if name not in known}
    if unknown and not ignore_unknown:
        raise _unknown(unknown, classes)
    if not known:
        raise UsageError(
            f"no image has a class of the run, which are {_quoted(classes)}",
            place="--external",
            remedy="Rename the classes of the new data, or give their column with --label-column.",
        )
    missing = tuple(name for name in classes if name not in known.values())
    return MatchedClasses(known, unknown, missing)


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _unknown(unknown: dict[str, int], classes: Sequence[str]) -> UsageError:
    named = listed([f"{name!r} ({n:,})" for name, n in unknown.items()], SHOWN)
    first = next(iter(unknown))
    return UsageError(
        f"{sum(unknown.values()):,} images have a class that the run does not know: {named}; its"
        f" classes are {_quoted(classes)}{did_you_mean(first, classes)}",
        place="--external",
        remedy="Rename them, or leave those images out with --ignore-unknown-classes.",
    )


def _quoted(classes: Sequence[str]) -> str:
    return listed([repr(name) for name in classes], 2 * SHOWN)
