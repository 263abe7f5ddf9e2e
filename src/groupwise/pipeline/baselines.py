"""The baselines of a training run, within a tenth of the time that its training took."""

from __future__ import annotations

from collections.abc import Sequence

from groupwise.console import Console
from groupwise.data.cache import Images
from groupwise.errors import GroupwiseError
from groupwise.evaluation.baselines import measure_baselines
from groupwise.evaluation.predictions import read_predictions
from groupwise.recipe.recipe import Recipe
from groupwise.report.baseline_words import fitted_line
from groupwise.runs.baselines import FILE
from groupwise.runs.run import Run
from groupwise.training.config import EpochRecord

SHARE = 0.1  # of the time of training


def add_baselines(
    run: Run,
    recipe: Recipe,
    images: Images,
    history: Sequence[EpochRecord],
    console: Console,
    *,
    most_s: float | None = None,
) -> None:
    """Fit and measure the baselines of `run`, unless they are there or not wanted.

    `images` are those of every row of `split.csv`, decoded. The time is SHARE of that of the epochs in
    `history`, and not above `most_s`.
    """
    if are_due(run):
        seconds = SHARE * sum(epoch.seconds for epoch in history)
        fit_beside(run, recipe, images, seconds if most_s is None else min(seconds, most_s), console)


def are_due(run: Run) -> bool:
    """Whether the baselines of `run` are wanted and not there yet."""
    return bool(run.ledger.get("baselines", False)) and not _are_there(run)


def fit_beside(run: Run, recipe: Recipe, images: Images, seconds: float, console: Console) -> None:
    """Fit and measure the baselines of `run` within so many seconds."""
    predictions = read_predictions(run.require("predictions.csv"))
    folds = dict.fromkeys(row.fold for row in predictions.rows)
    found = measure_baselines(
        run,
        images,
        {fold: predictions.of_fold(fold) for fold in folds},
        recipe,
        seconds=seconds,
    )
    console.say(fitted_line(found))


def _are_there(run: Run) -> bool:
    """Whether they were set beside the answers that the network now gives."""
    if FILE not in run.ledger["artefacts"]:
        return False
    try:
        run.require(FILE)
    except GroupwiseError:
        return False
    return True
