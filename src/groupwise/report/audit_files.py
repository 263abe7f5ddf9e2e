"""The files of one audit, checked, with the counts that the page says of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from groupwise.data.manifest import USABLE
from groupwise.data.pixel_reading import Reading
from groupwise.data.targets import read_names
from groupwise.errors import GroupwiseError
from groupwise.files import read_csv, read_json

CONFLICT = "copies-across-labels"
COPIES = "copies-in-class"
QUALITY = "audit-quality"
INSETS = "insets"
BRIDGES = "bridges"
SUSPECTED = "suspected"

Row = dict[str, str]
SEVERITIES = ("stop", "warning", "note")
NEEDED = ("manifest.csv", "clusters.csv", "findings.json", "audit.json")


@dataclass(frozen=True)
class Named:
    """A finding and its code."""

    code: str
    finding: Finding

    @classmethod
    def read(cls, item: Mapping[str, Any]) -> Named:
        """From an entry of `findings.json`."""
        finding = Finding.read(item)
        return cls(finding.code, finding)


@dataclass(frozen=True)
class AuditFiles:
    """What `manifest.csv`, `clusters.csv`, `findings.json` and `audit.json` hold, and simple counts of it."""

    folder: Path
    manifest: list[Row]
    clusters: list[Row]
    findings: list[Named]
    facts: Mapping[str, Any]

    @property
    def root(self) -> Path:
        """Where the images lie."""
        return Path(self.facts["root"])

    @property
    def reading(self) -> Reading:
        """How the samples of deep pictures became levels; older audits have not kept it."""
        return Reading.from_facts(self.facts.get("reading", {}))

    def with_status(self, *statuses: str) -> list[Row]:
        """The files that stand so in the manifest."""
        return [row for row in self.manifest if row["status"] in statuses]

    def of_severity(self, severity: str) -> list[Named]:
        """The findings of one severity, but for suspicions and the audit's word on its own quality."""
        told = [one for one in self.findings if one.code != QUALITY and not one.code.startswith(SUSPECTED)]
        return [one for one in told if one.finding.severity == severity]

    @property
    def conflicts(self) -> list[Finding]:
        """The photographs that stand under several labels."""
        return [one.finding for one in self.findings if one.code == CONFLICT]

    @property
    def conflict_noun(self) -> str:
        """What stands under several labels: a photograph, or a scene where one exposure is not proven."""
        return "photograph" if all(one.shown == "copies" for one in self.conflicts) else "scene"

    @property
    def insets(self) -> dict[str, list[str]]:
        """Of each file that shows others inside it, which these are."""
        parts: dict[str, list[str]] = defaultdict(list)
        for one in self.findings:
            if one.code == INSETS:
                paths = one.finding.paths
                for inside, around in zip(paths[::2], paths[1::2], strict=False):
                    parts[around].append(inside)
        return parts

    @property
    def suspected(self) -> list[Named]:
        """What the audit guesses from names, numbers and times."""
        return [one for one in self.findings if one.code.startswith(SUSPECTED)]

    @property
    def groups_given(self) -> bool:
        """Whether the user said which files belong together."""
        return any(row.get("group") for row in self.with_status(*USABLE))

    @property
    def usable(self) -> int:
        """Number of files that can be trained on."""
        return len(self.clusters)

    @property
    def noun(self) -> str:
        """What the clusters are called: photographs, or scenes where joined files are not proven copies."""
        return "photograph" if self.facts.get("mostly_copies", True) else "scene"

    @property
    def resemble(self) -> bool:
        """Whether the pictures resemble one another so much that only equal files count as copies."""
        return bool(self.facts.get("resemble"))

    @property
    def photographs(self) -> int:
        """Number of different photographs among them."""
        return len(self.members)

    @property
    def copies(self) -> int:
        """Number of files that show nothing new."""
        return self.usable - self.photographs

    @cached_property
    def labels(self) -> dict[str, str]:
        """Label of each usable path."""
        return {row["path"]: row["label"] for row in self.clusters}

    @cached_property
    def row_of(self) -> dict[str, Row]:
        """The row of the manifest of each path."""
        return {row["path"]: row for row in self.manifest}

    @cached_property
    def cluster_rows(self) -> dict[str, Row]:
        """The row of `clusters.csv` of each usable path."""
        return {row["path"]: row for row in self.clusters}

    @cached_property
    def members(self) -> dict[str, list[str]]:
        """The paths that show each photograph."""
        groups: dict[str, list[str]] = defaultdict(list)
        for row in self.clusters:
            groups[row["cluster"]].append(row["path"])
        return groups

    @cached_property
    def photographs_of(self) -> Counter[str]:
        """Number of different photographs of each label."""
        shown = {(name, row["cluster"]) for row in self.clusters for name in read_names(row["label"])}
        return Counter(name for name, _ in shown)


