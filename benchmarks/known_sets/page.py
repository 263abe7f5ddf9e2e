"""The tables and the commands of docs/known-sets.md, from what was measured, the verdicts and the sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from groupwise.audit.copies.threshold import wilson

from .joined import count_verdicts
from .sets import SETS

HEAD = (
    "| set | files | photographs | two labels | sources | random | apart | difference, points | neither |",
    "|---|---|---|---|---|---|---|---|---|",
)

OUTCOMES = (
    "| set | right, of those tested | images | sources | baseline | ahead, points | processor |",
    "|---|---|---|---|---|---|---|",
)


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """One line a measured set, in the order of the readers, and what was judged of all."""
    lines = [_line(name, rows[name]) for name in SETS if name in rows]
    found = [one for name in SETS if name in rows and (one := count_verdicts(name))]
    neither, pairs = (sum(one[key] for one in found) for key in ("neither", "pairs"))
    return "\n".join([*HEAD, *lines, "", f"Of all: {_share(neither, pairs, wilson(neither, pairs))}."])


def commands() -> str:
    """What trains on each set, as a block of the page."""
    lines = (known.command(f"{name}.csv", "COPY") for name, known in SETS.items())
    return "\n".join(["```sh", *lines, "```"])


def outcomes(trained: Mapping[str, Mapping[str, Any]]) -> str:
    """What the command of each set came to, one line a set, and the names of those that were not run."""
    lines = [_outcome(name, trained[name]) for name in SETS if name in trained]
    left = ", ".join(name for name in SETS if name not in trained)
    return "\n".join([*OUTCOMES, *lines, "", f"Not run to the end: {left or 'none'}."])


def _outcome(name: str, found: Mapping[str, Any]) -> str:
    value, low, high = (100 * found["accuracy"][key] for key in ("value", "low", "high"))
    lead, least, most = (100 * found["lead"][key] for key in ("value", "low", "high"))
    return (
        f"| {name} | {value:.1f} % ({low:.1f} to {high:.1f}) | {found['images']:,} | {found['sources']:,} |"
        f" {found['baseline'].replace('_', ' ')}, {100 * found['baseline_accuracy']:.1f} % |"
        f" {lead:+.1f} ({least:.1f} to {most:.1f}) | {found['processor_s'] / 60:.0f} min |"
    )


def _share(neither: int, pairs: int, interval: Sequence[float]) -> str:
    low, high = (100 * limit for limit in interval)
    return f"{neither} of {pairs} ({low:.1f} to {high:.1f} %)"


def _line(name: str, row: Mapping[str, Any]) -> str:
    asked, judged = row["neighbour"], count_verdicts(name)
    scores = " | | "
    if asked:
        random, grouped, gap = asked["random"], asked["grouped"], asked["difference"]
        scores = (
            f" {100 * random['value']:.1f} % | {100 * grouped['value']:.1f} % |"
            f" {100 * gap['value']:+.1f} ({100 * gap['low']:.1f} to {100 * gap['high']:.1f}) "
        )
    seen = "" if row["joined_files"] else "none joined"
    if judged:
        seen = _share(judged["neither"], judged["pairs"], judged["neither_interval"])
    found = "not to be told" if row["resemble"] else f"{row['photographs']:,}"
    files = f"{row['files']:,}"
    if row["drawn"] < row["files"]:
        files = f"{row['drawn']:,} of {files}"
    return f"| {name} | {files} | {found} | {row['conflicts']} | {row['sources']:,} |{scores}| {seen} |"
