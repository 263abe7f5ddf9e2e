"""The chain as one Python call, with the recipe given by name, file or fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from groupwise.console import Console
from groupwise.data.reading import READING, scan_with
from groupwise.errors import UsageError
from groupwise.experiments.crossval import crossval
from groupwise.pipeline.train import train as run_job
from groupwise.recipe.parsing import read_recipe
from groupwise.runs.request import CrossValidation, Job, Planning
from groupwise.text import parse_duration


def train(
    data: str | Path,
    *,
    run: str | Path,
    recipe: str | Path | None = None,
    changes: Mapping[str, Any] | None = None,
    budget: str | None = None,
    group_column: str | None = None,
    group_regex: str | None = None,
    label_column: str = "label",
    path_column: str = "path",
    label_regex: str | None = None,
    root: str | Path | None = None,
    layout: str = "auto",
    resume: bool = False,
    cv: int | None = None,
    repeats: int = 1,
    jobs: int = 1,
    track: Sequence[str] = (),
    quiet: bool = False,
) -> dict[str, Any]:
    """Train on a folder of class folders or a CSV, and return what `metrics.json` holds.

    Args:
        data: The folder or CSV.
        run: The folder to write.
        recipe: Name of a recipe, or a YAML file; None for one that is planned from the data.
        changes: Fields to change, by their paths: `{"training.epochs": 20}`.
        budget: The time that the plan has to fit into, such as "20min".
        group_column, group_regex: What belongs together, as a column of the CSV or a pattern in each path.
        label_column, path_column, label_regex: The columns of class and path, or a pattern of the class.
        root, layout: Folder that paths or links lead to; `classes` takes every folder for a class.
        resume: Go on with the run that is there.
        cv: Cross-validate over this many folds instead, and return the metrics of the answers pooled.
        repeats: With `cv`, how often to divide the images anew.
        jobs: With `cv`, how many networks are trained at once, each in a process of its own.
        track: Trackers that are told of every epoch: `tensorboard`, `mlflow`, `wandb`.
        quiet: Print nothing.

    Raises `GroupwiseError` for what the user can mend.
    """
    planning = _planning(recipe, budget, changes)
    base, changed = read_recipe(recipe or "default", changes)
    options = {
        "group_column": group_column,
        "group_regex": group_regex,
        "label_column": label_column,
        "path_column": path_column,
        "label_regex": label_regex,
        "root": None if root is None else str(root),
        "layout": layout,
    }
    reading = {name: value for name, value in options.items() if value and value != READING[name]}
    study = None if cv is None else CrossValidation(cv, repeats)
    look, where = scan_with(Path(data), options, changed.split.given, changed.data.wanted), Path(run)
    job = Job(Path(data), look, where, changed, base, resume, study, planning, tuple(track), jobs, reading)
    return (crossval if study else run_job)(job, Console(quiet=quiet))


def _planning(
    recipe: str | Path | None, budget: str | None, changes: Mapping[str, Any] | None
) -> Planning | None:
    if recipe is None:
        return Planning(frozenset(changes or ()), parse_duration(budget, "budget") if budget else None)
    if budget is not None:
        raise UsageError("a recipe that is given is not planned", place="budget", remedy="Leave out recipe.")
    return None
