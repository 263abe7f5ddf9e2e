"""External validation: new data scanned, cleared of the run's own pictures, measured and reported."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from groupwise.audit.known import BYTES, KnownCopies, find_equal_files, find_known_copies
from groupwise.console import Console
from groupwise.data.archive import is_there
from groupwise.data.cache import Images, decode_images
from groupwise.data.manifest import Manifest
from groupwise.data.split import EXCLUDED, Assignment, Split
from groupwise.data.targets import is_set
from groupwise.errors import UsageError
from groupwise.evaluation.cases import case_names, refuse_mixed_cases, refuse_unknown_column
from groupwise.evaluation.class_names import MatchedClasses, match_classes
from groupwise.evaluation.drift import measure_drift, measure_pixels
from groupwise.evaluation.evaluate import known_order, prediction_header, prediction_lines, read_images
from groupwise.evaluation.external import (
    Measured,
    NewData,
    choose_images,
    compare_with,
    measure_external,
    measure_new_cases,
)
from groupwise.evaluation.promises import check_promises
from groupwise.files import write_csv, write_json
from groupwise.inference.predictor import Outputs, Predictor, load_run, predict_outputs
from groupwise.pipeline.prepare import require_usable, scan_with_progress
from groupwise.report.page import write_report
from groupwise.runs.external import FACTS, FOLD, FOLDER, METRICS, External
from groupwise.runs.files import headline_fold, read_metrics
from groupwise.runs.request import Scan
from groupwise.runs.run import Run
from groupwise.stats.drift import MOST_IMAGES, Collections
from groupwise.stats.estimate import SCHEMA
from groupwise.text import count

SEED = 0


@dataclass(frozen=True, kw_only=True)
class ExternalRequest:
    """Which new data to measure a run on, and how.

    `data` is what the user named, and `scan` makes the manifest of it. `name` is what the data are called in
    the run, by default as their file or folder; `ignore_unknown` leaves out images of classes that the run
    does not know; `by` asks for one answer a case, and `root` is where the images of the run lie now.
    `ordered` are the classes from the lowest to the highest, by default as those of the run.
    """

    data: Path
    scan: Scan
    name: str | None = None
    ignore_unknown: bool = False
    by: str | None = None
    root: Path | None = None
    ordered: tuple[str, ...] = ()

    @property
    def called(self) -> str:
        """The name, which is that of a folder; raises `UsageError` for one that cannot be."""
        if self.name is None:
            return re.sub(r"[^\w.-]+", "-", self.data.resolve().name.partition(".")[0]).strip("-.") or "new"
        if not re.fullmatch(r"\w[\w.-]*", self.name):
            raise UsageError(
                f"{self.name!r} is no name of a folder",
                place="--name",
                remedy="Give letters, digits, dots, dashes and underscores.",
            )
        return self.name


def evaluate_external(folder: Path, request: ExternalRequest, console: Console) -> External:
    """Measure the run in `folder` on data that it has never seen, and write `external/NAME/` and the report.

    A cross-validation and a refit, which have no test of their own, can be measured so as well. Raises
    `UsageError` for classes that the run does not know, and `GroupwiseError` where no image is left.
    """
    run, name = Run.open(folder), request.called
    predictor = load_run(folder)
    manifest = scan_with_progress(request.scan, console)
    require_usable(manifest)
    _refuse_other_data(run, name, manifest)
    if request.by is not None:
        refuse_unknown_column(manifest, request.by)
    several = predictor.decision.label_sets is not None
    matched = _match(manifest, predictor.classes, ignore=request.ignore_unknown, several=several)
    known, split = run.manifest(request.root), run.split()
    gone = _gone(known)
    found = _find_copies(known, gone, manifest, console)
    new = choose_images(manifest, matched, found, several=several)
    _say_left_out(new, matched, console)
    names = [] if request.by is None else _name_cases(request.by, manifest, new, predictor)
    images = _decode(manifest, new, predictor, console)
    outputs = predict_outputs(predictor.model, images, predictor.preprocessing)
    run.count_external_reading(name, manifest.digest)
    ordered = request.ordered or known_order(run)
    measured = measure_external(new, outputs, predictor, ordered)
    untold = {"against": None, "reason": gone}
    drift = untold if gone else _drift(run, known, predictor, new, images, outputs)
    facts = {
        "schema": SCHEMA,
        "name": name,
        "data": str(request.data),
        "root": str(manifest.root),
        "layout": manifest.layout,
        "n": measured.fold.n,
        "sources": measured.fold.n_sources,
        "ungrouped": any(row.group for row in split.rows) and not any(row.group for row in new.rows),
        "left_out": dict(new.left_out),
        "copies": _copy_facts(split, found, new),
        "classes": {name: getattr(matched, name) for name in ("respelled", "unknown", "missing")},
        "internal": _internal(run, measured.figures),
        "promises": check_promises(measured.figures),
        "drift": drift,
        "cases": None,
    }
    target = run.path(f"{FOLDER}/{name}")
    manifest.write(target / "manifest.csv")
    _write_answers(run, target, new, measured, predictor.classes)
    if request.by is not None:
        scored = measure_new_cases(new, measured, names, predictor.decision)
        facts["cases"] = {"by": request.by, "chosen_on": None, **scored.facts}
        scored.write(target / "cases.csv", predictor.classes)
        run.record(f"{FOLDER}/{name}/cases.csv", [f"{FOLDER}/{name}/predictions.csv"])
    write_json(target / METRICS, {FOLD: measured.figures})
    write_json(target / FACTS, facts)
    for file in (METRICS, FACTS):
        run.record(f"{FOLDER}/{name}/{file}", [f"{FOLDER}/{name}/predictions.csv"])
    if not run.is_refit:  # which has no report of its own
        write_report(folder)
    return External(facts, measured.figures)


def _match(manifest: Manifest, classes: tuple[str, ...], *, ignore: bool, several: bool) -> MatchedClasses:
    """The classes by name; raises `UsageError` for sets of labels where the run knows one class an image."""
    labels = [sample.label for sample in manifest.usable]
    if not several and any(map(is_set, labels)):
        raise UsageError(
            "its images have several labels, and the run knows one class an image",
            place="--external",
            remedy="Name the column of one class with --label-column, or give --labels one.",
        )
    return match_classes(labels, classes, ignore_unknown=ignore)


def _refuse_other_data(run: Run, name: str, manifest: Manifest) -> None:
    """Raise `UsageError` where other data than these were measured under the name."""
    before = run.ledger.get("external", {}).get(name)
    if before is not None and before["digest"] != manifest.digest:
        raise UsageError(
            f"other data, or other labels or groups, were measured as {name!r}",
            place=run.path(f"{FOLDER}/{name}"),
            remedy="Give these a --name of their own.",
        )


def _find_copies(known: Manifest, gone: str, new: Manifest, console: Console) -> KnownCopies:
    """Which new images are copies of the run's; by their bytes alone where those are `gone`."""
    if gone:
        console.warn(f"Only byte-identical copies are found: {gone}. --data says where they lie now.")
        return find_equal_files(known.usable, new.usable, gone)
    with console.progress("Looking for copies of the run's images") as progress:
        found = find_known_copies(known, new, seed=SEED, progress=progress)
    if found.searched == BYTES:
        console.warn(f"Only byte-identical copies are found: {found.reason}.")
    return found


