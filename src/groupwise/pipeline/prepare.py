"""The data of a run: files scanned and audited, and the split with its proof."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from groupwise.audit.audit import Audit, audit
from groupwise.audit.search import LOCAL, Backend
from groupwise.console import Console
from groupwise.data.archive import read_file
from groupwise.data.decode import decode
from groupwise.data.manifest import GIVEN_FOLD, Manifest
from groupwise.data.places import OUTSIDE_ROOT
from groupwise.data.source_counts import refuse_few_groups
from groupwise.data.split import Split
from groupwise.data.split_options import SplitConfig
from groupwise.data.table import LINK_OUTSIDE, where_images_lie
from groupwise.data.targets import refuse_alike, say
from groupwise.distributed.allocator import give_back_memory
from groupwise.errors import GroupwiseError, UsageError
from groupwise.files import write_atomic, write_json
from groupwise.pipeline.budget import bounded_progress
from groupwise.pipeline.divide import check_extended, split_manifest
from groupwise.report.audit_page import write_audit_page
from groupwise.report.plots import sample_grid
from groupwise.runs.deadline import Deadline
from groupwise.runs.run import Run
from groupwise.text import count

MAX_DRAWN = 1000
SHOWN = {"stop": 5, "warning": 12}  # of an audit, on the terminal


def scan_with_progress(
    scan: Callable[[Callable[[int, int], None]], Manifest],
    console: Console,
    deadline: Deadline | None = None,
    trainings: float = 1,
) -> Manifest:
    """Run `scan` behind a progress bar, and say what was found.

    Raises `UsageError` as soon as `deadline`, by which so many `trainings` are to end, is out of reach.
    """
    with console.progress("Reading files") as progress:
        manifest = scan(bounded_progress(progress, deadline, trainings))
    images, classes = len(manifest.usable), len(manifest.classes)
    of = "1 class" if classes == 1 else f"{classes} classes"
    console.say(f"Data: {count(images, 'image')} in {of}; {_status_counts(manifest)}")
    console.say(f"Read as: {_reading(manifest)}")
    for note in manifest.notes:
        console.warn(note)
    return manifest


def _reading(manifest: Manifest) -> str:
    """What the data were taken for, in one line: layout, folds and groups."""
    folds = Counter(sample.extra[GIVEN_FOLD] for sample in manifest.usable if GIVEN_FOLD in sample.extra)
    groups = {sample.group for sample in manifest.usable} - {""}
    alone = sum(not sample.group for sample in manifest.usable)
    parts = [
        manifest.layout or "a list of files",
        f"folds {', '.join(f'{name} {n:,}' for name, n in folds.items() if name)}" if folds else "no folds",
        count(len(groups), "group") + (f", {count(alone, 'image')} without" if alone else "")
        if groups
        else "no groups",
    ]
    return "; ".join(parts)


def _status_counts(manifest: Manifest) -> str:
    """Such as "1,851 warned (icc-converted), 2 quarantined (truncated, zero-byte)"."""
    parts = []
    for status in ("warned", "quarantined", "ignored"):
        samples = [sample for sample in manifest.samples if sample.status == status]
        if samples:
            codes = sorted({code for sample in samples for code in sample.codes})
            parts.append(f"{len(samples):,} {status} ({', '.join(codes)})")
    return ", ".join(parts) or f"all {len(manifest.samples):,} files are sound"


def audit_manifest(manifest: Manifest, *, seed: int, console: Console, backend: Backend = LOCAL) -> Audit:
    """Audit the usable samples behind a progress bar, and say what was found.

    Raises `GroupwiseError` where there are none.
    """
    require_usable(manifest)
    with console.progress("Looking for copies") as progress:
        audited = audit(manifest, seed=seed, progress=progress, cached=backend is LOCAL, backend=backend)
    give_back_memory()  # what training needs beside it would come on top
    facts = audited.facts
    many = "s" * (facts["photographs"] != 1)
    what = f"photograph{many}" if facts["mostly_copies"] else f"photograph{many} or scene{many}"
    said = f"{facts['photographs']:,} different {what}"
    if facts["resemble"]:
        said = f"whether {facts['images']:,} images are different photographs was not to be told"
    console.say(f"Audit: {said} in {facts['seconds']:.0f} s")
    if audited.cache and audited.cache.known:
        known, n = audited.cache.known, len(manifest.usable)
        console.say(f"  {known:,} of {n:,} files were known from an earlier audit ({audited.cache.file})")
    elif audited.cache and audited.cache.kept:
        console.say(f"  kept for the next audit of this folder: {audited.cache.file}")
    _say_findings(audited, console)
    return audited


def _say_findings(audited: Audit, console: Console) -> None:
    found = Counter[str]()
    for finding in audited.findings:
        found[finding.severity] += 1
        if found[finding.severity] <= SHOWN.get(finding.severity, len(audited.findings)):
            say = console.warn if finding.severity == "stop" else console.say
            say(f"  {finding.severity}: {finding.title}")
    for severity, most in SHOWN.items():
        if (more := found[severity] - most) > 0:
            console.say(f"  and {count(more, f'more {severity}')}, which the page of the audit has")


_LABELS_REMEDY = (
    "Give one folder of images a class, a CSV of paths and labels, or --label-regex where the names of the"
    " files hold the class."
)


def require_usable(manifest: Manifest) -> None:
    """Raise `GroupwiseError` where no image can be used, naming the commonest reason."""
    if manifest.usable:
        return
    refused = [sample for sample in manifest.samples if sample.status == "quarantined"]
    (codes, n), *_ = Counter(sample.codes for sample in refused).most_common(1)
    example = next(sample for sample in refused if sample.codes == codes)
    raise GroupwiseError(
        f"no image can be used; {n:,} of {len(manifest.samples):,} are quarantined as"
        f" {example.path} is ({example.reason})",
        place="DATA",
        remedy=_root_remedy(manifest)
        if codes in ((OUTSIDE_ROOT,), (LINK_OUTSIDE,))
        else _LABELS_REMEDY
        if codes == ("no-label",)
        else "`groupwise scan` gives the reason of each.",
    )


def _root_remedy(manifest: Manifest) -> str:
    common = where_images_lie(manifest.root, manifest.samples)
    return (
        f"Name the folder of the images: --root {'DIR' if common is None else common}; or move the CSV up, to"
        " where all images lie below."
    )


def write_audit(
    folder: Path,
    data: Path,
    manifest: Manifest,
    audited: Audit,
    *,
    options: Mapping[str, str],
    given: Mapping[str, Any] | None = None,
) -> Path:
    """Write `clusters.csv`, `findings.json`, `audit.json` and `audit.html` beside `manifest.csv`.

    `options` are those by which `data` were read; `given` is what is wrong with the folds that the data
    bring, where they bring some.
    """
    audited.write(folder)
    write_json(
        folder / "audit.json",
        {
            "data": str(data),
            "root": str(manifest.root),
            "reading": manifest.reading.facts(),
            "options": dict(options),
            **audited.facts,
            **({"given_split": given} if given else {}),
        },
    )
    return write_audit_page(folder)


@dataclass(frozen=True)
class Prepared:
    """The audit of a manifest, its split, and what `split.json` holds."""

    audited: Audit
    split: Split
    proof: dict[str, Any]


def prepare(
    manifest: Manifest,
    config: SplitConfig,
    *,
    seed: int,
    console: Console,
    shares: dict[str, float] | None = None,
) -> Prepared:
    """Audit and split; nothing is written, so a refusal leaves nothing behind."""
    check_extended(manifest, config, console)
    if manifest.classes:  # of none the audit says why
        refuse_alike([sample.label for sample in manifest.usable])  # before the minutes of the audit
        if config.method == "grouped" and not config.is_given:
            folds = list(shares or config.shares)
            refuse_few_groups(manifest.usable, folds, min_sources=config.min_sources, rare=config.rare)
    audited = audit_manifest(manifest, seed=seed, console=console)
    split, facts = split_manifest(manifest, audited, config, seed=seed, console=console, shares=shares)
    return Prepared(audited, split, facts)


def write_prepared(run: Run, manifest: Manifest, prepared: Prepared) -> None:
    """Write the manifest, the audit, and `split.csv` with its proof into the run."""
    manifest.write(run.path("manifest.csv"))
    run.record("manifest.csv")
    options = run.ledger.get("reading") or {}
    write_audit(run.folder, Path(run.ledger["data"]), manifest, prepared.audited, options=options)
    for name in ("clusters.csv", "findings.json", "audit.json"):
        run.record(name, ["manifest.csv"])
    prepared.split.write(run.path("split.csv"))
    run.record("split.csv", ["manifest.csv", "clusters.csv"])
    write_json(run.path("split.json"), prepared.proof)
    run.record("split.json", ["split.csv"])


def draw_samples(manifest: Manifest, file: Path, *, rows: int, cols: int, seed: int) -> None:
    """Write a grid of images drawn at random, titled with their classes, as a PNG file."""
    if min(rows, cols) < 1 or rows * cols > MAX_DRAWN:
        raise UsageError(
            f"{rows} x {cols} images",
            place="--rows, --cols",
            remedy=f"Give at least 1 and {MAX_DRAWN} in all.",
        )
    if file.suffix.lower() != ".png":
        raise UsageError(
            "is not the name of a PNG file", place=file, remedy="Give --out a name ending in .png."
        )
    drawn = np.random.default_rng(seed).permutation(len(manifest.usable))[: rows * cols]
    samples = [manifest.usable[i] for i in drawn]
    images = [
        decode(read_file(manifest.file(sample)), place=sample.path, reading=manifest.reading).rgb
        for sample in samples
    ]
    write_atomic(file, sample_grid(images, [say(sample.label) for sample in samples], rows=rows, cols=cols))
