"""Turns split, manifest, findings and history into statements, and lists what nobody looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from groupwise.data.remarks import list_codes
from groupwise.report.protocol import sources_known
from groupwise.report.reading import RunFiles
from groupwise.report.words import count, duration, percent, verb

NOT_SAID = (
    "It says nothing about cameras, places, people or times other than those that were sampled.",
    "It says nothing about images that belong to none of the classes: any image gets a class.",
    "It is an average: single classes, and kinds of image within a class, can fare far worse.",
    "It is no diagnosis and no clearance for use where an error harms someone.",
)

NOT_CHECKED = (
    "Whether those who took or are shown in the images agreed to this use, and what their licence allows.",
    "Who gave the labels, how, and whether a second person would give the same.",
    "Whether the images are a fair sample of those the network is meant for.",
    "Whether people, places or devices of one kind fare worse than others.",
)
LONGEST_LIST = 40


@dataclass(frozen=True)
class FoldTable:
    """Images and sources of each class in each fold, and what the proof says of them."""

    folds: list[str]
    rows: list[tuple[str, list[dict[str, int]]]]
    totals: list[dict[str, Any]]
    proof: str
    examples: list[str]


def fold_table(files: RunFiles) -> FoldTable:
    """The split as a table."""
    folds: dict[str, Any] = files.split["folds"]
    labels = sorted({label for fold in folds.values() for label in fold["classes"]})
    none = {"n": 0, "sources": 0}
    spanning, sources = files.split["spanning_sources"], files.split["sources"]
    if spanning:
        proof = (
            f"{spanning:,} of {count(sources, 'source')} {verb(spanning, 'spans', 'span')} two folds or more."
        )
    elif sources_known(files):
        proof = f"No source spans two folds: each of the {sources:,} lies in one fold as a whole."
    else:
        proof = "No source is known to hold more than one image, so none can span two folds."
    return FoldTable(
        folds=list(folds),
        rows=[(label, [fold["classes"].get(label, none) for fold in folds.values()]) for label in labels],
        totals=list(folds.values()),
        proof=proof,
        examples=[", ".join(map(str, names)) for names in files.split.get("spanning_examples") or ()][:5],
    )


SEVERITIES = ("stop", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """What the audit says of the data; `picture` is a PNG in base64, or nothing."""

    severity: str
    title: str
    text: str
    remedy: str
    paths: tuple[str, ...]
    picture: str

    @classmethod
    def read(cls, item: Mapping[str, Any]) -> Finding:
        """From an entry of `findings.json`; an unknown severity is shown as a warning."""
        severity = item.get("severity")
        return cls(
            severity if severity in SEVERITIES else "warning",
            str(item.get("title") or item.get("code") or "untitled"),
            str(item.get("text") or ""),
            str(item.get("remedy") or ""),
            tuple(map(str, item.get("paths") or ())),
            str(item.get("picture") or ""),
        )


@dataclass(frozen=True)
class DataFacts:
    """What became of every file, and what the audit found (None where it was not run)."""

    statuses: list[tuple[str, int]]
    reasons: list[tuple[str, str, int]]
    remarkable: list[dict[str, str]]
    more: int
    findings: list[Finding] | None
    notes: list[str]


def data_facts(files: RunFiles) -> DataFacts:
    """Files by status and by reason, those that are not plainly ok by name, findings by severity."""
    statuses = Counter(row["status"] for row in files.manifest)
    reasons = Counter((row["status"], code) for row in files.manifest for code in list_codes(row["reason"]))
    remarkable = [row for row in files.manifest if row["status"] == "quarantined"]
    findings = None if files.findings is None else list(map(Finding.read, files.findings))
    return DataFacts(
        statuses=[(status, statuses[status]) for status in ("ok", "warned", "quarantined", "ignored")],
        reasons=[(status, code, n) for (status, code), n in reasons.most_common()],
        remarkable=remarkable[:LONGEST_LIST],
        more=max(0, len(remarkable) - LONGEST_LIST),
        findings=findings and sorted(findings, key=lambda item: SEVERITIES.index(item.severity)),
        notes=[str(note) for note in files.ledger.get("notes") or ()],
    )


def time_spent(files: RunFiles) -> str:
    """Where the time of training went, or nothing without a history."""
    seconds = sum(row["seconds"] for row in files.history)
    if not seconds:
        return ""
    images = sum(row["seconds"] * row["images_per_second"] for row in files.history)
    waiting = sum(row["waiting_seconds"] for row in files.history)
    epochs = len(files.history)
    return (
        f"Training took {duration(seconds)} for {epochs} {verb(epochs, 'epoch', 'epochs')}, at"
        f" {images / seconds:,.0f} images a second; {percent(waiting / seconds)} of that time"
        " the network waited for images."
    )


def unchecked(files: RunFiles) -> list[str]:
    """What the software cannot or did not look at."""
    further = []
    if files.findings is None:
        further.append(
            "Whether images show copies under different labels, or a shortcut such as file size gives the"
            " label away: no audit was run."
        )
    if not any(row["group"] for row in files.assignments):
        further.append("Which images show the same person, place or thing: no groups were given.")
    return [*further, *NOT_CHECKED]
