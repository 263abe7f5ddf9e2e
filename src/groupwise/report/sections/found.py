"""What became of every file, and what the audit found."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from groupwise.data.file_notes import list_notes
from groupwise.data.manifest import Sample
from groupwise.report.audit_files import SEVERITIES, Finding
from groupwise.report.rendering import Section
from groupwise.runs.files import RunFiles
from groupwise.text import count

LONGEST_LIST = 40
SENTENCE_END = r"(?<=[.?!])\s+(?=[A-Z])"


def build(files: RunFiles) -> Section | None:
    """The data and their audit; nothing where neither was kept."""
    if not files.manifest and not files.findings:
        return None
    audited = (files.folder / "audit.html").is_file()
    facts = data_facts(files)
    return Section({"gist": _gist(facts), "data": facts, "source": files.ledger["data"], "audited": audited})


def _gist(facts: DataFacts) -> str:
    found = facts.findings
    told = "not audited" if found is None else f"{count(len(found), 'finding')}" if found else "no finding"
    return f"{count(facts.files, 'file')}, {told}" if facts.files else told


def told_once(findings: Sequence[Finding]) -> list[Finding]:
    """The findings without the sentences that one above has said of its own files, but for their first.

    Copies in every class would otherwise be explained class by class; the page of the audit does so.
    """
    told: set[str] = set()
    shown = []
    for one in findings:
        first, *further = re.split(SENTENCE_END, one.text)
        kept = [first, *(text for text in further if text not in told)]
        shown.append(replace(one, text=" ".join(kept), remedy="" if one.remedy in told else one.remedy))
        told |= {*further, one.remedy}
    return shown


@dataclass(frozen=True)
class DataFacts:
    """What became of every file, and what the audit found (None where it was not run).

    A reason is a status, a code, the sentence of the first file that has it, and how many have.
    """

    files: int
    statuses: list[tuple[str, int]]
    reasons: list[tuple[str, str, str, int]]
    remarkable: list[Sample]
    more: int
    findings: list[Finding] | None
    notes: list[str]


def data_facts(files: RunFiles) -> DataFacts:
    """Files by status and by reason, those that are not plainly ok by name, findings by severity."""
    statuses = Counter(sample.status for sample in files.manifest)
    remarks = [(sample.status, *remark) for sample in files.manifest for remark in list_notes(sample.reason)]
    reasons = Counter((status, code) for status, code, _ in remarks)
    first = {code: sentence for _, code, sentence in reversed(remarks)}
    remarkable = [sample for sample in files.manifest if sample.status == "quarantined"]
    findings = None if files.findings is None else list(map(Finding.read, files.findings))
    return DataFacts(
        files=len(files.manifest),
        statuses=[(status, statuses[status]) for status in ("ok", "warned", "quarantined", "ignored")],
        reasons=[(status, code, first[code], n) for (status, code), n in reasons.most_common()],
        remarkable=remarkable[:LONGEST_LIST],
        more=max(0, len(remarkable) - LONGEST_LIST),
        findings=findings and told_once(sorted(findings, key=lambda item: SEVERITIES.index(item.severity))),
        notes=[str(note) for note in files.ledger.get("notes") or ()],
    )
