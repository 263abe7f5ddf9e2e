"""The table of docs/known-sets.md, from the rows and the verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .joined import count_verdicts
from .readers import SETS

HEAD = (
    "| set | files | photographs | two labels | sources | random | apart | difference, points | looked at |",
    "|---|---|---|---|---|---|---|---|---|",
)


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """One line a measured set, in the order of the readers."""
    return "\n".join([*HEAD, *(_line(name, rows[name]) for name in SETS if name in rows)])


def _line(name: str, row: Mapping[str, Any]) -> str:
    asked, judged = row["neighbour"], count_verdicts(name)
    scores = " | | "
    if asked:
        random, grouped, gap = asked["random"], asked["grouped"], asked["difference"]
        scores = (
            f" {100 * random['value']:.1f} % | {100 * grouped['value']:.1f} % |"
            f" {100 * gap['value']:+.1f} ({100 * gap['low']:.1f} to {100 * gap['high']:.1f}) "
        )
    seen = f"{judged['pairs']}, neither {judged['neither']}" if judged else ""
    found = "not to be told" if row["resemble"] else f"{row['photographs']:,}"
    return (
        f"| {name} | {row['files']:,} | {found} | {row['conflicts']} | {row['sources']:,} |{scores}| {seen} |"
    )
