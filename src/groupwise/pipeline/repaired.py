"""The file of a repaired split, beside the run or the audit that found the leak, and the command for it."""

from __future__ import annotations

import shlex
from pathlib import Path

from groupwise.console import Console
from groupwise.data.archive import is_archive
from groupwise.data.given import repair_split
from groupwise.data.split import EXCLUDED, Split
from groupwise.files import write_csv

REPAIRED = "repaired.csv"


def write_repaired(folder: Path, split: Split, root: Path, console: Console) -> None:
    """Write the split without its leak as a table that `train` takes, and say the command.

    Nothing is written where nothing leaks into what is measured, of numbered folds, which measure one
    another, or of images in an archive, which no table names.
    """
    repaired = repair_split(split)
    left_out = len(repaired.indices(EXCLUDED)) - len(split.indices(EXCLUDED))
    if not left_out or not {"train"} < set(split.folds) <= {"train", "val", "test"} or is_archive(root):
        return
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
