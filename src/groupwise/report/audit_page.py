"""The page of an audit, `audit.html`, which says whether the data may be trusted."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from groupwise.data.targets import all_names
from groupwise.files import write_atomic
from groupwise.report.audit_files import (
    BRIDGES,
    CONFLICT,
    INSETS,
    SUSPECTED,
    AuditFiles,
    Finding,
    Named,
    Row,
    read_audit,
)
from groupwise.report.audit_split import GivenSplit
from groupwise.report.audit_verdict import judge, planted_by_depth, planted_recall
from groupwise.report.choose_page import CHOOSE, write_choose_page
from groupwise.report.rendering import render
from groupwise.report.thumbnails import Thumbnail, load_thumbnail
from groupwise.text import NBSP, count, duration, verb

SHOWN_CONFLICTS = 40
SHOWN_SIDE = 3
SHOWN_SETS = 6
SHOWN_COPIES = 8
OPEN_CONFLICTS = 6
OPEN_FINDINGS = 6
OPEN_ROWS = 20
LONGEST_LIST = 5000

UNSEEN = (
    "Two shots of one scene, a moment apart, are two photographs to it, not copies.",
    "The same person, place or thing photographed again is not a copy. Where you know which files belong"
    " together, say so with `--group-column` or `--group-regex`.",
    "A wrong label is noticed only where a copy contradicts it.",
    "A copy that keeps less than half of the picture, is redrawn or has lost its detail may go unnoticed.",
    "Whether the images are a fair sample of those the network is meant for, it cannot know.",
)


@dataclass(frozen=True, eq=False)
class Side:
    """What stands under one label: some of its files as tiles, and the names of all."""

    label: str
    tiles: list[Thumbnail]
    paths: list[str]


@dataclass(frozen=True, eq=False)
class Conflict:
    """A photograph under several labels; `picture` is the proof in base64, or nothing."""

    sides: list[Side]
    picture: str

    @property
    def many(self) -> bool:
        """Whether a side has several images to show."""
        return any(len(side.tiles) > 1 for side in self.sides)

    @property
    def seen(self) -> bool:
        """Whether an image of every side is there to be shown."""
        return all(side.tiles for side in self.sides)


@dataclass(frozen=True)
class Group:
    """Findings of one kind; `shared` and `remedy` are said once because they hold for each."""

    heading: str
    shared: str
    remedy: str
    findings: list[Finding]


@dataclass(frozen=True)
class ClassRow:
    """Image files of one class, how many of them are usable, and how many photographs those show."""

    label: str
    files: int
    usable: int
    photographs: int


def write_audit_page(folder: Path) -> Path:
    """Write `audit.html` and `choose.html` beside the other files of an audit.

    Returns its path; equal files give an equal page. Raises GroupwiseError where one of the four is missing,
    damaged or does not belong to the others; an image that is gone is left out of the pictures.
    """
    files = read_audit(folder)
    page = render(
        "audit.html",
        files=files,
        verdict=judge(files),
        conflicts=_conflicts(files),
        stops=[one.finding for one in files.of_severity("stop") if one.code != CONFLICT],
        warnings=_groups(files.of_severity("warning")),
        notes=_groups(files.of_severity("note")),
        suspected=_groups(list(map(_suspect, files.suspected))),
        given=GivenSplit.read(files.facts),
        classes=_class_rows(files),
        sets=_largest_sets(files),
        left_out=_reasons(files.with_status("quarantined")),
        ignored=_reasons(files.with_status("ignored")),
        remarks=_reason_counts(files.with_status("warned")),
        recall=planted_recall(files.facts),
        depths=planted_by_depth(files.facts),
        method=_method(files.facts),
        unseen=UNSEEN,
        open_conflicts=OPEN_CONFLICTS,
        open_findings=OPEN_FINDINGS,
        open_rows=OPEN_ROWS,
        longest_list=LONGEST_LIST,
        choose=CHOOSE,
    )
    write_choose_page(files)
    write_atomic(folder / "audit.html", page)
    return folder / "audit.html"


def _thumbnail(files: AuditFiles, path: str) -> Thumbnail:
    return Thumbnail(path, load_thumbnail(files.root / path, files.reading), files.labels[path])


def _seen(files: AuditFiles, paths: Sequence[str], most: int) -> list[Thumbnail]:
    return [tile for tile in (_thumbnail(files, path) for path in paths[:most]) if tile.image is not None]


def _conflicts(files: AuditFiles) -> list[Conflict]:
    """Each photograph under several labels; pictures for the first, names for all."""
    conflicts = []
    for number, finding in enumerate(files.conflicts):
        sides: dict[str, list[str]] = defaultdict(list)
        for path in finding.paths:
            sides[files.labels[path]].append(path)
        most = SHOWN_SIDE if number < SHOWN_CONFLICTS else 0
        shown = [Side(label, _seen(files, paths, most), paths) for label, paths in sorted(sides.items())]
        conflicts.append(Conflict(shown, finding.picture))
    return conflicts


def _suspect(one: Named) -> Named:
    """The finding under a title that claims no more than a suspicion."""
    if one.finding.title.lower().startswith(SUSPECTED):
        return one
    return replace(one, finding=replace(one.finding, title=f"Suspected: {one.finding.title}"))


def _groups(findings: Sequence[Named]) -> list[Group]:
    """Findings by code; what all of one code say, they say once."""
    kinds: dict[str, list[Finding]] = defaultdict(list)
    for one in findings:
        kinds[one.code].append(_in_pairs(one.finding) if one.code in (INSETS, BRIDGES) else one.finding)
    return [_group(code, found) for code, found in kinds.items()]


def _in_pairs(finding: Finding) -> Finding:
    """The finding with a line for each pair of its files."""
    pairs = zip(finding.paths[::2], finding.paths[1::2], strict=False)
    return replace(finding, paths=tuple(map(" + ".join, pairs)))


def _group(code: str, found: Sequence[Finding]) -> Group:
    if len(found) == 1:
        return Group(
            found[0].title, found[0].text, found[0].remedy, [replace(found[0], text="", remedy="", title="")]
        )
    said = [_sentences(one.text) for one in found]
    shared = [sentence for sentence in said[0] if all(sentence in other for other in said)]
    own = [" ".join(sentence for sentence in sentences if sentence not in shared) for sentences in said]
    same_remedy = len({one.remedy for one in found}) == 1
    return Group(
        code.replace("-", " ").capitalize(),
        " ".join(shared),
        found[0].remedy if same_remedy else "",
        [
            replace(one, text=text, remedy="" if same_remedy else one.remedy)
            for one, text in zip(found, own, strict=True)
        ],
    )


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+(?=[A-Z])", text)


def _class_rows(files: AuditFiles) -> list[ClassRow]:
    listed = [row["label"] for row in files.with_status("ok", "warned", "quarantined") if row["label"]]
    images, usable = Counter(all_names(listed)), Counter(all_names(files.labels.values()))
    return [
        ClassRow(label, images[label], usable[label], files.photographs_of[label])
        for label in sorted(images | usable)
    ]


def _largest_sets(files: AuditFiles) -> list[Side]:
    """The photographs with most copies, those under several labels apart; none where the images are gone."""
    torn = {path for finding in files.conflicts for path in finding.paths}
    copied = [paths for paths in files.members.values() if len(paths) > 1 and paths[0] not in torn]
    largest = sorted(copied, key=lambda paths: (-len(paths), paths[0]))[:SHOWN_SETS]
    sets = [Side(files.labels[paths[0]], _seen(files, paths, SHOWN_COPIES), paths) for paths in largest]
    return [one for one in sets if one.tiles]


def _reasons(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """(path, reason) of each file."""
    return [(row["path"], row["reason"]) for row in rows]


def _reason_counts(rows: Sequence[Row]) -> list[tuple[str, int]]:
    """The remarks and how many files bear each, the commonest first."""
    return Counter(part for row in rows for part in row["reason"].split("; ") if part).most_common()


def _method(facts: Mapping[str, Any]) -> list[str]:
    """How it was done, in sentences, as far as the facts are known."""
    said = [
        "Every file was opened and decoded in full, whatever its name says. The details of an image that"
        " survive turning, cropping and recolouring were noted; images that share enough of them were laid on"
        " one another, and the pixels compared."
    ]
    if facts.get("compared_pairs") is not None:
        exact = facts.get("exact_copies", 0)
        said.append(
            f"{count(facts['compared_pairs'], 'pair')} came that far, of which"
            f" {facts.get('transformed_pairs', 0):,} passed. {count(exact, 'file')}"
            f" {verb(exact, 'was', 'were')} known as exact {verb(exact, 'copy', 'copies')} without comparing."
        )
    if facts.get("null_pairs"):
        said.append(
            f"To see how often it is fooled, {count(facts['null_pairs'], 'comparison')} with photographic"
            f" negatives, which are copies of nothing, were made. {facts['null_accepted']:,} passed; the true"
            f" rate lies below {100 * facts['false_match_bound']:.2g}{NBSP}%."
        )
    if facts.get("seconds") is not None:
        said.append(f"It took {duration(facts['seconds'])}.")
    return said
