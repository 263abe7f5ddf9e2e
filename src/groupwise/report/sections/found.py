"""What became of every file, and what the audit found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from groupwise.data.remarks import list_codes
from groupwise.report.finding import SEVERITIES, Finding
from groupwise.report.reading import RunFiles
from groupwise.report.section import Section

LONGEST_LIST = 40


def build(files: RunFiles) -> Section | None:
    """The data and their audit; nothing where neither was kept."""
    if not files.manifest and not files.findings:
        return None
    audited = (files.folder / "audit.html").is_file()
    return Section({"data": data_facts(files), "source": files.ledger["data"], "audited": audited})


@dataclass(frozen=True)
class DataFacts:
    """What became of every file, and what the audit found (None where it was not run)."""

    files: int
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
        files=len(files.manifest),
        statuses=[(status, statuses[status]) for status in ("ok", "warned", "quarantined", "ignored")],
        reasons=[(status, code, n) for (status, code), n in reasons.most_common()],
        remarkable=remarkable[:LONGEST_LIST],
        more=max(0, len(remarkable) - LONGEST_LIST),
        findings=findings and sorted(findings, key=lambda item: SEVERITIES.index(item.severity)),
        notes=[str(note) for note in files.ledger.get("notes") or ()],
    )
