"""The verdict of an audit, whether the data may be trusted, with its reasons and figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from groupwise.audit.findings import ENOUGH_RECALL
from groupwise.data.exclusion import CODE as EXCLUDED
from groupwise.data.file_notes import list_codes
from groupwise.report.audit_files import CONFLICT, COPIES, AuditFiles
from groupwise.report.audit_split import GivenSplit
from groupwise.report.words import as_sentence, percent, share_interval, share_text
from groupwise.stats.estimate import Estimate
from groupwise.text import count, verb

Level = Literal["stop", "care", "yes"]

MUCH_LOST = 0.01
"""Share of unusable images above which one should ask what happened to them."""

ANSWERS: Mapping[Level, str] = {"stop": "Not yet", "care": "With care", "yes": "Yes"}


IMAGES = ("ok", "warned", "quarantined")
"""What was meant to be an image, usable or not."""


@dataclass(frozen=True)
class KeyNumber:
    """A number with what it counts and what to compare it with."""

    value: str
    unit: str
    detail: str
    alarming: bool = False


@dataclass(frozen=True)
class Verdict:
    """The answer; `reasons` are sentences, the weightiest first."""

    level: Level
    reasons: tuple[str, ...]
    figures: tuple[KeyNumber, ...]

    @property
    def answer(self) -> str:
        """The answer to "may these data be trusted?"."""
        return ANSWERS[self.level]


def judge(files: AuditFiles) -> Verdict:
    """Weigh the findings: any of severity `stop` forbids trust, a warning or a weak audit asks for care."""
    faults, cares = list(_faults(files)), list(_cares(files))
    level: Level = "stop" if faults else "care" if cares else "yes"
    reasons = [*faults, *cares] or [_praise(files)]
    return Verdict(level, (*reasons, *_suspicions(files)), _figures(files))


def planted_recall(facts: Mapping[str, Any]) -> Estimate:
    """The share of planted copies that were found, with its interval; no value where none was planted."""
    low, high = facts.get("planted_recall_interval") or (None, None)
    return Estimate.from_json({"value": facts.get("planted_recall"), "low": low, "high": high})


def planted_by_depth(facts: Mapping[str, Any]) -> list[tuple[int, int, Estimate]]:
    """Operations of a planted copy, how many such were planted, and the share found; none in older audits."""
    rows = []
    for one in facts.get("planted_by_depth", ()):
        low, high = one["interval"]
        found = Estimate.from_json({"value": one["found"] / one["planted"], "low": low, "high": high})
        rows.append((one["operations"], one["planted"], found))
    return rows


def _faults(files: AuditFiles) -> Iterator[str]:
    if not files.usable:
        yield "Not one file can be used."
    elif alike := _alike(files):
        yield f"{alike}, so there is nothing to tell apart."
    if n := len(files.conflicts):
        stands = f"{count(n, files.conflict_noun)} {verb(n, 'stands', 'stand')} under more than one label"
        if files.conflict_noun == "photograph":
            yield f"{stands}, so at least {count(n, 'label')} {verb(n, 'is', 'are')} wrong."
        else:
            yield f"{stands}: a label is wrong, or it tells what changed from shot to shot and hardly shows."
    for one in files.of_severity("stop"):
        if one.code != CONFLICT:
            yield as_sentence(one.finding.title)


def _alike(files: AuditFiles) -> str:
    """Why the labels leave nothing to tell apart, as `refuse_alike` has it; empty where they do."""
    written, names = set(files.labels.values()), files.photographs_of
    if not names:
        return "No image has a label"
    if len(written) == 1:
        return f"All images carry {verb(len(names), 'one and the same label', 'the same labels')}"
    return "There is one label only, and images without any are no class" if len(names) == 1 else ""


def _cares(files: AuditFiles) -> Iterator[str]:
    warned = files.of_severity("warning")
    if any(one.code == COPIES for one in warned) and files.copies:
        yield (
            f"{_copies(files)}: {percent(files.copies / files.usable)} of those that can be used. A test on"
            " randomly chosen files would partly measure memory."
        )
    for code in dict.fromkeys(one.code for one in warned if one.code != COPIES):
        titles = [one.finding.title for one in warned if one.code == code]
        more = f" ({count(len(titles) - 1, 'more finding')} of this kind)" if len(titles) > 1 else ""
        yield as_sentence(titles[0] + more)
    if (given := GivenSplit.read(files.facts)) and given.leak:
        yield given.leak
    lost, images = len(files.with_status("quarantined")), len(files.with_status(*IMAGES))
    if files.usable and lost > MUCH_LOST * images:
        yield f"{lost:,} of {count(images, 'image file')} cannot be used."
    if files.usable:
        yield from _recall_warnings(planted_recall(files.facts))


def _recall_warnings(recall: Estimate) -> Iterator[str]:
    if recall.value is None:
        yield "There were too few images for the audit to measure how many copies it finds."
    elif recall.value < ENOUGH_RECALL:
        found = share_text(recall)
        yield f"The audit found only {found} of the copies planted to test it, so some may be left."


def _suspicions(files: AuditFiles) -> Iterator[str]:
    """A clean set may still be cut through its subjects, which a copy detector cannot see."""
    series = {path for one in files.suspected for path in one.finding.paths}
    if series and not files.groups_given:
        yield (
            f"Suspected, not certain: {count(len(series), 'file')} come from series of shots. If a series"
            " shows one subject, say so before the data are split."
        )


def _praise(files: AuditFiles) -> str:
    if files.copies:
        return f"No photograph stands under two labels. {_copies(files)}."
    return (
        f"The {count(files.usable, 'usable file')} show as many different photographs: no copies, and no"
        " label that contradicts another."
    )


def _copies(files: AuditFiles) -> str:
    if not files.copies:
        return "no copies"
    if files.noun != "photograph":
        return f"{count(files.copies, 'file')} {verb(files.copies, 'shows', 'show')} what another shows"
    return count(files.copies, "file") + verb(files.copies, " is a copy of another", " are copies of others")


def _figures(files: AuditFiles) -> tuple[KeyNumber, ...]:
    n, torn = len(files.conflicts), sum(len(one.paths) for one in files.conflicts)
    lost, ignored = len(files.with_status("quarantined")), files.with_status("ignored")
    listed = sum(EXCLUDED in list_codes(row["reason"]) for row in ignored)
    parts = (("left out by your list", listed), ("no images", len(ignored) - listed), ("not usable", lost))
    unused = [f"{words}: {number:,}" for words, number in parts if number]
    copied = f" ({percent(files.copies / files.usable)})" if files.copies else ""
    different = KeyNumber(
        f"{files.photographs:,}", f"different {files.noun}s among them", _copies(files) + copied
    )
    if files.resemble:
        different = KeyNumber(
            "?", "different photographs: not to be told", "the pictures resemble one another"
        )
    return (
        KeyNumber(
            f"{files.usable:,}", f"of {count(len(files.manifest), 'file')} can be used", ", ".join(unused)
        ),
        different,
        KeyNumber(
            f"{n:,}",
            f"{files.conflict_noun}{'s' * (n != 1)} under several labels",
            f"{torn:,} files show {verb(n, 'it', 'them')}" if n else "",
            alarming=n > 0,
        ),
        _quality(files.facts),
    )


def _quality(facts: Mapping[str, Any]) -> KeyNumber:
    recall, unit = planted_recall(facts), "of copies planted as a test were found"
    if recall.value is None:
        return KeyNumber(share_text(recall), unit, "too few images to measure it")
    tried = f"{facts['planted_found']:,} of {facts['planted']:,}; 95\N{NO-BREAK SPACE}% interval"
    return KeyNumber(share_text(recall), unit, f"{tried} {share_interval(recall)}")
