"""The number, its unit and its interval, in words."""

from __future__ import annotations

from dataclasses import dataclass

from groupwise.errors import GroupwiseError
from groupwise.report.rendering import Section
from groupwise.report.validity import chosen_where_reported, hidden_faults, sources_known
from groupwise.report.words import count, share_interval, share_text
from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import Estimate


def build(files: RunFiles) -> Section:
    """The head of the page."""
    return Section(
        {
            "headline": headline(files),
            "doubtful": bool(hidden_faults(files)),
            "recipe_name": files.recipe_name,
            "data": files.ledger["data"],
            "crossval": files.crossval.get("words") or [],
        }
    )


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
    accuracy = Estimate.from_json(figures["accuracy"])
    if accuracy.value is None:
        raise GroupwiseError(
            f"no accuracy for fold {files.fold!r} ({accuracy.reason or 'no reason given'})",
            place=files.folder / "metrics.json",
            remedy="Evaluate a fold that holds labelled images.",
        )
    n, sources = figures["n"], figures["sources"]
    whence = f" from {count(sources, 'source')}" if sources_known(files) else ""
    right = sum(row[k] for k, row in enumerate(figures["confusion"]))
    interval = f"There is no interval: {accuracy.reason}." if accuracy.reason else ""
    if accuracy.has_interval:
        interval = f"95\N{NO-BREAK SPACE}% interval: {share_interval(accuracy)}. {_reach(files)}"
    majority = figures.get("majority") or {}
    baseline = Estimate.from_json(majority.get("accuracy"))
    return Headline(
        accuracy=accuracy,
        sentence=(
            f"Of {count(n, 'image')}{whence} {_role(files)}, {share_text(accuracy)} were classified"
            f" correctly: {right:,} right, {n - right:,} wrong."
        ),
        interval=interval,
        baseline=""
        if baseline.value is None
        else f"Always guessing the largest class, “{majority.get('class')}”, would give"
        f" {share_text(baseline)}.",
        baseline_share=baseline.value,
        fold=files.fold,
    )


def _reach(files: RunFiles) -> str:
    if hidden_faults(files):
        return "It covers the luck of the draw alone, not what is said in red below."
    figures = files.metrics[files.fold]
    drawn, unit = (figures["sources"], "source") if sources_known(files) else (figures["n"], "image")
    return f"The share among all {unit}s of this kind probably lies there; {count(drawn, unit)} tell no more."


def _role(files: RunFiles) -> str:
    # "took no part" is claimed only where it is true of the sources as well.
    if files.crossval:
        return "that were answered by networks which never saw their sources"
    apart = files.split.get("method") in ("grouped", "given") and not files.split["spanning_sources"]
    if chosen_where_reported(files):
        return "that were kept out of training but chose its epoch"
    return "that took no part in training" if apart else _kept_out(files)


def _kept_out(files: RunFiles) -> str:
    given = files.split.get("method") == "given"
    return f"that were kept out of training {'by the split that the data bring' if given else 'at random'}"