def _gone(known: Manifest) -> str:
    """Says that images of the run are not where they were, or nothing."""
    gone = sum(not is_there(known.file(sample)) for sample in known.usable)
    return f"{gone:,} of the run's {len(known.usable):,} images are not at {known.root}" if gone else ""


def _say_left_out(new: NewData, matched: MatchedClasses, console: Console) -> None:
    for name, own in matched.respelled.items():
        console.say(f"Class {name!r} is taken for {own!r} of the run")
    if matched.missing:
        console.warn(f"No image of {', '.join(matched.missing)}: means over classes leave it out")
    words = {
        "copies": "that the run has a copy of",
        "label_conflicts": "of a photograph that stands under several labels",
        "unknown_classes": f"of a class that the run does not know ({', '.join(matched.unknown)})",
    }
    for key, said in words.items():
        if new.left_out[key]:
            console.warn(f"Left out: {count(new.left_out[key], 'image')} {said}")


def _copy_facts(split: Split, found: KnownCopies, new: NewData) -> dict[str, Any]:
    """How copies were looked for, in which folds the originals lie, and how many groups share a name."""
    fold_of = {row.path: row.fold for row in split.rows}
    folds = Counter(fold_of.get(of, EXCLUDED) for _, of in new.copies)
    groups = {row.group for row in split.rows} & {row.group for row in new.rows} - {""}
    return {
        "searched": found.searched,
        "reason": found.reason or None,
        "by_fold": dict(sorted(folds.items())),
        "same_groups": len(groups),
        **found.facts,
    }


