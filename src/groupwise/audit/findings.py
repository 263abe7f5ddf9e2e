"""Findings: plain words, file names and what to do, from clusters, suspicions and shortcuts."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from groupwise.audit.copies.detect import TINY_PX
from groupwise.audit.copies.tiny import RIGID_PX
from groupwise.audit.exposures import Shown
from groupwise.audit.likeness import Likeness
from groupwise.audit.sessions import Suspicion
from groupwise.audit.shortcuts import Shortcut
from groupwise.data.targets import is_set, say
from groupwise.text import count, percentage

Severity = Literal["stop", "warning", "note"]

FEW_PHOTOGRAPHS = 20
"""A class with fewer photographs cannot be measured: its recall moves by 5 points with each one."""

ENOUGH_RECALL = 0.9
"""Below this share of planted copies found, a clean result says little about the data."""

SERIES_FILE = "series.csv"
"""Beside `findings.json`: the samples with the suspected series, for who wants them bound."""

_CLUES = {
    "time": "were taken by one camera within seconds of one another",
    "numbering": "carry consecutive numbers, as shots taken in a row do",
    "names": "share the beginning of their names, as photographs of one subject often do",
}

_GROUP_OPTIONS = "`--group-column` or `--group-regex`"
_WEAK = (
    " Copies in your data may have gone unnoticed: where so many planted ones escaped, real ones do too, "
    "and a split may put them into training and test alike."
)


@dataclass(frozen=True)
class Finding:
    """One thing the user should know; `picture` is a PNG of the two files `pictured`, where one helps.

    `shown` says of joined files whether they show one photograph or one scene.
    """

    code: str
    severity: Severity
    title: str
    text: str
    remedy: str
    paths: tuple[str, ...] = ()
    picture: bytes | None = None
    pictured: tuple[str, ...] = ()
    shown: Shown | None = None

    def to_json(self) -> dict[str, Any]:
        """The entry of `findings.json`; the picture in base64, "" where there is none."""
        return {
            "code": self.code,
            "severity": self.severity,
            "title": self.title,
            "text": self.text,
            "remedy": self.remedy,
            "paths": list(self.paths),
            "pictured": list(self.pictured),
            "picture": base64.b64encode(self.picture or b"").decode(),
        } | ({"shown": self.shown} if self.shown else {})


def _listed(names: Sequence[str]) -> str:
    """ "labels: cat, dog", or of sets "sets of labels: cat, dog; cat"."""
    if any(map(is_set, names)):
        return f"sets of labels: {'; '.join(map(say, names))}"
    return f"labels: {', '.join(names)}"


def find_conflict(paths: Sequence[str], labels: Sequence[str], shown: Shown = "copies") -> Finding:
    """One cluster whose members stand under different labels, in the words that its evidence allows."""
    names = sorted(set(labels))
    title, text, remedy = _CONFLICTS[shown]
    return Finding(
        "copies-across-labels",
        "stop",
        f"{title} under {len(names)} {_listed(names)}",
        f"These {len(paths)} files {text}",
        f"{remedy} Until then all of them are left out, unless `--label-conflicts keep` trusts the labels or"
        " `--copies report` trusts that they are different pictures.",
        tuple(paths),
        shown=shown,
    )


_SHOTS_REMEDY = (
    "Look at them and mend the labels; if all are right, `--label-conflicts keep` trains on them and still"
    " keeps them in one fold."
)
_CONFLICTS: Mapping[Shown, tuple[str, str, str]] = {
    "copies": (
        "One photograph stands",
        "show the same photograph, so at least one of their labels is wrong, unless they were cut from it"
        " around different things. A model trained on them learns a contradiction, and a score counts a"
        " mistake that is not its own.",
        "Look at it and keep the file under the right label.",
    ),
    "shots": (
        "Shots of one scene stand",
        "were taken at different times and agree as copies do: shots of one subject or scene. Either a label"
        " is wrong, or it tells what changed from shot to shot and hardly shows.",
        _SHOTS_REMEDY,
    ),
    "alike": (
        "One photograph or scene stands",
        "agree as copies do, and their finest detail, which one exposure shares, does not: shots of one"
        " scene, or copies that have lost it. Either a label is wrong, or it tells what differs from shot to"
        " shot.",
        _SHOTS_REMEDY,
    ),
    "views": (
        "Views of one scene stand",
        "overlap in pairs that agree as copies do, so a part of the scene stands under several labels. Either"
        " a label is wrong, or it tells what shows in the rest of a picture.",
        _SHOTS_REMEDY,
    ),
}


def find_copies_in_class(
    label: str, clusters: Sequence[Sequence[str]], images: int, photographs: int, *, copies: bool = True
) -> Finding:
    """The clusters, each the paths of one photograph, within one class of `images` files.

    Without `copies` they are not proven to be copies of one exposure, and may be shots of one scene.
    """
    what, one, they = (
        ("photograph", "copies of one photograph", "copies") if copies else ("scene", "one scene", "they")
    )
    single = images - photographs == 1
    more = (
        f"{'is a copy of another file' if single else 'are copies of other files'}, exact or transformed"
        if copies
        else f"show{'s' * single} what another file shows,"
        " as shots of one scene or as copies of one photograph"
    )
    design = (
        ""
        if copies
        else (
            " Different things of one design, such as coins of one type, look alike as well: if these are,"
            " `--copies report` counts each alone."
        )
    )
    return Finding(
        "copies-in-class",
        "warning",
        f"Class {label}: {images} files, but only {count(photographs, f'different {what}')}",
        f"{images - photographs} of its files {more}; the largest set holds {max(map(len, clusters))}."
        f" A random split puts {one} into training and test alike, and the score then measures memory.",
        f"Nothing to do for a fair score: {they} stay in one fold, and intervals count {what}s.{design}",
        tuple(path for cluster in clusters for path in cluster),
    )


def find_few_photographs(label: str, photographs: int) -> Finding:
    """A class that has too few independent photographs to learn from or to measure."""
    return Finding(
        "few-photographs",
        "warning",
        f"Class {label} has only {count(photographs, 'independent photograph')}",
        f"Fewer than {FEW_PHOTOGRAPHS} different photographs cannot show how the class varies, and the "
        "part held back for the test is smaller still: its interval will be as wide as a guess.",
        "Collect more photographs of it, join it with a related class, or leave it out.",
    )


def find_suspicion(suspicion: Suspicion, likeness: Likeness, paths: Sequence[str]) -> Finding:
    """Suspected capture sessions, and how alike they look; they bind nothing until the user says so."""
    example = ", ".join(paths[i] for i in suspicion.groups[0][:4])
    clues = " and ".join(_CLUES[clue] for clue in suspicion.clues)
    return Finding(
        f"suspected-groups-{'-'.join(suspicion.clues)}",
        "note",
        f"Suspected: {suspicion.size} files come from {len(suspicion.groups)} series of shots",
        f"They {clues}, for example {example}. And they look it: two neighbours in a series are more alike"
        f" than two strangers of the same class in {percentage(likeness.closer)} % of cases, by chance in"
        f" 50 % (permutation test within the classes, p = {likeness.p_value:.3f}). If a series shows one"
        " subject, a split that cuts it scores how well the model recognises that subject.",
        f"If you know the subject of each file (patient, student, device), give it: {_GROUP_OPTIONS}. If the"
        f" series are right, `{SERIES_FILE}` holds them: give it for DATA with `--group-column"
        f" {suspicion.column}`.",
        tuple(paths[i] for group in suspicion.groups for i in group),
    )


def find_shortcut(shortcut: Shortcut) -> Finding:
    """A clue that should say nothing about the label, and does."""
    return Finding(
        f"shortcut-{shortcut.clue.replace(' ', '-')}",
        "warning" if shortcut.lift > 0.5 else "note",
        f"The {shortcut.clue} alone tells the label in {percentage(shortcut.balanced_accuracy)} % of cases",
        f"Guessing would reach {100 * shortcut.chance:.0f} % (balanced accuracy, cross-validated, no "
        "photograph on both sides). A model may learn this, not the subject, and fail elsewhere.",
        "Ask whether the classes were photographed, cropped or saved in different ways; if so, undo that.",
    )


def find_resemblance(images: int, photographs: int) -> Finding:
    """Pictures that nearly all pass for copies of one another, as of one part, print or form."""
    return Finding(
        "resemblance",
        "warning",
        f"The pictures resemble one another: {images} would be {count(photographs, 'different photograph')}",
        "Pictures of one kind of part under a fixed camera, printed characters and scans of one form agree as"
        " copies do, so the audit cannot tell which of these are copies. It binds files of equal content"
        " alone, leaves out those of them that stand under several labels, and finds no other label that"
        " errs. If some are copies, the same thing stands in training and test, and the score is too high.",
        f"Say which images belong together (the part, the sheet, the sitting): {_GROUP_OPTIONS}. If they are"
        " copies of so few photographs, --copies group keeps them together.",
    )


def find_bridges(pairs: Sequence[tuple[str, str]]) -> Finding:
    """Pairs that look like copies but would alone join two large clusters."""
    return Finding(
        "bridges",
        "note",
        f"Kept apart: {count(len(pairs), 'pair')} that alone would join two large sets of copies",
        "Such a pair passes for a copy, but its sets share no pair of two other files: they were kept apart.",
        "Look at each pair: a collage joins so. If it is a copy, give both sets one group in a group column.",
        tuple(path for pair in pairs for path in pair),
    )


def find_quality(facts: Mapping[str, Any]) -> Finding:
    """The audit's own error bar; a warning where too many of the planted copies escaped it."""
    weak = facts["planted_recall"] < ENOUGH_RECALL
    found, low, high = map(percentage, (facts["planted_recall"], *facts["planted_recall_interval"]))
    return Finding(
        "audit-quality",
        "warning" if weak else "note",
        f"Of copies that the audit made of your images as a test it found {found} %, so expect at least"
        f" {low} %{_tell_weak(facts) if weak else ''}",
        f"{facts['planted']} copies of your own photographs, each changed by one to six operations at once, "
        f"were mixed in, and {facts['planted_found']} were recognised (95 % interval {low} to {high} %)"
        f"{_tell_depths(facts.get('planted_by_depth', ()))}. Of "
        f"{facts['null_pairs']} comparisons with photographic negatives, which are copies of nothing, "
        f"{facts['null_accepted']} passed: a false-match rate below "
        f"{100 * facts['false_match_bound']:.2f} %.{_WEAK if weak else ''}"
        f"{_tell_rigid(facts['rigid_images'])}",
        f"If you know which files belong together, say so with {_GROUP_OPTIONS}."
        if weak
        else "Nothing to do.",
    )


def _tell_depths(depths: Sequence[Mapping[str, Any]]) -> str:
    """The share found of each number of operations, with its interval."""
    parts = []
    for one in depths:
        low, high = map(percentage, one["interval"])
        share = percentage(one["found"] / one["planted"])
        parts.append(f"of {one['operations']} {share} % ({low} to {high})")
    return f": {', '.join(parts)}" if parts else ""


def _tell_weak(facts: Mapping[str, Any]) -> str:
    """Why so few were found, where that is known, and what follows."""
    tiny = facts["tiny_images"] > facts["images"] / 2
    why = f"images of at most {TINY_PX} px hold too little detail, so " if tiny else ""
    return f": {why}real copies may go unnoticed. If you know which files belong together, give groups"


def _tell_rigid(images: int) -> str:
    if not images:
        return ""
    return (
        f" {images} of your images have fewer than {RIGID_PX} pixels on the short side. So small, only "
        "copies that are hardly changed, turned by a right angle or mirrored can be told from look-alikes."
    )


def group_by(values: Sequence[int]) -> dict[int, list[int]]:
    """Positions of each value, in order of first appearance."""
    groups: dict[int, list[int]] = defaultdict(list)
    for position, value in enumerate(values):
        groups[int(value)].append(position)
    return groups
