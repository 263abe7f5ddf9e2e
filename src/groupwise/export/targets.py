"""Turns the name of a form into the export of a run in that form, written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from groupwise.export.bundle import Source, Terms, write_bundle, write_model
from groupwise.export.folder import whole_folder
from groupwise.export.libraries import write_hub, write_timm, write_torch, write_torchvision
from groupwise.export.quantise import write_int8

# Each writes into a folder and returns what the user should know.
TARGETS: dict[str, Callable[[Source, Path, Terms], list[str]]] = {
    "bundle": write_bundle,
    "onnx": write_model,
    "int8": write_int8,
    "torch": write_torch,
    "timm": write_timm,
    "hub": write_hub,
    "torchvision": write_torchvision,
}


def export_run(
    run: Path,
    form: str,
    out: Path | None = None,
    *,
    root: Path | None = None,
    terms: Terms | None = None,
    replace: bool = False,
) -> tuple[Path, list[str]]:
    """Write `run` in one of the `TARGETS` into the folder `out`, by default `RUN/export/FORM`.

    `root` is where the images lie now, if they were moved; with `replace` an export that is there gives way.
    Returns the folder, and remarks for the user.
    """
    target = out or run / "export" / form
    with whole_folder(target, replace=replace) as folder:
        remarks = TARGETS[form](Source.open(run, root=root), folder, terms or Terms())
    return target, remarks
