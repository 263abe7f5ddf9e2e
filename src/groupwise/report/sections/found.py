"""What became of every file, and what the audit found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from groupwise.data.file_notes import list_notes
from groupwise.data.manifest import Sample
from groupwise.report.audit_files import SEVERITIES, Finding
from groupwise.report.rendering import Section
from groupwise.runs.files import RunFiles

LONGEST_LIST = 40


def build(files: RunFiles) -> Section | None:
    """The data and their audit; nothing where neither was kept."""
    if not files.manifest and not files.findings:
        return None
    audited = (files.folder / "audit.html").is_file()
    return Section({"data": data_facts(files), "source": files.ledger["data"], "audited": audited})


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
        findings=findings and sorted(findings, key=lambda item: SEVERITIES.index(item.severity)),
        notes=[str(note) for note in files.ledger.get("notes") or ()],
    )
