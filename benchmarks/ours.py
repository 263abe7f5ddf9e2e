"""What Groupwise makes of a set for `model.py`: its plan and the training of it, or its whole command."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from groupwise.files import write_json
from groupwise.models.resnext import ResNeXt
from groupwise.recipe.recipe import Recipe
from groupwise.stats.arrays import Ints
from sets import HELD_OUT, TRAIN, VAL, PictureSet
from task import Clock, Outcome, Task, changes_of, rows_of, seconds_of, size_and_speed

MOST_EPOCHS = 100_000  # of a recipe that goes on until its minutes are over


def run_groupwise(pictures: PictureSet, folds: Sequence[str], task: Task) -> Outcome:
    """The plan for so many minutes and the training that it leads to, or a recipe as it is."""

    from groupwise.distributed.world import World
    from groupwise.inference.predictor import predict_logits
    from groupwise.pipeline.train import new_model
    from groupwise.recipe.parsing import read_recipe
    from groupwise.recipe.recipe import differences
    from groupwise.training.config import FitConfig, FitData
    from groupwise.training.trainer import Trainer

    changes = changes_of(task)
    if task.epochs is not None:
        changes["training.epochs"] = task.epochs
    elif "recipe" in task.varied:
        changes["training.epochs"] = MOST_EPOCHS
    base, recipe = read_recipe(task.varied.get("recipe", "default"), {**changes, "seed": task.seed})
    clock = Clock()
    if "recipe" not in task.varied:
        recipe = plan_for(pictures, folds, base, recipe, frozenset(changes), seconds=seconds_of(task))
    planned = clock.both
    images = _decoded(pictures, recipe)
    model = new_model(recipe, len(pictures.classes))
    costs = recipe.decision.cost_matrix(pictures.classes)
    data = FitData(images, pictures.labels, rows_of(folds, TRAIN), rows_of(folds, VAL), costs=costs)
    if task.minutes is not None and not math.isinf(task.minutes):
        left = max(0.0, task.minutes - planned[0] / 60)
        if recipe.training.budget_minutes is not None:  # which leaves time to score the last epoch
            left = min(left, recipe.training.budget_minutes)
        recipe = replace(recipe, training=replace(recipe.training, budget_minutes=left))
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(model, data, FitConfig.of(recipe), world=World(), checkpoints=Path(folder))
        fitted = trainer.fit()
    trained = clock.both
    model.load_state_dict(dict(fitted.weights))
    if task.keep is not None:
        keep(model, recipe, pictures, Path(task.keep) / pictures.name)
    logits = predict_logits(model, images[rows_of(folds, HELD_OUT)], recipe.data)
    answers, size_px = logits.argmax(1), recipe.data.image_size_px
    other: dict[str, Any] = {}
    if recipe.decision.costs is not None:
        select = Judged(predict_logits(model, images[rows_of(folds, VAL)], recipe.data), rows_of(folds, VAL))
        other = other_measures(pictures, folds, recipe, select, Judged(logits, rows_of(folds, HELD_OUT)))
    return Outcome(
        answers,
        planned[0] + trained[0],
        planned[1] + trained[1],
        len(fitted.history),
        recipe.model.preset,
        size_px,
        *size_and_speed(model, size_px),
        more={
            "planned_seconds": planned[0],
            "val": fitted.best.select_accuracy,
            **other,
            "recipe": {change["field"]: change["value"] for change in differences(recipe, base)},
        },
    )


@dataclass(frozen=True, eq=False)
class Judged:
    """Logits (N, K) of some rows of a set."""

    logits: npt.NDArray[np.float64]
    rows: Ints


def other_measures(
    pictures: PictureSet, folds: Sequence[str], recipe: Recipe, select: Judged, held_out: Judged
) -> dict[str, float]:
    """AUROC and costs on the fold held out, and what correcting for the shares of classes gives there."""
    from groupwise.stats.calibration import calibrated, fit_temperature
    from groupwise.stats.costs import cheapest_answers
    from groupwise.stats.fold import Fold
    from groupwise.stats.priors import with_equal_classes
    from groupwise.training.selection import mean_ranking

    costs = recipe.decision.cost_matrix(pictures.classes)
    assert costs is not None
    sources = np.unique(np.array(pictures.sources)[select.rows])
    temperature = fit_temperature(select.logits, pictures.labels[select.rows], len(sources))
    probs, labels = calibrated(held_out.logits, temperature), pictures.labels[held_out.rows]
    counts = np.bincount(pictures.labels[rows_of(folds, TRAIN)], minlength=len(pictures.classes))
    corrected = with_equal_classes(probs, counts).argmax(1)
    shares, right = counts / counts.sum(), corrected == labels
    return {
        "auroc": mean_ranking(Fold(labels, probs, np.zeros(len(labels), np.int64)), 0),
        "cost": at_shares(costs[labels, probs.argmax(1)], labels, shares),
        "cost_decided": at_shares(costs[labels, cheapest_answers(probs, costs)], labels, shares),
        "corrected_as_learnt": at_shares(right, labels, shares),
        "corrected_balanced": at_shares(right, labels, np.ones(len(shares))),
    }


def at_shares(values: npt.NDArray[Any], labels: Ints, shares: npt.NDArray[np.float64]) -> float:
    """The mean of `values` (N,) where classes are as frequent as `shares` (K,) says, but for absent ones."""
    present = np.unique(labels)
    means = np.array([values[labels == k].mean() for k in present])
    return float(means @ shares[present] / shares[present].sum())


def shares_of(pictures: PictureSet, folds: Sequence[str]) -> npt.NDArray[np.float64]:
    """Of the classes in what is learnt from, (K,)."""
    counts = np.bincount(pictures.labels[rows_of(folds, TRAIN)], minlength=len(pictures.classes))
    return counts / counts.sum()


def keep(model: ResNeXt, recipe: Recipe, pictures: PictureSet, folder: Path) -> None:
    """Write the network as a run has it, for `model.weights` of another."""
    from groupwise.inference.predictor import model_config
    from groupwise.models.weights import save_weights

    folder.mkdir(parents=True, exist_ok=True)
    save_weights(model, folder / "model.safetensors")
    config = model_config(recipe.model.preset, model, pictures.classes, recipe.data, 1.0)
    write_json(folder / "config.json", config)


def plan_for(
    pictures: PictureSet,
    folds: Sequence[str],
    base: Recipe,
    recipe: Recipe,
    chosen: frozenset[str],
    *,
    seconds: float | None,
) -> Recipe:
    """What the planner makes of the pictures that are learnt from, for seconds that begin now."""
    from groupwise.pipeline.plan import describe
    from groupwise.planning.plan import make_plan
    from groupwise.planning.trial import Rates, measure_rates

    clock = Clock()
    split = pictures.split(folds, TRAIN, VAL)
    samples = {sample.path: sample for sample in pictures.manifest.usable}
    inside = [samples[row.path] for row in split.rows]
    files, digests = [pictures.manifest.file(s) for s in inside], [s.sha256 for s in inside]
    train, select = split.indices(TRAIN), split.indices(VAL)
    facts = describe(pictures.manifest, split, train, select, recipe)

    def rates(tried: Recipe) -> Rates:
        # Decoding is nobody's time here, so the plan need not leave any for it.
        return replace(measure_rates(tried, len(pictures.classes), files, digests), decode_s=0.0)

    left_s = None if seconds is None else lambda: seconds - clock.wall
    return make_plan(facts, recipe, rates, usual=base, chosen=chosen, left_s=left_s).recipe


def run_command(pictures: PictureSet, folds: Sequence[str], task: Task) -> Outcome:
    """The whole of `groupwise train CSV --group-column source --budget ...`, which divides for itself."""
    from groupwise.api import train
    from groupwise.data.cache import decode_images
    from groupwise.files import read_json
    from groupwise.inference.predictor import load_run, predict_logits

    changes, recipe = changes_of(task), task.varied.get("recipe")
    if recipe is not None:
        changes |= {"training.epochs": MOST_EPOCHS, "training.budget_minutes": task.minutes}
    file = pictures.write_learnable(folds, TRAIN, VAL)
    with tempfile.TemporaryDirectory() as folder:
        run, clock = Path(folder) / "run", Clock()
        try:
            train(
                file,
                run=run,
                recipe=recipe,
                budget=None if recipe else f"{60 * (task.minutes or 0):g}s",
                group_column="source",
                changes={**changes, "seed": task.seed},
                quiet=True,
            )
        finally:
            file.unlink()
        took = clock.both
        predictor, preset = load_run(run), read_json(run / "config.json")["architecture"]
        epochs = len((run / "history.csv").read_text().splitlines()) - 1
    samples = [pictures.manifest.usable[row] for row in rows_of(folds, HELD_OUT)]
    images = decode_images(
        [pictures.manifest.file(sample) for sample in samples],
        [sample.sha256 for sample in samples],
        predictor.preprocessing,
    )
    numbers = np.array([pictures.classes.index(name) for name in predictor.classes])
    answers = numbers[predict_logits(predictor.model, images, predictor.preprocessing).argmax(1)]
    size_px = predictor.preprocessing.image_size_px
    return Outcome(answers, *took, epochs, preset, size_px, *size_and_speed(predictor.model, size_px))


def _decoded(pictures: PictureSet, recipe: Recipe) -> npt.NDArray[np.uint8]:
    """All pictures as the recipe wants them, decoded once for each kind of preprocessing."""
    from groupwise.data.cache import open_cache
    from groupwise.files import sha256_mapping

    folder = pictures.folder / f"cache-{sha256_mapping(asdict(recipe.data))[:8]}"
    digests = [sample.sha256 for sample in pictures.manifest.usable]
    return open_cache(folder, pictures.files, digests, recipe.data)
