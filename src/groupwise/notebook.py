"""Runs, audits and figures as a notebook shows them: pages of their own, small and without scripts."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from groupwise.audit.ray.search import RAY
from groupwise.audit.ray.tasks import import_ray
from groupwise.audit.search import LOCAL, Backend
from groupwise.console import Console
from groupwise.data.pixel_reading import Reading
from groupwise.data.reading import TEXTS, Labels, ReadOptions
from groupwise.errors import SWITCH, TEXT, WHOLE, require_kinds, require_paths, require_seed
from groupwise.evaluation.words import sentence
from groupwise.pipeline.audit import audit_data as audit_into
from groupwise.report.audit_files import AuditFiles, Finding, read_audit
from groupwise.report.audit_verdict import judge
from groupwise.report.rendering import render
from groupwise.report.verdict import Verdict, verdict
from groupwise.runs.external import compared
from groupwise.runs.files import RunFiles, read_run
from groupwise.runs.request import scan_with

FIGURES = ("curves", "confusion", "most_wrong")  # of a run's folder, in the order in which they are shown
SHOWN_FINDINGS = 8
PATHS = ("data", "out", "root", "exclude")
KINDS: dict[str, tuple[type, str]] = {**dict.fromkeys(TEXTS, TEXT), "seed": WHOLE, "quiet": SWITCH}


class Metrics(dict[str, Any]):
    """What `metrics.json` holds, by fold; a notebook shows the figures with their intervals."""

    def _repr_html_(self) -> str:
        folds = {fold: _figures(figures) for fold, figures in self.items() if isinstance(figures, Mapping)}
        return str(render("notebook/metrics.html", metrics=self, folds=folds))


def _figures(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each figure that is compared between runs, as a sentence."""
    held = [name for name in compared(figures) if isinstance(figures.get(name), Mapping)]
    return [(name.replace("_", " "), sentence(name, figures[name])) for name in held]


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """A finished run: its figures, the verdict and the next steps; a notebook shows them with the curves."""

    files: RunFiles

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.files.folder

    @property
    def metrics(self) -> Metrics:
        """What `metrics.json` holds."""
        return Metrics(self.files.metrics)

    @property
    def verdict(self) -> Verdict:
        """The number, the baselines, whether to rely on it, and what next."""
        return verdict(self.files)

    def __repr__(self) -> str:
        return "\n".join((f"Run in {self.folder}", *self.verdict.sentences))

    def _repr_html_(self) -> str:
        pictures = {name: _picture(self.folder / "figures" / f"{name}.png") for name in FIGURES}
        shown = {name: picture for name, picture in pictures.items() if picture}
        return str(render("notebook/run.html", run=self, said=self.verdict, pictures=shown))


def _picture(file: Path) -> str:
    """A PNG file in base64; empty where there is none."""
    return b64encode(file.read_bytes()).decode() if file.is_file() else ""


def open_run(folder: str | Path) -> Run:
    """The finished run in `folder`, with figures, verdict and next steps.

    `load_run` brings its network. Raises `GroupwiseError` for a folder that holds no measured run.
    """
    return Run(read_run(Path(folder)))


@dataclass(frozen=True, eq=False, repr=False)
class Audit:
    """What an audit found; a notebook shows the answer, the findings and their pictures."""

    files: AuditFiles

    @property
    def folder(self) -> Path:
        """Where its pages and tables lie."""
        return self.files.folder

    @property
    def findings(self) -> list[Finding]:
        """What it found, the gravest first."""
        named = [one for level in ("stop", "warning", "note") for one in self.files.of_severity(level)]
        return [one.finding for one in [*named, *self.files.suspected]]

    def __repr__(self) -> str:
        said = judge(self.files)
        answer = f"May these data be trusted? {said.answer}."
        return "\n".join((f"Audit in {self.folder}", answer, *said.reasons))

    def _repr_html_(self) -> str:
        shown = {"said": judge(self.files), "findings": self.findings[:SHOWN_FINDINGS]}
        return str(render("notebook/audit.html", audit=self, more=len(self.findings), **shown))


def audit_data(
    data: str | Path,
    *,
    out: str | Path = "audit",
    group_column: str | None = None,
    group_regex: str | None = None,
    label_column: str = "label",
    path_column: str = "path",
    label_regex: str | None = None,
    root: str | Path | None = None,
    layout: str = "auto",
    exclude: str | Path | None = None,
    labels: Labels = "auto",
    seed: int = 0,
    quiet: bool = False,
    backend: Backend = LOCAL,
) -> Audit:
    """Find copies, label conflicts and bad files before anything is trained: `groupwise audit`.

    Args:
        data, out: The folder or table of images, and the folder to write.
        group_column, group_regex, label_column, path_column, label_regex, root, layout, exclude, labels: As
            in `train`.
        seed: Decides which copies are planted as a check.
        quiet: Print nothing.
        backend: Where files are measured and searched: this machine, or what `audit_ray` gives.

    Raises `GroupwiseError` for what the user can mend.
    """
    given = dict(locals())  # the arguments, by their names
    require_kinds({name: given[name] for name in KINDS}, KINDS)
    require_paths({name: given[name] for name in PATHS})
    require_seed(seed)
    options = ReadOptions(
        group_column=group_column,
        group_regex=group_regex,
        label_column=label_column,
        path_column=path_column,
        label_regex=label_regex,
        root=None if root is None else Path(root),
        layout=layout,
        exclude=None if exclude is None else Path(exclude),
        labels=labels,
    )
    scan = scan_with(Path(data), options, Reading())
    console = Console(quiet=quiet)
    said = options.unusual()
    audit_into(scan, Path(data), Path(out), options=said, seed=seed, console=console, backend=backend)
    return Audit(read_audit(Path(out)))


def audit_ray(data: str | Path, *, concurrency: int = 2, **options: Any) -> Audit:
    """Audit on the machines of a Ray cluster: the clusters and findings of `audit_data`.

    Args:
        data: The folder or table of images, which every machine has to reach by the same path.
        concurrency: How many tasks run at a time, each on one core; it changes nothing of the result.
        options: As in `audit_data`.

    Returns:
        The audit, written as by `audit_data`. Nothing is kept for the next audit of the folder.

    Raises:
        GroupwiseError: Ray is not installed, or what `audit_data` raises.

    Example:
        >>> import groupwise
        >>> found = groupwise.audit_ray("photos/", out="audit", concurrency=8)
        >>> [finding.code for finding in found.findings]
        ['copies-across-labels', 'few-photographs']
    """
    import_ray()
    return audit_data(data, backend=replace(RAY, workers=concurrency), **options)
