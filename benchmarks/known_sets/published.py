"""A published set in a local copy: what is listed of it, and whether the copy is the one meant."""

from __future__ import annotations

import csv
import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

COLUMNS = ("path", "label", "source", "part")


class Picture(NamedTuple):
    """A file of the copy, by its path with forward slashes; `group` is "" where the publisher tells none.

    `part` is `train`, `val` or `test` as the publisher divides the pictures, "" where they are not divided.
    """

    path: str
    label: str
    group: str = ""
    part: str = ""


@dataclass(frozen=True)
class KnownSet:
    """A set that many use.

    `source` is the repository whose `commit` was read, `folder` what of it the pictures lie in (to the
    command line; "" for all of it), `files` and `digest` what `list_pictures` found there. `grouped` says in
    words what a group is; "" where nothing tells. Of a set of more than `drawn` pictures a row is measured on
    a part, see `draw`. `minutes` are the budget of the page's command: where pictures are many, looking for
    copies among them leaves too little of five.
    """

    name: str
    title: str
    field: str
    source: str
    commit: str
    licence: str
    files: int
    digest: str
    read: Callable[[Path], list[Picture]]
    grouped: str = ""
    drawn: int = 6000
    minutes: int = 5

    def list_pictures(self, copy: Path) -> list[Picture]:
        """What the reader finds, in order of paths; ends the program where that is not what was published."""
        try:
            pictures = sorted(self.read(copy))
        except OSError as error:  # such as a list that the publisher's copy holds
            raise SystemExit(f"{copy}: {error}; a copy is {self.source} at {self.commit}") from None
        if not pictures:
            raise SystemExit(f"{copy}: no pictures of {self.title}; a copy is {self.source} at {self.commit}")
        found = digest(copy, pictures)
        if (len(pictures), found) != (self.files, self.digest):
            raise SystemExit(
                f"{copy}: {len(pictures):,} pictures of digest {found}, where {self.source} at {self.commit}"
                f" holds {self.files:,} of digest {self.digest}; nothing published of it is true of others."
                f" `git -C {copy} status` names what differs"
            )
        return pictures

    def command(self, listing: str, copy: str) -> str:
        """What splits the table `listing` of a copy, and trains on it."""
        groups = " --group-column source" * bool(self.grouped)
        budget = f" --budget {self.minutes}min"
        return f"groupwise train {listing} --root {copy}{groups}{budget} --run runs/{self.name}"

    def draw(self, pictures: Sequence[Picture]) -> list[Picture]:
        """The pictures if they are at most `drawn`, else whole groups, by chance, that hold no more."""
        if len(pictures) <= self.drawn:
            return list(pictures)
        members: dict[str, list[Picture]] = {}
        for one in pictures:
            members.setdefault(one.group or one.path, []).append(one)
        names = sorted(members)
        random.Random(0).shuffle(names)
        found: list[Picture] = []
        for name in names:
            if len(found) + len(members[name]) > self.drawn:
                break
            found += members[name]
        return sorted(found)


def digest(copy: Path, pictures: Sequence[Picture]) -> str:
    """The first 16 digits of the SHA-256 over the paths, labels, groups, parts and contents."""
    total = hashlib.sha256()
    for picture in pictures:
        with (copy / picture.path).open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        total.update("\t".join((*picture, content)).encode() + b"\n")
    return total.hexdigest()[:16]


def write_list(pictures: Sequence[Picture], out: Path) -> None:
    """The pictures as a table that every command of Groupwise reads with `--root COPY`."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", newline="", encoding="utf-8") as lines:
        csv.writer(lines).writerows([COLUMNS, *pictures])
