"""What more sources would be worth: networks trained on subsets of them, and a fitted curve.

`learning_curve.json` holds fold, epochs_factor, repeats, points [{sources, images, scores, accuracy}] from
the fewest sources to all, where sources and images are what was learnt from, the mean over the repeats as is
accuracy, a figure as in `metrics.json`, fitted [{sources, accuracy}] along the curve and beyond, next
(sources, gain and its limits), and words. The point of all sources is that of the run's own network, where it
was measured and its epoch chosen as the others' is: not by the fold that is reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from groupwise.console import Console
from groupwise.data.split import Split
from groupwise.errors import UsageError
from groupwise.evaluation.leakage import reported_fold
from groupwise.evaluation.predictions import read_predictions
from groupwise.experiments.retrain import Materials, choosing_fold, open_materials, retrain
from groupwise.experiments.subsets import Part, parts_of, subset
from groupwise.files import write_json
from groupwise.pipeline.resume import stored_recipe
from groupwise.recipe.recipe import Recipe
from groupwise.runs.history import read_history
from groupwise.runs.run import Run
from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.bootstrap import source_weights
from groupwise.stats.estimate import SCHEMA, Estimate
from groupwise.stats.fold import Fold
from groupwise.stats.intervals import fraction
from groupwise.stats.learning_curve import FEWEST_SIZES, extrapolate
from groupwise.text import duration

FILE = "learning_curve.json"
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
    and chooses nothing; where it chose the epoch of the run's own network, all sources are learnt from anew.
    Raises `UsageError` for a run of too few sources, and for a budget that is too short.
    """
    run = Run.open(folder)
    run.refuse_untestable()
    recipe, split = stored_recipe(run), run.split()
    fold = reported_fold(recipe.split.shares)
    refuse_few_sources(split, fold)
    own = own_answers(run, recipe, split)
    anew = slice(None if own is None else -1)
    shares = [part.share for part in parts_of(split, [recipe.seed + 1])[anew]]
    effort = plan_effort(run, shares, repeats, budget_s)
    seeds = range(recipe.seed + 1, recipe.seed + 1 + effort.repeats)
    parts = parts_of(split, seeds)
    refuse_few_sizes(parts)
    right: dict[Part, list[Floats]] = {part: [] for part in parts}
    if own is not None:
        right[parts[-1]].append(own)
    epochs = 0
    with TemporaryDirectory(dir=run.folder, prefix="study-") as scratch:
        materials = open_materials(run, Path(scratch), console, root=root)
        for seed in seeds:
            for part in parts[anew]:
                answered, asked = _train(materials, part, seed, effort, Path(scratch), console)
                right[part].append(answered)
                epochs += asked
    run.count_study_readings(epochs)
    facts = summarise(split, split.indices(fold), right) | {
        "fold": fold,
        "epochs_factor": effort.epochs_factor,
    }
    write_json(run.path(FILE), facts)
    run.record(FILE, ["recipe.yaml", "split.csv"])
    return facts


def plan_effort(run: Run, shares: Sequence[float], repeats: int, budget_s: float | None) -> Effort:
    """As many repeats, and as many epochs of each, as the budget allows, by the time that the run took.

    `shares` of the run's training images are learnt from in each repeat.
    """
    if repeats < 1:
        raise UsageError(f"{repeats} is below 1", place="--repeats", remedy="Give at least 1, better 2.")
    taken = sum(row["seconds"] for row in read_history(run.path("history.csv")))
    if budget_s is None or not taken:
        return Effort(repeats, MOST_EPOCHS)
    costs = {
        factor: taken * sum(min(share * factor, 1.0) for share in shares) for factor in (MOST_EPOCHS, 2, 1)
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


def refuse_few_sources(split: Split, fold: str) -> None:
    """Raise `UsageError` where an eighth of the training sources, or one source to judge, tells no curve."""
    sources = len(np.unique(split.sources[split.indices("train")]))
    if sources < FEWEST_SOURCES:
        raise UsageError(
            f"the run learnt from {sources} sources, and parts of them tell no curve",
            place="learning-curve",
            remedy=f"Give it a run of {FEWEST_SOURCES} training sources or more; of a cross-validation, one"
            " of its networks, as RUN/repeat-1/fold-1.",
        )
    if len(np.unique(split.sources[split.indices(fold)])) < 2:
        raise UsageError(
            f"the fold {fold} is one source, which cannot tell what others would bring",
            place="learning-curve",
            remedy="Give it a run whose number comes from several sources.",
        )


def refuse_few_sizes(parts: Sequence[Part]) -> None:
    """Raise `UsageError` where too few of the parts differ, as every class keeps a source."""
    if len(parts) < FEWEST_SIZES:
        sizes = " and ".join(f"{part.sources:.0f}" for part in parts)
        raise UsageError(
            f"parts that keep a source of every class have {sizes} sources, which tell no curve",
            place="learning-curve",
            remedy="Give it a run with more training sources in each class.",
        )


def own_answers(run: Run, recipe: Recipe, split: Split) -> Floats | None:
    """Which images of the reported fold the run's own network gets right, (T,).

    None where they were not asked, or its epoch is not chosen as that of a network trained anew.
    """
    chosen_alike = recipe.training.select_fold == choosing_fold(recipe)
    if not chosen_alike or not run.path("predictions.csv").is_file():
        return None
    fold = reported_fold(recipe.split.shares)
    predictions = read_predictions(run.require("predictions.csv")).of_fold(fold)
    told = dict(zip((row.path for row in predictions.rows), predictions.right.tolist(), strict=True))
    rows = [split.rows[i] for i in split.indices(fold)]
    if not all(row.path in told for row in rows):
        return None
    return np.array([told[row.path] for row in rows], dtype=np.float64)


def _train(
    materials: Materials, part: Part, seed: int, effort: Effort, scratch: Path, console: Console
) -> tuple[Floats, int]:
    """Which images of the reported fold one network gets right, (T,), and how often it was asked."""
    split = subset(materials.split, part.fraction, seed=seed)
    training = materials.recipe.training
    epochs = max(1, round(training.epochs * min(effort.epochs_factor, 1 / part.share)))
    longer = replace(materials.recipe, training=replace(training, epochs=epochs))
    with console.progress(f"About {part.sources:.0f} sources, seed {seed}") as progress:
        asked = retrain(
            replace(materials, recipe=longer), split, seed=seed, scratch=scratch, on_batch=progress
        )
    right = asked.right[asked.chosen].astype(np.float64)
    console.say(f"About {part.sources:.0f} sources: {100 * right.mean():.1f} %")
    return right, len(asked.predicted)


def summarise(split: Split, rows: Ints, right: Mapping[Part, list[Floats]]) -> dict[str, Any]:
    """What FILE holds of the answers `right` to the images `rows` (T,) of the reported fold, by size."""
    sources = np.unique(split.sources[rows], return_inverse=True)[1].astype(np.int64)
    labels = np.zeros(len(rows), dtype=np.int64) if split.several else split.class_numbers[rows]
    fold = Fold(labels, np.eye(len(split.classes))[labels], sources)
    images = fold.per_source(np.ones(fold.n))
    sizes = np.array([part.sources for part in right])
    total = int(sizes[-1])
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
            "sources": round(part.sources),
            "images": round(part.images),
            "scores": [float(one.mean()) for one in answers],
            "accuracy": fraction(of_size, images, "").as_json(),
        }
        for (part, answers), of_size in zip(right.items(), hits, strict=True)
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


def _noise(right: Mapping[Part, list[Floats]]) -> float:
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
