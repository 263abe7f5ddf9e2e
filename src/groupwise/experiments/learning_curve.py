"""What more sources would be worth: networks trained on subsets of them, and a fitted curve.

`learning_curve.json` holds fold, epochs_factor, repeats, points [{sources, images, scores, accuracy}] from
the fewest sources to all, where accuracy is a figure as in `metrics.json`, the mean over the repeats, fitted
[{sources, accuracy}] along the curve and beyond, next (sources, gain and its limits), and words. The point of
all sources is that of the run's own network, where it was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from groupwise.console import Console
from groupwise.data.split import EXCLUDED, Split
from groupwise.data.stratify import IntArray
from groupwise.errors import UsageError
from groupwise.evaluation.predictions import read_predictions
from groupwise.experiments.retrain import Materials, open_materials, retrain
from groupwise.files import write_json
from groupwise.runs.history import read_history
from groupwise.runs.run import Run
from groupwise.stats.bootstrap import source_weights
from groupwise.stats.estimate import SCHEMA, Estimate
from groupwise.stats.fold import Floats, Fold
from groupwise.stats.intervals import fraction
from groupwise.stats.label_rule import Members
from groupwise.stats.learning_curve import extrapolate
from groupwise.text import duration

FILE = "learning_curve.json"
FRACTIONS = (1 / 8, 1 / 4, 1 / 2)  # of the sources; all of them are the run's own
MOST_EPOCHS = 4  # times as many as the run, so that few images are seen as often as many
NEXT = 100
FEWEST_SOURCES = 16
# How far a network trained anew differs, where a single repeat does not show it: a point.
UNSEEN_NOISE = 0.01
RESERVE_S = 20.0  # for the images to be decoded, and for what follows training
DRAWS = 1000


@dataclass(frozen=True)
class Effort:
    """Networks of each size, and how many times the run's epochs they may have."""

    repeats: int
    epochs_factor: int


def learning_curve(
    folder: Path,
    *,
    repeats: int = 2,
    budget_s: float | None = None,
    root: Path | None = None,
    console: Console,
) -> dict[str, Any]:
    """Train on an eighth, a quarter and half of the training sources of the run in `folder`; see FILE.

    `root` is where the images lie if not where they lay during training. The reported fold judges all of them
    and chooses nothing. Raises `UsageError` for a run of too few sources, and for a budget that is too short.
    """
    run = Run.open(folder)
    run.refuse_untestable()
    effort = plan_effort(run, repeats, budget_s)
    with TemporaryDirectory(dir=run.folder, prefix="study-") as scratch:
        materials = open_materials(run, Path(scratch), console, root=root)
        refuse_few_sources(materials.split)
        rows = materials.split.indices(materials.fold)
        right: dict[float, list[Floats]] = {size: [] for size in (*FRACTIONS, 1.0)}
        epochs = 0
        own = own_answers(run, materials.split, materials.fold)
        for repeat in range(effort.repeats):
            for size in right:
                if size == 1 and own is not None:
                    right[size] = [own]
                    continue
                answered, asked = _train(materials, size, repeat, effort, Path(scratch), console)
                right[size].append(answered)
                epochs += asked
    run.count_study_readings(epochs)
    facts = summarise(materials.split, rows, right) | {
        "fold": materials.fold,
        "epochs_factor": effort.epochs_factor,
    }
    write_json(run.path(FILE), facts)
    run.record(FILE, ["recipe.yaml", "split.csv"])
    return facts


