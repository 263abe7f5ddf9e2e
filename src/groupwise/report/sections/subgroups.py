"""How the network fares for each value of the user's further columns, from `slices.json`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from groupwise.report.rendering import Section
from groupwise.report.words import percent, share_interval, share_text
from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import SETS, Estimate
from groupwise.stats.paired_tests import ALPHA
from groupwise.text import count, p_text


@dataclass(frozen=True)
class SliceRow:
    """One value of a column; `p` is corrected for all slices, as text, and `beyond` says if it is low."""

    value: str
    n: int
    sources: int
    accuracy: Estimate
    p: str
    beyond: bool


@dataclass(frozen=True)
class Column:
    """One column and its slices, the least accurate first; `reason` says why they have no p-values."""

    name: str
    rows: list[SliceRow]
    reason: str
    between: str


def build(files: RunFiles) -> Section | None:
    """A table a column; nothing where the CSV had no further columns."""
    facts = files.slices
    if not facts:
        return None
    columns = [_column(column) for column in facts["columns"]]
    values = {
        "gist": f"by {', '.join(column.name for column in columns)}" if columns else "nothing to compare",
        "columns": columns,
        "skipped": files.skipped_columns,
        "verdict": verdict(facts),
        "whole": Estimate.from_json(facts["accuracy"]),
        "fold": facts["fold"],
        "several": facts.get("labels") == SETS,
    }
    return Section(values)


def _column(column: dict[str, Any]) -> Column:
    rows = [_row(one) for one in column["slices"]]
    if not column["binned"]:
        rows.sort(key=lambda row: (row.accuracy.value is None, row.accuracy.value))
    reason = column["slices"][0].get("reason", "")
    return Column(column["column"], rows, reason, between(column))


def between(column: dict[str, Any]) -> str:
    """What the random-effects summary of a column says of a further value; empty without one."""
    facts = column.get("heterogeneity")
    if not facts:
        return ""
    mean = Estimate(facts["mean"], low=facts["low"], high=facts["high"])
    further = Estimate(facts["mean"], low=facts["further_low"], high=facts["further_high"])
    return (
        f"On a further {column['column']} like these {facts['sites']}, {share_interval(further)} would be"
        f" right (95 % prediction interval; the mean over them is {share_text(mean)}, 95 % interval"
        f" {share_interval(mean)}). {percent(facts['i2'])} of the spread between them is more than chance"
        f" within them (I², p {p_text(facts['p'])})."
    )


def _row(one: dict[str, Any]) -> SliceRow:
    p = one["p_holm"]
    text = "" if p is None else p_text(p).removeprefix("= ")
    beyond = p is not None and p < ALPHA
    return SliceRow(one["value"], one["n"], one["sources"], Estimate.from_json(one["accuracy"]), text, beyond)


def verdict(facts: dict[str, Any]) -> str:
    """The worst slice with its interval, and what it is worth after that many looks."""
    worst = facts["worst"]
    if worst is None and facts["compared"] > 1:
        return _tie(facts)
    if worst is None:
        return "No slice holds several sources, so none can be compared."
    one = _find(facts["columns"], worst)
    accuracy = Estimate.from_json(one["accuracy"])
    lowest = f"The lowest of {facts['compared']} slices is {worst['column']} = {worst['value']}:"
    said = (
        f"{lowest} {share_text(accuracy)} (95 % interval {share_interval(accuracy)}) of"
        f" {count(one['n'], 'image')} from {count(one['sources'], 'source')}."
    )
    if one["p_holm"] is None:
        return f"{said} The lowest of several is low partly by chance, and that part was not measured."
    p = f"p {p_text(one['p_holm'])}"
    if one["p_holm"] < ALPHA:
        return f"{said} That is more than chance among so many slices ({p}, after Holm)."
    return f"{said} Among so many slices chance alone may do that ({p}, after Holm)."


def _tie(facts: dict[str, Any]) -> str:
    """Which slices share the lowest accuracy; none of them is the worst."""
    several = [
        (f"{column['column']} = {one['value']}", one["accuracy"]["value"])
        for column in facts["columns"]
        for one in column["slices"]
        if one["sources"] > 1
    ]
    least = min(value for _, value in several)
    names = [name for name, value in several if value == least]
    return f"Of {facts['compared']} slices none is lowest alone: {', '.join(names)} tie at {percent(least)}."


def _find(columns: Iterable[dict[str, Any]], worst: dict[str, str]) -> dict[str, Any]:
    return next(
        one
        for column in columns
        if column["column"] == worst["column"]
        for one in column["slices"]
        if one["value"] == worst["value"]
    )
