"""Tables that mend what an audit found, a repaired split and suspected series, and the commands for them."""

from __future__ import annotations

import shlex
from pathlib import Path

from groupwise.audit.audit import Audit
from groupwise.audit.findings import SERIES_FILE
from groupwise.console import Console
from groupwise.data.archive import is_archive
from groupwise.data.given import repair_split
from groupwise.data.spanning import SPANNING, find_spanning, write_spanning
from groupwise.data.split import EXCLUDED, Split
from groupwise.files import write_csv

REPAIRED = "repaired.csv"


def remove_repaired(folder: Path) -> None:
    """Remove the tables of an earlier audit, which may have been of other data, from `folder`."""
    for name in (REPAIRED, SPANNING, SERIES_FILE):
        (folder / name).unlink(missing_ok=True)


def say_series(folder: Path, audited: Audit, root: Path, console: Console) -> None:
    """Say the command that binds the series which an audit in `folder` suspects, if it suspects any.

    Of several it takes those that look most alike, and names the columns of the others.
    """
    if not audited.series or is_archive(root):
        return
    closer = {one["series"]: one["closer"] for one in audited.facts["series_tested"]}
    column, *others = sorted(audited.series, key=lambda name: -closer[name])
    words = ["train", str(folder / SERIES_FILE), "--root", str(root), "--group-column", column]
    console.say(
        "Suspected series bind nothing. If they are right:"
        f" groupwise {shlex.join([*words, '--run', 'runs/grouped'])}"
    )
    if others:
        console.say(f"Less alike, in the same table: {', '.join(others)}")


def write_repaired(folder: Path, split: Split, root: Path, console: Console) -> bool:
    """Write what spans two folds, and the split without its leak as a table that `train` takes; say how.

    Returns whether such a split was written: none is where nothing leaks into what is measured, of numbered
    folds, which measure one another, or of images in an archive, which no table names.
    """
    if spanning := find_spanning(split):
        write_spanning(folder / SPANNING, spanning)
        console.say(f"On two sides of the given split, file by file: {folder / SPANNING}")
    repaired = repair_split(split)
    left_out = len(repaired.indices(EXCLUDED)) - len(split.indices(EXCLUDED))
    if not left_out or not {"train"} < set(split.folds) <= {"train", "val", "test"} or is_archive(root):
        return False
    rows = [row for row in repaired.rows if row.fold != EXCLUDED]
    file = folder / REPAIRED
    write_csv(
        file, ("path", "label", "group", "fold"), ((row.path, row.label, row.group, row.fold) for row in rows)
    )
    words = ["train", str(file), "--root", str(root), "--split.given", "fold"]
    words += ["--group-column", "group"] if any(row.group for row in rows) else []
    console.say(
        f"Repaired split: {file} keeps what is measured and leaves {left_out:,} siblings of it out."
        f" groupwise {shlex.join([*words, '--run', 'runs/repaired'])}"
    )
    return True
