"""Where the network is right and where it is wrong: confusion, each class, and the scores of the fold."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from groupwise.report import plots
from groupwise.report.rendering import Section
from groupwise.report.style import drawable_names
from groupwise.report.thumbnails import Chart
from groupwise.report.words import plain_interval, plain_text, share_interval, share_text
from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import Estimate

# What a score says, in the order of the page; True for those that read best in per cent.
SCORES: dict[str, tuple[str, bool, str]] = {
    "balanced_accuracy": (
        "Balanced accuracy",
        True,
        "mean recall of the classes, so that a large class counts no more than a small one; resampled within"
        " classes, so its interval is not that of accuracy even where classes are of one size",
    ),
    "mcc": (
        "Matthews correlation",
        False,
        "correlation of answers and labels, which no class frequency flatters; 1 is perfect, 0 knows nothing",
    ),
    "kappa_quadratic": (
        "Weighted kappa, quadratic",
        False,
        "agreement beyond chance where an answer two places off counts four times one; 1 is perfect",
    ),
    "kappa_linear": (
        "Weighted kappa, linear",
        False,
        "the same, where it counts twice; both by the order that was given",
    ),
    "auroc": (
        "AUROC",
        False,
        "how often an image of a class gets a higher probability for it than one of another; 0.5 is chance",
    ),
    "average_precision": ("Average precision", False, "precision averaged over every recall; 1 is perfect"),
    "log_loss": (
        "Log loss",
        False,
        "penalty for the probability withheld from the true class; 0 is perfect, lower is better",
    ),
    "brier": (
        "Brier score",
        False,
        "squared distance of the probabilities from the truth; 0 is perfect, 2 the worst",
    ),
    "ece": (
        "Calibration error",
        False,
        "mean gap between how sure the network is and how often it is right; 0 is perfect",
    ),
    "macro_f1": (
        "Macro F1",
        False,
        "mean over the classes of the harmonic mean of precision and recall; 1 is perfect",
    ),
}


def build(files: RunFiles) -> Section:
    """The confusion matrix and the tables of classes and scores."""
    matrix, names = files.metrics[files.fold]["confusion"], files.class_names
    confusion = Chart.draw(partial(plots.confusion, matrix, names))
    values = {
        "gist": _gist(class_rows(files)),
        "confusion": confusion,
        "undrawable": [name for name, drawn in drawable_names(names).items() if name != drawn],
        "classes": class_rows(files),
        "scores": score_rows(files),
    }
    return Section(values, {"confusion.png": confusion.light})


def _gist(rows: list[ClassRow]) -> str:
    known = [row for row in rows if row.recall.value is not None]
    if not known:
        return "class by class"
    least = min(known, key=lambda row: row.recall.value or 0.0)
    if least.recall.value == 1:
        return "every image of every class is found"
    return f"“{least.name}” is found least often, {share_text(least.recall)}"


@dataclass(frozen=True)
class ClassRow:
    """One class on the fold of the number; `taken_for` names what its images are most often mistaken for."""

    name: str
    n: int
    sources: int | None
    recall: Estimate
    precision: Estimate
    taken_for: str


def class_rows(files: RunFiles) -> list[ClassRow]:
    """One row a class, in the order of the confusion matrix."""
    measured, names = files.metrics[files.fold], files.class_names
    held = files.split["folds"].get(files.fold, {}).get("classes", {})
    rows = []
    for k, (name, counts) in enumerate(zip(names, measured["confusion"], strict=True)):
        scores = measured["per_class"][name]
        wrong = max((j for j in range(len(names)) if j != k), key=lambda j: counts[j])
        rows.append(
            ClassRow(
                name=name,
                n=sum(counts),
                sources=held.get(name, {}).get("sources", scores.get("sources")),
                recall=Estimate.from_json(scores.get("recall")),
                precision=Estimate.from_json(scores.get("precision")),
                taken_for=f"{names[wrong]} ({counts[wrong]})" if counts[wrong] else "",
            )
        )
    return rows


@dataclass(frozen=True)
class ScoreRow:
    """One score of the whole fold, with what it means."""

    title: str
    value: str
    interval: str
    meaning: str


def score_rows(files: RunFiles) -> list[ScoreRow]:
    """Those of `SCORES` that were measured; one without a value says why."""
    measured, rows = files.metrics[files.fold], []
    classes = ""  # that a mean is over, which the first of several tells
    kappa = measured.get("kappa") or {}
    measured = measured | {f"kappa_{name}": kappa.get(name) for name in ("linear", "quadratic")}
    for key, (title, in_percent, meaning) in SCORES.items():
        if measured.get(key) is None:
            continue
        figure = Estimate.from_json(measured[key])
        value = share_text(figure) if in_percent else plain_text(figure)
        interval = share_interval(figure) if in_percent else plain_interval(figure)
        said = f"{figure.of}: {meaning}" if figure.of and figure.of != classes else meaning
        classes = figure.of or classes
        rows.append(ScoreRow(title, value, interval, figure.reason or said))
    return rows
