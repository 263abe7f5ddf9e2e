"""The bundle of a run as it is now, made where it is absent or of another state."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import safetensors.numpy

from groupwise.errors import UsageError
from groupwise.export.names import BUNDLES
from groupwise.files import read_json, sha256_file
from groupwise.inference.bundle import BUNDLE, FORMAT, PICTURES, is_bundle
from groupwise.inference.decision import DECISION, Decision
from groupwise.runs.run import Run

if TYPE_CHECKING:
    from groupwise.export.bundle import Terms

WEIGHTS = "model.safetensors"


def current_bundle(folder: Path, *, on_export: Callable[[], None]) -> Path:
    """The folder of the bundle of a run; of a bundle, the folder itself.

    One of another state gives way to a new one with its licence, and with the user's pictures if it has any.
    `on_export` is called before one is made, which takes a while. Raises `GroupwiseError` for a run whose
    weights are missing or were changed.
    """
    if is_bundle(folder):
        return folder
    run, target = Run.open(folder), folder / "export" / "bundle"
    if not _is_current(run, target / BUNDLE):
        for member in run.members:  # nothing is begun for a run that is not finished
            member.require(WEIGHTS)
        on_export()
        from groupwise.export.targets import export_run  # brings torch, which a bundle spares

        export_run(folder, "bundle", target, terms=_terms(target), replace=True)
    return target


def kept_bundle(folder: Path) -> Path:
    """The folder of the bundle that a run has; of a bundle, the folder itself.

    Raises `UsageError` where the run has none of what it is now.
    """
    if is_bundle(folder):
        return folder
    run, own = Run.open(folder), [folder / "export" / form for form in BUNDLES]
    for target in own:
        if _is_current(run, target / BUNDLE):
            return target
    there = [target for target in own if (target / BUNDLE).is_file()]
    raise UsageError(
        f"its bundle {there[0]} is of weights or decisions that it no longer has"
        if there
        else "is a run that has no bundle yet",
        place=folder,
        remedy=f"Export it first: groupwise export {folder} --to bundle.",
    )


def _is_current(run: Run, file: Path) -> bool:
    trained = all(WEIGHTS in member.ledger["artefacts"] for member in run.members)
    if not (trained and file.is_file()):
        return False
    facts = read_json(file)
    if facts.get("format") != FORMAT or facts["source"]["weights"] != run.weights:
        return False
    made_from = Decision.from_json(facts["decision"])
    return DECISION not in run.ledger["artefacts"] or made_from == _decision(run)


def _terms(bundle: Path) -> Terms:
    """What was said at the export of a bundle that gives way; nothing where there is none."""
    from groupwise.export.bundle import Terms
    from groupwise.export.reference import MADE

    if not (bundle / BUNDLE).is_file():
        return Terms()
    facts, pictures = read_json(bundle / BUNDLE), bundle / PICTURES
    is_whole = pictures.is_file() and sha256_file(pictures) == facts.get("digests", {}).get(PICTURES)
    held = len(safetensors.numpy.load_file(pictures)["pictures"]) if is_whole else 0
    return Terms(licence=facts.get("licence"), with_pictures=held > MADE)


def _decision(run: Run) -> Decision:
    return Decision.from_json(read_json(run.require(DECISION)))
