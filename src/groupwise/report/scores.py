"""Turns `metrics.json` into the number in words, and the tables of classes and scores."""

from __future__ import annotations

from dataclasses import dataclass

from groupwise.errors import GroupwiseError
from groupwise.report.protocol import chosen_where_reported, hidden_faults, sources_known
from groupwise.report.reading import RunFiles
from groupwise.report.words import Estimate, count

# What a score says, in the order of the page; True for those that read best in per cent.
SCORES: dict[str, tuple[str, bool, str]] = {
    "balanced_accuracy": (
        "Balanced accuracy",
        True,
        "mean recall of the classes, so that a large class counts no more than a small one",
    ),
    "macro_f1": (
        "Macro F1",
        False,
        "mean over the classes of the harmonic mean of precision and recall; 1 is perfect",
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
}


@dataclass(frozen=True)
class Headline:
    """The number in words, and where it lies between 0 and 100 %."""

    accuracy: Estimate
    sentence: str
    interval: str
    baseline: str
    baseline_share: float | None
    fold: str


def headline(files: RunFiles) -> Headline:
    """The number of the page; raises GroupwiseError where there is none."""
    figures = files.metrics[files.fold]
    accuracy = Estimate.read(figures["accuracy"])
    if accuracy.value is None:
        raise GroupwiseError(
            f"no accuracy for fold {files.fold!r} ({accuracy.reason or 'no reason given'})",
            place=files.folder / "metrics.json",
            remedy="Evaluate a fold that holds labelled images.",
        )
    n, groups = figures["n"], figures["groups"]
    whence = f" from {count(groups, 'source')}" if sources_known(files) else ""
    right = sum(row[k] for k, row in enumerate(figures["confusion"]))
    interval = f"There is no interval: {accuracy.reason}." if accuracy.reason else ""
    if accuracy.has_interval:
        interval = f"95\N{NO-BREAK SPACE}% interval: {accuracy.share_interval()}. {_reach(files)}"
    majority = figures.get("majority") or {}
    baseline = Estimate.read(majority.get("accuracy"))
    return Headline(
        accuracy=accuracy,
        sentence=(
            f"Of {count(n, 'image')}{whence} {_role(files)}, {accuracy.share()} were classified correctly:"
            f" {right:,} right, {n - right:,} wrong."
        ),
        interval=interval,
        baseline=""
        if baseline.value is None
        else f"Always guessing the largest class, “{majority.get('class')}”, would give {baseline.share()}.",
        baseline_share=baseline.value,
        fold=files.fold,
    )


def _reach(files: RunFiles) -> str:
    if hidden_faults(files):
        return "It covers the luck of the draw alone, not what is said in red below."
    figures = files.metrics[files.fold]
    drawn = count(figures["groups"], "source") if sources_known(files) else count(figures["n"], "image")
    return f"With another {drawn} of the same kind, a number anywhere in this range would be no surprise."


def _role(files: RunFiles) -> str:
    # "took no part" is claimed only where it is true of the sources as well.
    apart = files.split.get("method") == "grouped" and not files.split["spanning_sources"]
    if chosen_where_reported(files):
        return "that were kept out of training but chose its epoch"
    return "that took no part in training" if apart else "that were kept out of training at random"


@dataclass(frozen=True)
class ClassRow:
    """One class on the fold of the number; `taken_for` names what its images are most often mistaken for."""

    name: str
    n: int
    sources: int | None
    recall: Estimate
    precision: Estimate
    taken_for: str


def class_names(files: RunFiles) -> list[str]:
    """The classes in the order of the confusion matrix."""
    figures = files.metrics[files.fold]
    names = list(figures["per_class"])
    if [len(row) for row in figures["confusion"]] != [len(names)] * len(names):
        raise GroupwiseError(
            f"the confusion matrix does not have the {len(names)} classes of `per_class`",
            place=files.folder / "metrics.json",
            remedy="Run `groupwise evaluate` again.",
        )
    return names


def class_rows(files: RunFiles) -> list[ClassRow]:
    """One row a class, in the order of the confusion matrix."""
    figures, names = files.metrics[files.fold], class_names(files)
    held = files.split["folds"].get(files.fold, {}).get("classes", {})
    rows = []
    for k, (name, counts) in enumerate(zip(names, figures["confusion"], strict=True)):
        scores = figures["per_class"][name]
        wrong = max((j for j in range(len(names)) if j != k), key=lambda j: counts[j])
        rows.append(
            ClassRow(
                name=name,
                n=sum(counts),
                sources=held.get(name, {}).get("sources"),
                recall=Estimate.read(scores.get("recall")),
                precision=Estimate.read(scores.get("precision")),
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
    rows = []
    for key, (title, in_percent, meaning) in SCORES.items():
        if files.metrics[files.fold].get(key) is None:
            continue
        figure = Estimate.read(files.metrics[files.fold][key])
        value = figure.share() if in_percent else figure.plain()
        interval = figure.share_interval() if in_percent else figure.plain_interval()
        said = f"{figure.of}: {meaning}" if figure.of else meaning
        rows.append(ScoreRow(title, value, interval, figure.reason or said))
    return rows
