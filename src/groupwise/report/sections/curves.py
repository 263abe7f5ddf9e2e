"""How the network learnt: its curves, the time it took, what was planned, and what was changed."""

from __future__ import annotations

from functools import partial
from itertools import groupby
from operator import itemgetter

from groupwise.report import plots
from groupwise.report.rendering import Section
from groupwise.report.thumbnails import Chart
from groupwise.report.words import percent
from groupwise.runs.files import RunFiles
from groupwise.text import count, duration, verb

PANELS = ("accuracy", "loss")


def build(files: RunFiles) -> Section:
    """The curves, where there is a history, and the choices."""
    choices = (files.ledger.get("plan") or {}).get("choices") or []
    planned = {choice["field"] for choice in choices}
    values = {
        "gist": _gist(files),
        "select_fold": files.select_fold,
        "chosen_epoch": files.chosen_epoch,
        "looks": files.looks,
        "epochs": files.epochs,
        "time_spent": time_spent(files),
        "probe": files.probe,
        "several": files.several,
        "recipe_name": files.recipe_name,
        "recipe_text": files.recipe_text,
        "choices": [
            (reason, [(choice["field"], choice["value"]) for choice in alike])
            for reason, alike in groupby(choices, key=itemgetter("reason"))
        ],
        "changes": [
            change for change in files.ledger.get("recipe_changes") or [] if change["field"] not in planned
        ],
    }
    if not files.history:
        return Section({"curves": {}, **values})
    draw = partial(plots.curves, files.history, select_fold=files.select_fold, chosen=files.chosen_epoch)
    # One chart a panel, so that a narrow page can set one below the other.
    charts = {name: Chart.draw(partial(draw, panels=[name])) for name in PANELS}
    return Section({"curves": charts, **values}, {"curves.png": draw(panels=PANELS)})


def _gist(files: RunFiles) -> str:
    seconds = sum(row["seconds"] for row in files.history)
    if not seconds:
        return "features that are frozen" if files.probe else f"recipe “{files.recipe_name}”"
    return f"{count(len(files.history), 'epoch')} in {duration(seconds)}"


def time_spent(files: RunFiles) -> str:
    """Where the time of training went, or nothing without a history."""
    seconds = sum(row["seconds"] for row in files.history)
    if not seconds:
        return ""
    images = sum(row["seconds"] * row["images_per_second"] for row in files.history)
    waiting = sum(row["waiting_seconds"] for row in files.history)
    epochs = len(files.history)
    return (
        f"Training took {duration(seconds)} for {epochs} {verb(epochs, 'epoch', 'epochs')}, at"
        f" {images / seconds:,.0f} images a second; {percent(waiting / seconds)} of that time"
        " the network waited for images."
    )
