"""Makes a run's data ready: scans and audits the files, and writes the split with its proof."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from groupwise.audit.audit import Audit, audit
from groupwise.console import Console
from groupwise.data.decode import decode
from groupwise.data.listing import OUTSIDE_ROOT
from groupwise.data.manifest import Manifest
from groupwise.data.split import Split, SplitConfig, make_split, proof, read_split
from groupwise.errors import GroupwiseError, UsageError
from groupwise.files import write_atomic, write_json
from groupwise.report.audit_page import write_audit_page
from groupwise.report.figures import sample_grid
from groupwise.run import Run

MAX_DRAWN = 1000


def scan_with_progress(scan: Callable[[Callable[[int, int], None]], Manifest], console: Console) -> Manifest:
    """Run `scan` behind a progress bar, and say what was found."""
    with console.progress("Reading files") as progress:
        manifest = scan(progress)
    images, classes = len(manifest.usable), len(manifest.classes)
    console.say(f"Data: {images:,} images in {classes} classes; {_status_counts(manifest)}")
    for note in manifest.notes:
        console.warn(note)
    return manifest


def _status_counts(manifest: Manifest) -> str:
    """Such as "1,851 warned (icc-converted), 2 quarantined (truncated, zero-byte)"."""
    parts = []
    for status in ("warned", "quarantined", "ignored"):
        samples = [sample for sample in manifest.samples if sample.status == status]
        if samples:
            codes = sorted({code for sample in samples for code in sample.codes})
            parts.append(f"{len(samples):,} {status} ({', '.join(codes)})")
    return ", ".join(parts) or f"all {len(manifest.samples):,} files are sound"


def audit_manifest(manifest: Manifest, *, seed: int, console: Console) -> Audit:
    """Audit the usable samples behind a progress bar, and say what was found.

    Raises `GroupwiseError` where there are none.
    """
    _require_usable(manifest)
    with console.progress("Looking for copies") as progress:
        audited = audit(manifest, seed=seed, progress=progress)
    facts = audited.facts
    console.say(f"Audit: {facts['photographs']:,} different photographs in {facts['seconds']:.0f} s")
    for finding in audited.findings:
        say = console.warn if finding.severity == "stop" else console.say
        say(f"  {finding.severity}: {finding.title}")
    return audited


def _require_usable(manifest: Manifest) -> None:
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
        remedy="Paths must lie below the folder of the CSV: move the CSV up, to where all images lie below."
        if codes == (OUTSIDE_ROOT,)
        else "`groupwise scan` gives the reason of each.",
    )


def write_audit(folder: Path, data: Path, manifest: Manifest, audited: Audit) -> Path:
    """Write `clusters.csv`, `findings.json`, `audit.json` and `audit.html` beside `manifest.csv`."""
    audited.write(folder)
    write_json(
        folder / "audit.json",
        {
            "data": str(data),
            "root": str(manifest.root),
            "reading": manifest.reading.facts(),
            **audited.facts,
        },
    )
    return write_audit_page(folder)


def split_manifest(
    manifest: Manifest,
    audited: Audit,
    config: SplitConfig,
    *,
    seed: int,
    console: Console,
    shares: dict[str, float] | None = None,
) -> tuple[Split, dict[str, Any]]:
    """Split the usable samples; returns the split and what `split.json` holds."""
    excluded = audited.conflicts if config.label_conflicts == "drop" else ()
    split = make_split(
        [(sample.path, sample.label, sample.group) for sample in manifest.usable],
        [audited.clusters[sample.path] for sample in manifest.usable],
        shares=shares or config.shares,
        seed=seed,
        method=config.method,
        previous=read_split(Path(config.extend)) if config.extend else None,
        excluded=excluded,
    )
    facts = {"method": config.method, "seed": seed, **proof(split)}
    if excluded:
        console.warn(f"Left out, because one photograph stands under two labels: {len(excluded)} images")
    for name, fold in facts["folds"].items():
        console.say(f"Fold {name}: {fold['n']:,} images from {fold['sources']:,} sources")
    if facts["spanning_sources"]:
        console.warn(
            f"Sources that span two folds: {facts['spanning_sources']} (split.method {config.method})"
        )
    return split, facts


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
    audited = audit_manifest(manifest, seed=seed, console=console)
    split, facts = split_manifest(manifest, audited, config, seed=seed, console=console, shares=shares)
    return Prepared(audited, split, facts)


def write_prepared(run: Run, manifest: Manifest, prepared: Prepared) -> None:
    """Write the manifest, the audit, and `split.csv` with its proof into the run."""
    manifest.write(run.path("manifest.csv"))
    run.record("manifest.csv")
    write_audit(run.folder, Path(run.ledger["data"]), manifest, prepared.audited)
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
        decode(manifest.file(sample).read_bytes(), place=sample.path, reading=manifest.reading).rgb
        for sample in samples
    ]
    write_atomic(file, sample_grid(images, [sample.label for sample in samples], rows=rows, cols=cols))
