"""The audit of a folder or table by itself: scan, copies, the split that it brings, and the pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from groupwise.audit.audit import Audit
from groupwise.audit.search import LOCAL, Backend
from groupwise.console import Console
from groupwise.data.manifest import Manifest
from groupwise.data.source_counts import refuse_few_groups
from groupwise.data.split_options import SplitConfig
from groupwise.errors import GroupwiseError, UsageError
from groupwise.files import require_folder
from groupwise.pipeline.divide import audit_given_split, given_folds
from groupwise.pipeline.prepare import audit_manifest, scan_with_progress, write_audit
from groupwise.pipeline.repaired import remove_repaired, say_series, write_repaired
from groupwise.runs.request import Scan
from groupwise.runs.run import LEDGER


def audit_data(
    scan: Scan,
    data: Path,
    out: Path,
    *,
    options: Mapping[str, str],
    seed: int,
    console: Console,
    backend: Backend = LOCAL,
) -> tuple[Audit, Mapping[str, Any] | None]:
    """Audit what `scan` finds in `data`, by these `options`, and write it into `out`.

    Returns the audit, and what is wrong with the folds that the data bring, or None where they bring none.
    """
    require_folder(out)  # before the minutes of the audit
    _refuse_run(out)
    manifest = scan_with_progress(scan, console)
    _say_few_groups(manifest, console)
    audited = audit_manifest(manifest, seed=seed, console=console, backend=backend)
    remove_repaired(out)
    manifest.write(out / "manifest.csv")
    split = given_folds(manifest, audited)
    given = None
    if split:
        given = audit_given_split(split, console)
        given["repaired"] = write_repaired(out, split, manifest.root, console)
    page = write_audit(out, data, manifest, audited, options=options, given=given)
    say_series(out, audited, manifest.root, console)
    console.say(f"Report: {page}")
    return audited, given


def _refuse_run(out: Path) -> None:
    """Raise `UsageError` for the folder of a run, whose own files an audit would be written over."""
    if (out / LEDGER).exists():
        named = out if out.name not in ("", "..") else out.resolve()
        raise UsageError(
            "holds a run, which could no longer be used with the files of another audit",
            place=f"--out {out}",
            remedy=f"Give another folder, such as --out {named}-audit.",
        )


def _say_few_groups(manifest: Manifest, console: Console) -> None:
    """That no split can be made of the groups that were given; the audit goes on."""
    if any(sample.group for sample in manifest.usable):
        try:
            refuse_few_groups(manifest.usable, list(SplitConfig().shares))
        except GroupwiseError as error:
            console.warn(str(error))
