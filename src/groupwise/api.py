"""`groupwise train` as one Python call, with the recipe given by name, file or fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from groupwise.console import Console
from groupwise.data.reading import TEXTS, Labels
from groupwise.errors import SWITCH, TEXT, WHOLE, UsageError, require_kinds, require_paths
from groupwise.experiments.crossval import crossval
from groupwise.notebook import Metrics
from groupwise.pipeline.refit import refit as go_on
from groupwise.pipeline.refit import refuse_recipe
from groupwise.pipeline.train import train as run_chain
from groupwise.recipe.parsing import read_recipe
from groupwise.runs.deadline import Deadline
from groupwise.runs.request import CrossValidation, Planning, RunRequest, request_run
from groupwise.text import parse_duration

BASELINES = ("all", "none")
PATHS = ("data", "run", "recipe", "root", "exclude")
KINDS: dict[str, tuple[type, str]] = {
    "changes": (Mapping, "a dictionary, such as {'training.epochs': 20}"),
    "budget": (str, "a text, such as '20min'"),
    "track": (Sequence, "a list"),
    **dict.fromkeys(("cv", "repeats", "jobs"), WHOLE),
    **dict.fromkeys((*TEXTS, "baselines"), TEXT),
    **dict.fromkeys(("resume", "refit", "quiet"), SWITCH),
}


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
    exclude: str | Path | None = None,
    labels: Labels = "auto",
    resume: bool = False,
    cv: int | None = None,
    repeats: int = 1,
    refit: bool = False,
    jobs: int = 1,
    baselines: str = "all",
    track: Sequence[str] = (),
    quiet: bool = False,
) -> Metrics:
    """Train on a folder of class folders or a CSV, and return what `metrics.json` holds.

    This is `groupwise train`: the command calls it with its options, which have the same names.

    Args:
        data, run: The folder or CSV, and the folder to write.
        recipe: Name of a recipe, or a YAML file; None for one that is planned from the data.
        changes: Fields to change, by their paths: `{"training.epochs": 20}`.
        budget: The time that the whole call may take, such as "20min", from the files to the report.
        group_column, group_regex: What belongs together, as a column of the CSV or a pattern in each path.
        label_column, path_column, label_regex: Column of class (or `cat,dog`), of path; or a pattern.
        root, layout: Folder or archive that paths or links lead to; `classes` takes every folder for a class.
        exclude: A list of files to leave out: one path a line, or a CSV with a column `path`.
        labels: `one` or `several` an image, where the data do not show it.
        cv, repeats: Cross-validate over so many folds, divided anew so often; returns the pooled metrics.
        refit: Then go on with all images, into `run/refit`; the metrics stay those of the measured run.
        jobs: With `cv`, how many networks are trained at once, each in a process of its own.
        baselines: `all` also fits largest class, simple features and a plain network; `none` does not.
        track: Trackers that are told of every epoch: `tensorboard`, `mlflow`, `wandb`.
        resume, quiet: Go on with the run that is there; print nothing.

    Raises `GroupwiseError` for what the user can mend.
    """
    given = dict(locals())  # the arguments, by their names
    require_kinds({name: given[name] for name in KINDS}, KINDS)
    require_paths({name: given[name] for name in PATHS})
    planning = _planning(recipe, budget, changes)
    base, changed = read_recipe(recipe or "default", changes)
    study = _study(cv, repeats)
    trackers = (track,) if isinstance(track, str) else tuple(track)
    work = {"cv": study, "planning": planning, "track": trackers, "workers": jobs, "resume": resume}
    work |= {"baselines": _baselines(baselines), "refit": refit}
    request = request_run(Path(data), given, recipe=changed, base=base, folder=Path(run), **work)
    return Metrics(_run(request, Console(quiet=quiet)))


def _run(request: RunRequest, console: Console) -> dict[str, Any]:
    if request.refit:
        refuse_recipe(request.recipe, "--refit")  # before the hours that it would follow
    metrics = (crossval if request.cv else run_chain)(request, console)
    if request.refit:
        deadline = request.planning.deadline if request.planning else None
        go_on(request.folder, console, deadline=deadline, verdict=True)
    return metrics


def _study(cv: int | None, repeats: int) -> CrossValidation | None:
    if cv is None and repeats != 1:
        fact = "what is to be divided anew is not said"
        raise UsageError(fact, place=f"--repeats {repeats}", remedy="Add --cv 5.")
    return None if cv is None else CrossValidation(cv, repeats)


def _baselines(choice: str) -> bool:
    if choice not in BASELINES:
        raise UsageError(
            f"{choice!r} is no choice", place="baselines", remedy=f"Give {' or '.join(BASELINES)}."
        )
    return choice == "all"


def _planning(
    recipe: str | Path | None, budget: str | None, changes: Mapping[str, Any] | None
) -> Planning | None:
    if recipe is None:
        deadline = Deadline.of(parse_duration(budget, "budget")) if budget else None
        return Planning(frozenset(changes or ()), deadline)
    if budget is not None:
        raise UsageError("a recipe that is given is not planned", place="budget", remedy="Leave out recipe.")
    return None