def _internal(run: Run, figures: Mapping[str, Any]) -> dict[str, Any]:
    """The run's own figures beside these; those of a refit are the measured network's."""
    if run.is_refit:
        of = run.ledger["refit_of"]
        known = {one: of[one] for one in ("accuracy", "average_precision") if one in of}
        known["per_class"] = figures["per_class"]
        return {"refit": True} | compare_with(known, of["fold"], figures)
    if not run.path("metrics.json").exists():
        return {"reason": "the run was not measured"}
    metrics = read_metrics(run.path("metrics.json"))
    fold = headline_fold(metrics)
    return compare_with(metrics[fold], fold, figures)


def _drift(
    run: Run, known: Manifest, predictor: Predictor, new: NewData, images: Images, outputs: Outputs
) -> dict[str, Any]:
    """Compare with images that the network did not learn from; of an ensemble and a refit, pixels alone."""
    split, one_network = run.split(), not (run.is_ensemble or run.is_refit)
    rows = _compared_rows(split, one_network)
    if not rows:
        return {"against": None, "reason": "the run held no image out"}
    held = read_images(run, rows, predictor.preprocessing, root=known.root)
    samples = {sample.path: sample for sample in known.usable}
    sizes = [(one.width, one.height) for one in (*(samples[row.path] for row in rows), *new.samples)]
    pixels = measure_pixels(np.concatenate([held, images]), sizes)
    features = None
    if one_network:
        own = predict_outputs(predictor.model, held, predictor.preprocessing).features
        features = np.concatenate([own, outputs.features])
    apart = split.sources_of(rows)
    collections = Collections(
        # Of sets each is compared with its like, as a class is
        np.unique([row.label for row in (*rows, *new.rows)], return_inverse=True)[1].astype(np.int64),
        np.concatenate([apart, apart.max() + 1 + new.sources]),
        np.repeat([False, True], [len(rows), len(new.rows)]),
    )
    return {
        "against": list(dict.fromkeys(row.fold for row in rows)),
        "n": len(rows),
        "sources": collections.n_sources[0],
        **measure_drift(pixels, features, collections, seed=SEED),
    }


def _compared_rows(split: Split, one_network: bool) -> list[Assignment]:
    """Rows that took no part in training, or any where no features are compared; at most MOST_IMAGES."""
    taken = [row for row in split.rows if row.fold != EXCLUDED and not (one_network and row.fold == "train")]
    drawn = np.sort(np.random.default_rng(SEED).permutation(len(taken))[:MOST_IMAGES])
    return [taken[i] for i in drawn]


def _write_answers(
    run: Run, target: Path, new: NewData, measured: Measured, classes: tuple[str, ...]
) -> None:
    """Write what was left out as copies, and the answers to the rest."""
    fold_of = {row.path: row.fold for row in run.split().rows}
    write_csv(
        target / "copies.csv",
        ("path", "of", "fold"),
        [(path, of, fold_of.get(of, EXCLUDED)) for path, of in new.copies],
    )
    write_csv(
        target / "predictions.csv",
        prediction_header(classes),
        prediction_lines(new.rows, measured.fold.probs, classes, measured.given),
    )
    made_from = [] if run.is_ensemble else ["model.safetensors"]
    for name in ("manifest.csv", "copies.csv"):
        run.record(f"{FOLDER}/{target.name}/{name}")
    run.record(f"{FOLDER}/{target.name}/predictions.csv", made_from)


def _name_cases(by: str, manifest: Manifest, new: NewData, predictor: Predictor) -> list[object]:
    """The case of each new image; raises `UsageError` where most cases have several classes."""
    names = case_names(new.rows, manifest, by, new.sources)
    if predictor.decision.label_sets is None:
        refuse_mixed_cases(names, new.targets(predictor.classes).values.astype(np.int64))
    return names


def _decode(manifest: Manifest, new: NewData, predictor: Predictor, console: Console) -> Images:
    files = [manifest.file(sample) for sample in new.samples]
    digests = [sample.sha256 for sample in new.samples]
    with console.progress("Reading images") as progress:
        return decode_images(files, digests, predictor.preprocessing, progress=progress)
