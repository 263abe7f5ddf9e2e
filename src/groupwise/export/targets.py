"""Turns the name of a form into the export of a run in that form, written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from groupwise.export.bundle import Source, write_bundle, write_onnx
from groupwise.export.folder import whole_folder

TARGETS: dict[str, Callable[[Source, Path], object]] = {
    "bundle": write_bundle,
    "onnx": write_onnx,
}


def export_run(run: Path, form: str, out: Path | None = None, *, root: Path | None = None) -> Path:
    """Write `run` in one of the `TARGETS` into the folder `out`, by default `RUN/export/FORM`; returns it."""
    target = out or run / "export" / form
    with whole_folder(target) as folder:
        TARGETS[form](Source.open(run, root=root), folder)
    return target
