"""Verification of a bundle on the machine where it will run, kept in its `parity.json`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from groupwise.distributed.processor import this_processor
from groupwise.errors import GroupwiseError, UsageError
from groupwise.export.engines import ENGINES, engines_of, installed_engines, open_engine
from groupwise.export.names import PHONES
from groupwise.export.reference import read_references
from groupwise.export.verify import Verification, keep, verify_engine
from groupwise.files import read_json, write_json
from groupwise.inference.bundle import PARITY, REFERENCE, BundleFiles, is_bundle


def verify_bundle(
    folder: Path,
    engines: Sequence[str] | None = None,
    *,
    precision: str | None = None,
    root: Path | None = None,
    on_refusal: Callable[[GroupwiseError], None] | None = None,
) -> Iterator[Verification]:
    """Run the reference pictures of a bundle in engines, by default those that are installed.

    `root` is the folder or archive of the run's images, whose pictures are prepared and run as well. What is
    found is kept in `parity.json`, where that can be written. Where an engine is absent or does not take the
    model, `on_refusal` is told, and without it `GroupwiseError` raised, as where no engine verified anything.
    Raises `UsageError` for a `precision` that none of them has.
    """
    if not is_bundle(folder):
        raise UsageError(
            "is a run, which has no model to verify",
            place=folder,
            remedy="Export it first: groupwise export RUN --to bundle.",
        )
    bundle = BundleFiles.read(folder)
    expected = read_references(bundle, root)
    decide = partial(bundle.decision.answers, reference=bundle.tensor(REFERENCE, "features"))
    chosen = engines or installed_engines(bundle.model_file)
    if precision is not None and not engines:
        _check_precision(precision, chosen, bundle)
    verified = 0
    for name in chosen or engines_of(bundle.model_file):
        try:
            _check_reads(name, bundle)
            found = verify_engine(
                open_engine(name, bundle.model, precision),
                expected,
                bundle.preprocessing,
                decide,
                model_precision=bundle.facts["network"]["precision"],
            )
        except GroupwiseError as error:
            if on_refusal is None or not chosen:
                raise
            on_refusal(error)
            continue
        _keep(folder / PARITY, found)
        verified += 1
        yield found
    if not verified:
        raise GroupwiseError(
            "nothing was verified, because none of the engines here takes it",
            place=folder,
            remedy="What keeps each is said above: mend one, or install another.",
        )


def _check_precision(precision: str, installed: Sequence[str], bundle: BundleFiles) -> None:
    """Raise `UsageError` where none of the installed engines can be asked for it."""
    if any(precision in ENGINES[name].precisions for name in installed):
        return
    known = engines_of(bundle.model_file)
    able = [name for name in known if precision in ENGINES[name].precisions]
    others = dict.fromkeys(one for name in known for one in ENGINES[name].precisions)
    remedy = f"install {' or '.join(able)}" if able else f"give {' or '.join(others)}"
    raise UsageError(
        f"no engine that is installed can be asked for {precision}",
        place="--precision",
        remedy=f"Leave it out, or {remedy}.",
    )


def _check_reads(name: str, bundle: BundleFiles) -> None:
    """Raise `UsageError` where an engine reads files of another kind."""
    if name not in (known := engines_of(bundle.model_file)):
        raise UsageError(
            f"{name} reads {ENGINES[name].model}, and {bundle.folder} holds {bundle.model_file}",
            place="--engine",
            remedy=f"Give {' or '.join(known)}, or export the run "
            + (f"--to {name}." if name in PHONES else "--to bundle."),
        )


def _keep(file: Path, found: Verification) -> None:
    try:
        facts = read_json(file)
        write_json(file, facts | {"engines": keep(facts.get("engines", []), found)})
    except (OSError, GroupwiseError):  # a bundle may lie where nobody can write, and without its record
        return


def unverified_words(folder: Path) -> str | None:
    """What to say where ONNX Runtime was verified on other instruction sets alone; None else, or unknown."""
    file, here = folder / PARITY, this_processor()
    entries = read_json(file).get("engines", []) if file.is_file() else []
    verified = [one for one in entries if one["engine"] == "onnxruntime" and one.get("agrees")]
    if not (verified and here.instruction_sets):
        return None
    known = [set(one["instruction_sets"]) for one in verified]
    if set(here.instruction_sets) in known:
        return None
    nearest = min(known, key=lambda one: len(one ^ set(here.instruction_sets)))
    parts = [
        f"{word} {', '.join(sets)}"
        for word, sets in (
            ("has", [one for one in here.instruction_sets if one not in nearest]),
            ("lacks", sorted(nearest.difference(here.instruction_sets))),
        )
        if sets
    ]
    return (
        f"The bundle was verified on another kind of processor than this one, which {' and '.join(parts)}."
        f" Verify it here: groupwise verify {folder} --engine onnxruntime"
    )
