"""Which of several runs is better, over the images that all of them tested."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from groupwise.data.sources import find_sources
from groupwise.data.targets import Targets
from groupwise.errors import GroupwiseError, UsageError
from groupwise.evaluation.predictions import PROBABILITY
from groupwise.report.baseline_words import standing_sentence
from groupwise.report.differences import Comparison
from groupwise.report.words import what_is_chosen
from groupwise.runs.files import RunFiles, read_run
from groupwise.runs.run import Run
from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.estimate import Estimate
from groupwise.stats.fold import Fold, balanced_accuracy, check_fold, class_counts, log_losses
from groupwise.stats.label_compare import LabelPair, compare_label_models, label_losses
from groupwise.stats.label_metrics import LabelFold, check_label_fold, rank_figures
from groupwise.stats.paired_tests import Pair, compare_models
from groupwise.text import NBSP, count, verb

TEST = "test"
NEEDED = ("recipe.yaml", "split.csv", "predictions.csv")


@dataclass(frozen=True)
class Contestant:
    """One run: its name beside the others, its files, and its row of `predictions.csv` for each image."""

    name: str
    run: Run
    files: RunFiles
    answers: Mapping[str, Mapping[str, str]]

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of their columns."""
        row = next(iter(self.answers.values()))
        return tuple(name.removeprefix(PROBABILITY) for name in row if name.startswith(PROBABILITY))

    def probs(self, paths: Sequence[str], classes: Sequence[str]) -> Floats:
        """The probabilities of `classes` for images, (N, K)."""
        rows = (self.answers[path] for path in paths)
        return np.array([[float(row[f"{PROBABILITY}{name}"]) for name in classes] for row in rows])


def compare_runs(folders: Sequence[Path], *, fold: str = TEST, seed: int = 0) -> Comparison:
    """Compare the runs in `folders` on the images that every one of them has in `fold`.

    Images are the same where path and label are; sources are joined by the groups and clusters of all runs.
    A comparison on the test fold reads it, so it is counted in each run. Raises `UsageError` for fewer than
    two different runs, and `GroupwiseError` where they have no image in common.
    """
    contestants = _open_all(folders, fold)
    classes = _shared_classes(contestants)
    paths = _shared_paths(contestants, fold)
    source_of = _sources(contestants)
    sources = np.array([source_of[path] for path in paths])
    targets = Targets.of([contestants[0].answers[path]["label"] for path in paths], classes)
    probs = [contestant.probs(paths, classes) for contestant in contestants]
    figures, pairs = _measure(targets, probs, sources, seed)
    names = [contestant.name for contestant in contestants]
    if fold == TEST:
        for contestant in contestants:
            others = ", ".join(name for name in names if name != contestant.name)
            contestant.run.count_test_reading(f"compared with {others}")
    return Comparison(
        fold=fold,
        n=len(paths),
        sources=len(set(sources.tolist())),
        runs=tuple(
            {
                "name": one.name,
                "folder": str(one.run.folder),
                "optimised_for": one.files.optimised_for,
                **figure,
                **_beside(one.files, fold),
            }
            for one, figure in zip(contestants, figures, strict=True)
        ),
        pairs=pairs,
        warnings=(
            *_pairing_warnings(contestants, paths),
            *_protocol_warnings(contestants, paths, source_of, fold),
        ),
    )


def _open_all(folders: Sequence[Path], fold: str) -> list[Contestant]:
    if len(folders) < 2:
        raise UsageError(
            f"{len(folders)} run", place="RUN", remedy="Give at least two, as in: groupwise compare A B"
        )
    base_names = {folder.resolve().name for folder in folders}
    plain = len(base_names) == len(folders)
    found = [_open(folder, folder.resolve().name if plain else str(folder), fold) for folder in folders]
    _refuse_lacking(found, fold)
    seen: dict[str, Contestant] = {}
    for contestant in found:
        digest = contestant.run.ledger["artefacts"]["predictions.csv"]["sha256"]
        if (other := seen.setdefault(digest, contestant)) is not contestant:
            same = other.run.folder.resolve() == contestant.run.folder.resolve()
            raise UsageError(
                "given twice" if same else f"holds the very same predictions as {other.run.folder}",
                place=contestant.run.folder,
                remedy="A network does not differ from itself; give runs that were trained apart.",
            )
    return found


def _open(folder: Path, name: str, fold: str) -> Contestant:
    run = Run.open(folder)
    for artefact in NEEDED:
        run.require(artefact)
    files = read_run(folder)
    answers = {row["path"]: row for row in files.predictions if row["fold"] == fold}
    return Contestant(name, run, files, answers)


def _refuse_lacking(contestants: Sequence[Contestant], fold: str) -> None:
    """Raise `UsageError` for a run that did not answer `fold`; the remedy names what all of them have."""
    folds = [{row["fold"] for row in one.files.predictions} for one in contestants]
    lacking = next((one for one in contestants if not one.answers), None)
    if lacking is None:
        return
    if shared := ", ".join(sorted(set.intersection(*folds))):
        remedy = f"Choose with --fold among: {shared}."
    elif any(one.files.crossval for one in contestants):
        remedy = "A cross-validation is compared with another one: give --fold out-of-fold."
    else:
        remedy = "The runs have no fold in common; measure one with `groupwise evaluate`."
    raise UsageError(f"no predictions for fold {fold!r}", place=lacking.run.folder, remedy=remedy)


