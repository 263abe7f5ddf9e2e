"""Suspected sessions: photographs taken in one go, by file names, EXIF times and cameras.

Nothing here is proof, so a group found here never binds a split: where the pictures look it (`likeness`), the
user is told and decides.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePosixPath

SAME_SESSION_S = 30.0
"""Shots of one camera with no longer pause than this are suspected to be of one subject."""

_START = datetime(1970, 1, 1)  # a difference to it can be had of any date, a time stamp of the system not
_LEAST = 3  # photographs a run or session
_SAME_FILES = 0.9  # share of the files that two clues must have in common to be one suspicion
_NUMBERED = re.compile(r"^(.*?)(\d{1,9})$")
_TOKENS = re.compile(r"[^_\-. ]+")


@dataclass(frozen=True)
class Exif:
    """Camera ("" if unknown) and the time of exposure (None if unknown) of one file."""

    camera: str = ""
    taken: datetime | None = None


@dataclass(frozen=True)
class Suspicion:
    """Groups of sample numbers that `clues` put together: "time", "numbering", both, or "names"."""

    clues: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]

    @property
    def column(self) -> str:
        """What its series are called in a table."""
        return f"series_{'_'.join(self.clues)}"

    @property
    def files(self) -> set[int]:
        """The samples in any group."""
        return {i for group in self.groups for i in group}

    @property
    def size(self) -> int:
        """Number of photographs in any group."""
        return len(self.files)


def suspect_groups(
    paths: Sequence[str], exif: Sequence[Exif], clusters: Sequence[int] | None = None
) -> list[Suspicion]:
    """What time stamps, numbering runs and shared name tokens suggest.

    A series wholly inside one of the `clusters` of copies is explained already and left out. Times and
    numbers that speak of nearly the same files are one suspicion.
    """
    time, numbering, names = (
        Suspicion((clue,), _unexplained(groups, clusters))
        for clue, groups in (
            ("time", _sessions(exif)),
            ("numbering", _numbering_runs(paths)),
            ("names", _shared_names(paths)),
        )
    )
    common, either = len(time.files & numbering.files), len(time.files | numbering.files)
    shots = [time, numbering]
    if common > _SAME_FILES * either:
        # Times say more than numbers, so theirs are the groups.
        shots = [replace(time, clues=("time", "numbering"))]
    return [suspicion for suspicion in (*shots, names) if suspicion.groups]


def _unexplained(
    groups: tuple[tuple[int, ...], ...], clusters: Sequence[int] | None
) -> tuple[tuple[int, ...], ...]:
    if clusters is None:
        return groups
    return tuple(group for group in groups if len({clusters[i] for i in group}) > 1)


def _sessions(exif: Sequence[Exif]) -> tuple[tuple[int, ...], ...]:
    by_camera: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for i, one in enumerate(exif):
        if one.taken is not None:
            by_camera[one.camera].append(((one.taken - _START).total_seconds(), i))
    return _collect(_runs(shots, SAME_SESSION_S) for shots in by_camera.values())


def _numbering_runs(paths: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Consecutive numbers after one prefix, in whatever folders; a whole set numbered 1 to n says nothing."""
    by_prefix: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for i, path in enumerate(paths):
        if match := _NUMBERED.match(PurePosixPath(path).stem):
            by_prefix[match[1]].append((float(match[2]), i))
    runs = [_runs(numbers, 1.0) for numbers in by_prefix.values()]
    return _collect(found for found in runs if len(found) > 1)


def _runs(values: Iterable[tuple[float, int]], step: float) -> list[list[int]]:
    """Cut sorted values wherever the gap is more than `step`."""
    runs: list[list[int]] = []
    last = float("-inf")
    for value, i in sorted(values):
        if value - last > step:
            runs.append([])
        runs[-1].append(i)
        last = value
    return runs


def _shared_names(paths: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Names that begin alike, such as P034_left_1 and P034_right_2, at the first depth with real groups."""
    tokens = [_TOKENS.findall(PurePosixPath(path).stem) for path in paths]
    for depth in (1, 2, 3):
        groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for i, one in enumerate(tokens):
            if len(one) > depth and any(character.isdigit() for character in one[depth - 1]):
                groups[tuple(one[:depth])].append(i)
        shared = [group for group in groups.values() if len(group) > 1]
        if len(shared) >= _LEAST and max(map(len, shared)) < len(paths) / 2:
            return _collect([shared], least=2)
    return ()


def _collect(parts: Iterable[list[list[int]]], least: int = _LEAST) -> tuple[tuple[int, ...], ...]:
    return tuple(sorted(tuple(sorted(run)) for runs in parts for run in runs if len(run) >= least))
