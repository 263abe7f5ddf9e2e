"""Makes a run's data ready: scans the files, finds copies, and writes the split with its proof."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from groupwise.audit.copies import find_copies
from groupwise.console import Console
from groupwise.data.decode import decode
from groupwise.data.manifest import Manifest
from groupwise.data.split import Split, SplitConfig, make_split, proof, read_split
from groupwise.files import write_atomic, write_csv, write_json
from groupwise.report.figures import sample_grid
from groupwise.run import Run


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


def split_manifest(
    manifest: Manifest,
    config: SplitConfig,
    *,
    seed: int,
    console: Console,
    shares: dict[str, float] | None = None,
) -> tuple[Split, dict[str, Any]]:
    """Cluster and split the usable samples; returns the split and what `split.json` holds."""
    with console.progress("Looking for copies") as progress:
        clusters = find_copies(manifest, progress=progress)
    split = make_split(
        [(sample.path, sample.label, sample.group) for sample in manifest.usable],
        clusters.tolist(),
        shares=shares or config.shares,
        seed=seed,
        method=config.method,
        previous=read_split(Path(config.extend)) if config.extend else None,
    )
    facts = {"method": config.method, "seed": seed, **proof(split)}
    for name, fold in facts["folds"].items():
        console.say(f"Fold {name}: {fold['n']} images from {fold['sources']} sources")
    if facts["spanning_sources"]:
        console.warn(
            f"Sources that span two folds: {facts['spanning_sources']}, because split.method is {config.method}"
        )
    return split, facts


def prepare_run(run: Run, manifest: Manifest, config: SplitConfig, *, seed: int, console: Console) -> Split:
    """Write `manifest.csv`, `clusters.csv`, `split.csv` and `split.json` into the run."""
    manifest.write(run.path("manifest.csv"))
    run.record("manifest.csv")
    split, facts = split_manifest(manifest, config, seed=seed, console=console)
    write_csv(
        run.path("clusters.csv"),
        ("path", "label", "cluster"),
        [(row.path, row.label, row.cluster) for row in split.rows],
    )
    run.record("clusters.csv", ["manifest.csv"])
    split.write(run.path("split.csv"))
    run.record("split.csv", ["manifest.csv", "clusters.csv"])
    write_json(run.path("split.json"), facts)
    run.record("split.json", ["split.csv"])
    return split


def draw_samples(manifest: Manifest, file: Path, *, rows: int, cols: int, seed: int) -> None:
    """Write a grid of images drawn at random, titled with their classes, as a PNG file."""
    drawn = np.random.default_rng(seed).permutation(len(manifest.usable))[: rows * cols]
    samples = [manifest.usable[i] for i in drawn]
    images = [decode(manifest.file(sample).read_bytes(), place=sample.path).rgb for sample in samples]
    write_atomic(file, sample_grid(images, [sample.label for sample in samples], rows=rows, cols=cols))