def has_audit(folder: Path) -> bool:
    """Whether the files of an audit lie in `folder`."""
    return all((folder / name).is_file() for name in NEEDED)


def read_audit(folder: Path) -> AuditFiles:
    """Read the audit in `folder`; raises GroupwiseError where a file is missing, damaged or another's."""
    for name in NEEDED:
        if not (folder / name).is_file():
            raise GroupwiseError("no such file", place=folder / name, remedy=_AGAIN)
    files = AuditFiles(
        folder=folder,
        manifest=read_csv(folder / "manifest.csv", ("path", "label", "status", "reason")),
        clusters=list(map(_by_photograph, read_csv(folder / "clusters.csv", ("path", "label", "cluster")))),
        findings=_read_findings(folder / "findings.json"),
        facts=_read_facts(folder / "audit.json"),
    )
    _check_kinship(files)
    return replace(files, clusters=_equal_alone(files)) if files.resemble else files


def _by_photograph(row: Row) -> Row:
    """A row of `clusters.csv` under what it shows: a collage is not one photograph with its parts."""
    return row | {"cluster": row.get("photograph") or row["cluster"]}


def _equal_alone(files: AuditFiles) -> list[Row]:
    """The rows of the clusters where files of equal content alone are one photograph."""
    digest = {path: row.get("sha256") or path for path, row in files.row_of.items()}
    return [row | {"cluster": digest[row["path"]]} for row in files.clusters]


_AGAIN = "Run `groupwise audit` on the images again."


def _read_findings(path: Path) -> list[Named]:
    found = read_json(path)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise GroupwiseError("not a list of findings", place=path, remedy=_AGAIN)
    return [Named.read(item) for item in found]


def _read_facts(path: Path) -> Mapping[str, Any]:
    facts = read_json(path)
    if not isinstance(facts, dict) or not {"root", "data"} <= set(facts):
        raise GroupwiseError("does not say where the images lie", place=path, remedy=_AGAIN)
    return facts


def _check_kinship(files: AuditFiles) -> None:
    # A page of two audits would count photographs that are not there.
    for path in (path for finding in files.conflicts for path in finding.paths):
        if path not in files.labels:
            raise GroupwiseError(
                f"names {path!r}, which clusters.csv does not list",
                place=files.folder / "findings.json",
                remedy=_AGAIN,
            )
    listed = {(row["path"], row["label"]) for row in files.with_status(*USABLE)}
    differing = listed ^ set(files.labels.items())
    if differing:
        example = min(differing)[0]
        raise GroupwiseError(
            f"does not list the usable files of manifest.csv: they differ in {example!r}",
            place=files.folder / "clusters.csv",
            remedy=_AGAIN,
        )


@dataclass(frozen=True)
class Finding:
    """What the audit says of the data; `picture` is a PNG in base64 of the files `pictured`, or nothing.

    `code` names its kind for programs, as `findings.json` does.
    """

    severity: str
    title: str
    text: str
    remedy: str
    paths: tuple[str, ...]
    picture: str
    shown: str = "copies"
    pictured: tuple[str, ...] = ()
    code: str = "uncoded"

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
            str(item.get("shown") or "copies"),
            tuple(map(str, item.get("pictured") or ())),
            str(item.get("code") or "uncoded"),
        )


def unsettled(findings: Sequence[Mapping[str, Any]], split: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What has to be settled first; not what the options of the `split` have settled already."""
    kept = split.get("label_conflicts") == "keep" or split.get("copies") == "report"
    stops = [item for item in findings if item.get("severity") == "stop"]
    return [item for item in stops if not (kept and item.get("code") == CONFLICT)]