def _shared_classes(contestants: Sequence[Contestant]) -> tuple[str, ...]:
    first = contestants[0]
    for other in contestants[1:]:
        if set(other.classes) != set(first.classes):
            odd = ", ".join(sorted(set(first.classes) ^ set(other.classes)))
            raise GroupwiseError(
                f"tells apart other classes than {first.run.folder} ({odd} only in one of them)",
                place=other.run.folder,
                remedy="Compare runs that were trained on the same classes.",
            )
    return first.classes


def _shared_paths(contestants: Sequence[Contestant], fold: str) -> list[str]:
    paths = [path for path in contestants[0].answers if _labels(contestants, path) == 1]
    if not paths:
        raise GroupwiseError(
            f"no image stands in fold {fold!r} of every run under one path and label",
            place=", ".join(str(contestant.run.folder) for contestant in contestants),
            remedy="Train one on the other's split: `groupwise train DATA --split.extend OTHER/split.csv`.",
        )
    return paths


def _labels(contestants: Sequence[Contestant], path: str) -> int:
    """How many labels an image has among the runs; 0 if a run did not test it."""
    answers = [contestant.answers.get(path) for contestant in contestants]
    return 0 if None in answers else len({answer["label"] for answer in answers if answer})


def _sources(contestants: Sequence[Contestant]) -> dict[str, int]:
    """The source of each image of any run: what one run knows to belong together does so for all."""
    rows = [{row.path: row for row in contestant.files.assignments} for contestant in contestants]
    paths = list(dict.fromkeys(path for table in rows for path in table))
    keys = [
        [str(getattr(table[path], column)) if path in table else "" for path in paths]
        for table in rows
        for column in ("group", "cluster")
    ]
    return dict(zip(paths, find_sources(*keys).tolist(), strict=True))


def _measure(
    targets: Targets, probs: Sequence[Floats], sources: Ints, seed: int
) -> tuple[list[dict[str, float]], tuple[Pair, ...] | tuple[LabelPair, ...]]:
    """The figures of each run, and the differences of each pair."""
    if targets.several:
        sets = [check_label_fold(targets.values, p, sources) for p in probs]
        return [_set_figures(one) for one in sets], compare_label_models(sets, targets.classes, seed=seed)
    labels = targets.values.astype(np.int64)
    figures = [_figures(check_fold(labels, p, sources, targets.classes)) for p in probs]
    return figures, compare_models(labels, probs, sources, targets.classes, seed=seed)


def _set_figures(fold: LabelFold) -> dict[str, float]:
    auroc, precision = rank_figures(fold, np.ones((1, fold.whole.n_sources)))
    if not fold.rankable:
        raise GroupwiseError(
            "no label stands in some of the images that all runs have and lacks in others",
            place="compare",
            remedy="Compare on a fold with more images.",
        )
    return {
        "average_precision": float(precision.mean()),
        "auroc": float(auroc.mean()),
        "log_loss": float(label_losses(fold).mean()),
    }


def _figures(fold: Fold) -> dict[str, float]:
    plain = class_counts(fold, np.ones((1, fold.n_sources)))
    return {
        "accuracy": float((fold.predicted == fold.labels).mean()),
        "balanced_accuracy": float(balanced_accuracy(fold, plain)[0]),
        "log_loss": float(log_losses(fold).mean()),
    }


def _beside(files: RunFiles, fold: str) -> dict[str, Any]:
    """What the run's own baselines say of it, on all of its images of the fold; empty without them."""
    found = files.baselines
    if found is None or not found.covers(fold) or fold not in files.metrics:
        return {}
    network = Estimate.from_json(files.metrics[fold][found.measure])
    measure = found.measure if files.several else "accuracy"
    return {
        "baseline": standing_sentence(found, fold, network).replace(NBSP, " "),
        f"baseline_{measure}": found.rival(fold).scores[fold].figures[measure].value,
        "behind": found.standing(fold) != "beats",
    }


def _pairing_warnings(contestants: Sequence[Contestant], paths: Sequence[str]) -> Iterator[str]:
    everywhere = set.intersection(*(set(contestant.answers) for contestant in contestants))
    if relabelled := len(everywhere) - len(paths):
        yield f"{count(relabelled, 'image')} left out: the runs do not agree on the label"
    for contestant in contestants:
        if alone := len(contestant.answers) - len(everywhere):
            yield f"{count(alone, 'image')} of {contestant.name} left out: not every run tested them"
    digests = [{sample.path: sample.sha256 for sample in one.files.manifest} for one in contestants]
    if other := sum(len({table.get(path) for table in digests}) > 1 for path in paths):
        yield (
            f"{count(other, 'image')} {verb(other, 'is', 'are')} not the same file in every run: unless these"
            " are versions of one photograph, the pairing means nothing"
        )


def _protocol_warnings(
    contestants: Sequence[Contestant], paths: Sequence[str], source_of: Mapping[str, int], fold: str
) -> Iterator[str]:
    known = len(set(source_of.values())) < len(source_of)
    if not known:
        yield (
            "every image counts as a source of its own, because no groups were given and no copies found; if"
            " several show the same person, place or thing, the intervals are too narrow"
        )
    for contestant in contestants:
        files = contestant.files
        if files.select_fold == fold and files.looks > 1:
            yield (
                f"{contestant.name} chose its {what_is_chosen(files)} on fold {fold}, the"
                f" best of {files.looks} looks: its figures are too high, and so is any lead it has"
            )
        trained = {source_of[row.path] for row in files.assignments if row.fold == "train"}
        if siblings := sum(source_of[path] in trained for path in paths):
            yield (
                f"{contestant.name} was trained on siblings of {siblings:,} of these {len(paths):,} images:"
                " it may know them again, and its figures are too high"
            )
        elif files.split.get("method") == "random" and not known:
            yield f"{contestant.name} was split at random, and nobody knows which images belong together"
