"""What a run within another takes over from it: its manifest, its audit, and where it was made."""

from __future__ import annotations

from groupwise.files import write_atomic
from groupwise.runs.run import Run

# With what each was made from
SHARED = {
    "environment.json": (),
    "manifest.csv": (),
    "clusters.csv": ("manifest.csv",),
    "findings.json": ("manifest.csv",),
    "audit.json": ("manifest.csv",),
}


def inherit_data(run: Run, parent: Run) -> None:
    """Copy the files of the data from `parent`, and enter them."""
    for name, parents in SHARED.items():
        write_atomic(run.path(name), parent.path(name).read_bytes())
        run.record(name, parents)