def plan_effort(run: Run, repeats: int, budget_s: float | None) -> Effort:
    """As many repeats, and as many epochs of each, as the budget allows, by the time that the run took."""
    if repeats < 1:
        raise UsageError(f"{repeats} is below 1", place="--repeats", remedy="Give at least 1, better 2.")
    taken = sum(row["seconds"] for row in read_history(run.path("history.csv")))
    if budget_s is None or not taken:
        return Effort(repeats, MOST_EPOCHS)
    costs = {
        factor: taken * sum(size * min(factor, 1 / size) for size in FRACTIONS)
        for factor in (MOST_EPOCHS, 2, 1)
    }
    left = budget_s - RESERVE_S
    for factor, cost in costs.items():
        if cost <= left:
            return Effort(min(repeats, int(left // cost)), factor)
    raise UsageError(
        f"{duration(budget_s)} are too short: the networks take about {duration(costs[1])}, as the run took"
        f" {duration(taken)}",
        place="--budget",
        remedy=f"Give {duration(1.1 * costs[1] + RESERVE_S)} or more.",
    )


def refuse_few_sources(split: Split) -> None:
    """Raise `UsageError` where an eighth of the training sources would be none to learn from."""
    sources = len(np.unique(split.sources[split.indices("train")]))
    if sources < FEWEST_SOURCES:
        raise UsageError(
            f"the run learnt from {sources} sources, and parts of them tell no curve",
            place="learning-curve",
            remedy=f"Give it a run of {FEWEST_SOURCES} training sources or more; of a cross-validation, one"
            " of its networks, as RUN/repeat-1/fold-1.",
        )


def own_answers(run: Run, split: Split, fold: str) -> Floats | None:
    """Which images of `fold` the run's own network gets right, (T,); None where they were not asked."""
    if not run.path("predictions.csv").is_file():
        return None
    predictions = read_predictions(run.require("predictions.csv")).of_fold(fold)
    told = dict(zip((row.path for row in predictions.rows), predictions.right.tolist(), strict=True))
    rows = [split.rows[i] for i in split.indices(fold)]
    if not all(row.path in told for row in rows):
        return None
    return np.array([told[row.path] for row in rows], dtype=np.float64)


def subset(split: Split, size: float, *, seed: int) -> Split:
    """The split with a fraction `size` of its training sources, in every class about as large a one.

    Of one seed a smaller subset lies within every larger one, and every class keeps a source at least. A
    source of several labels counts for the rarest of them.
    """
    rng = np.random.default_rng(seed)
    train, source_of = split.indices("train"), split.sources
    sources, first, number = np.unique(source_of[train], return_index=True, return_inverse=True)
    has = _labels_of_sources(split, train, number, first)
    rarest = np.where(has, has.sum(axis=0), np.inf).argmin(axis=1)
    place = np.empty(len(sources))
    for k in np.unique(rarest):
        members = rng.permutation(np.flatnonzero(rarest == k))
        place[members] = (np.arange(len(members)) + rng.random()) / len(members)
        place[members[0]] = 0.0
    for k in np.flatnonzero(has.any(axis=0)):
        place[np.where(has[:, k], place, np.inf).argmin()] = 0.0
    kept = set(sources[place <= size].tolist())
    rows = list(split.rows)
    for i in train.tolist():
        if int(source_of[i]) not in kept:
            rows[i] = rows[i]._replace(fold=EXCLUDED)
    return Split(tuple(rows))


def _labels_of_sources(split: Split, train: IntArray, number: IntArray, first: IntArray) -> Members:
    """Which labels each source of the rows `train` has, (S, K); of classes that of its first image."""
    members = split.targets.members[train].astype(bool)
    if not split.several:
        return members[first]
    has = np.zeros((len(first), members.shape[1]), dtype=bool)
    np.logical_or.at(has, number, members)
    return has


def _train(
    materials: Materials, size: float, repeat: int, effort: Effort, scratch: Path, console: Console
) -> tuple[Floats, int]:
    """Which images of the reported fold one network gets right, (T,), and how often it was asked."""
    seed = materials.recipe.seed + 1 + repeat
    split = subset(materials.split, size, seed=seed)
    training = materials.recipe.training
    epochs = round(training.epochs * min(effort.epochs_factor, 1 / size))
    longer = replace(materials.recipe, training=replace(training, epochs=epochs))
    with console.progress(f"{size:.3g} of the sources, repeat {repeat + 1}") as progress:
        asked = retrain(
            replace(materials, recipe=longer), split, seed=seed, scratch=scratch, on_batch=progress
        )
    right = asked.right[asked.chosen].astype(np.float64)
    console.say(f"{size:.3g} of the sources: {100 * right.mean():.1f} %")
    return right, len(asked.predicted)


def summarise(split: Split, rows: IntArray, right: dict[float, list[Floats]]) -> dict[str, Any]:
    """What FILE holds of the answers `right` to the images `rows` (T,) of the reported fold, by size."""
    train = split.indices("train")
    total = len(np.unique(split.sources[train]))
    sources = np.unique(split.sources[rows], return_inverse=True)[1].astype(np.int64)
    labels = np.zeros(len(rows), dtype=np.int64) if split.several else split.class_numbers[rows]
    fold = Fold(labels, np.eye(len(split.classes))[labels], sources)
    images = fold.per_source(np.ones(fold.n))
    sizes = np.array([max(1.0, size * total) for size in right])
    means = np.array([np.mean(answers, axis=0) for answers in right.values()])  # (S, T)
    hits = np.array([fold.per_source(mean) for mean in means])  # (S, G)
    draws = np.concatenate(
        [weights @ hits.T / (weights @ images)[:, None] for weights in source_weights(fold, DRAWS, seed=0)]
    )
    scores = means.mean(axis=1)
    ahead = np.array([total + NEXT, 2 * total, 4 * total], dtype=np.float64)
    at = np.concatenate([np.geomspace(sizes[0], total, 8), ahead])
    fitted = extrapolate(sizes, scores, draws, at, noise=_noise(right), seed=0)
    reached, further, double = fitted[7], fitted[8], fitted[9]
    assert reached.value is not None
    points = [
        {
            "sources": round(size),
            "images": round(size / total * len(train)),
            "scores": [float(one.mean()) for one in answers],
            "accuracy": fraction(of_size, images, "").as_json(),
        }
        for size, answers, of_size in zip(sizes, right.values(), hits, strict=True)
    ]
    gain = {name: getattr(further, name) - reached.value for name in ("value", "low", "high")}
    following = {"sources": NEXT, "gain": gain}
    facts = {
        "schema": SCHEMA,
        "n": fold.n,
        "sources": fold.n_sources,
        "repeats": max(len(answers) for answers in right.values()),
        "points": points,
        "fitted": [
            {"sources": float(size), "accuracy": one.as_json()} for size, one in zip(at, fitted, strict=True)
        ],
        "next": following,
    }
    return facts | {"words": curve_words(points, following, total, double, several=split.several)}


def _noise(right: dict[float, list[Floats]]) -> float:
    """The standard deviation of a score from network to network of one size."""
    repeated = [[one.mean() for one in answers] for answers in right.values() if len(answers) > 1]
    if not repeated:
        return UNSEEN_NOISE
    return float(np.sqrt(np.mean([np.var(scores, ddof=1) for scores in repeated])))


def curve_words(
    points: Sequence[dict[str, Any]], ahead: dict[str, Any], total: int, double: Estimate, *, several: bool
) -> list[str]:
    """What the curve says, in three sentences."""
    assert double.value is not None
    assert double.low is not None
    assert double.high is not None
    sizes = ", ".join(f"{point['sources']:,}" for point in points)
    scores = ", ".join(f"{100 * point['accuracy']['value']:.1f}" for point in points)
    gain = {name: 100 * value for name, value in ahead["gain"].items()}
    measure = "exactly right images" if several else "accuracy"
    worth = (
        f"The next {ahead['sources']} sources like these are worth {gain['value']:+.1f} points of {measure}"
        f" (95 % band {gain['low']:+.1f} to {gain['high']:+.1f})."
    )
    if gain["low"] < 0 < gain["high"]:
        worth += " By this curve they may also bring nothing."
    return [
        f"Learning from {sizes} sources, the recipe gets {scores} % {'exactly ' * several}right.",
        worth,
        f"Twice as many ({2 * total:,}) would reach about {100 * double.value:.1f} %"
        f" ({100 * double.low:.1f} to {100 * double.high:.1f}) on these test images.",
    ]
