"""Exports by name, each written whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from groupwise.errors import UsageError
from groupwise.export.bundle import Source, Terms, write_bundle, write_model
from groupwise.export.libraries import write_hub, write_timm, write_torchvision
from groupwise.export.programs import write_executorch, write_litert, write_torch
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
    "litert": write_litert,
    "executorch": write_executorch,
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


@contextmanager
def whole_folder(target: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a temporary folder beside `target`, which becomes `target` when the block ends without an error.

    After an error nothing is left, not even the folders above it that were made. Raises `UsageError` where
    `target` already holds something, unless it is to be replaced.
    """
    if not replace and target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(
            "already holds something" if target.is_dir() else "is a file",
            place=target,
            remedy="Give another --out, or remove what is there.",
        )
    made = [folder for folder in target.parents if not folder.exists()]  # the deepest first
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
        try:
            temporary.chmod(0o755)
            yield temporary
            if replace:
                shutil.rmtree(target, ignore_errors=True)
            temporary.replace(target)  # an empty folder gives way
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except BaseException:
        for folder in made:
            with suppress(OSError):  # somebody else wrote there meanwhile
                folder.rmdir()
        raise
