"""The table and the sections of docs/known-sets.md, from what was measured, the verdicts and the sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from groupwise.stats.wilson import wilson_of_count

from .joined import count_verdicts
from .published import KnownSet
from .sets import SETS
from .trained import LIMITS

HEAD = (
    "| set | files | photographs | two labels | sources | random | apart | difference, points | neither |",
    "|---|---|---|---|---|---|---|---|---|",
)

TOLERANCE = 0.05  # of a budget


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """One line a measured set, in the order of the readers, and what was judged of all."""
    lines = [_line(name, rows[name]) for name in SETS if name in rows]
    found = [one for name in SETS if name in rows and (one := count_verdicts(name))]
    neither, pairs = (sum(one[key] for one in found) for key in ("neither", "pairs"))
    return "\n".join(
        [*HEAD, *lines, "", f"Of all: {_share(neither, pairs, wilson_of_count(neither, pairs))}."]
    )


def section(known: KnownSet, trained: Mapping[str, Any] | None) -> str:
    """The head of a set's section: what it is, the command, and what that came to."""
    groups = f"A group is {known.grouped}." if known.grouped else "No groups are told."
    what = f"{known.title}. [Copy]({known.source}) at `{known.commit[:7]}`, licence {known.licence}. {groups}"
    command = known.command(f"{known.name}.csv", "COPY")
    came = _outcome(trained) if trained else "The command was not run to its end."
    return "\n".join([f"## {known.name}", "", what, "", "```sh", command, "```", "", came])


def summary(trained: Mapping[str, Mapping[str, Any]]) -> str:
    """How many commands were run, how many lead their baseline, and how many kept their budget."""
    leads = [one["lead"] for one in trained.values()]
    ahead, above, below = (
        sum(one[key] * sign > 0 for one in leads) for key, sign in (("value", 1), ("low", 1), ("high", -1))
    )
    kept = sum(abs(one["spent_s"] / one["budget_s"] - 1) <= TOLERANCE for one in trained.values())
    return (
        f"Of {len(trained)} commands run to their end {ahead} are ahead of the baseline, {above} with an"
        f" interval above 0 and {below} with one below; {kept} ended within 5 % of their budget."
    )


def _outcome(found: Mapping[str, Any]) -> str:
    value, low, high = (100 * found["accuracy"][key] for key in LIMITS)
    lead, least, most = (100 * found["lead"][key] for key in LIMITS)
    rival = f"{found['baseline'].replace('_', ' ')}, has {100 * found['baseline_accuracy']:.1f} %"
    return (
        f"A fair number: {value:.1f} % right (95 % interval {low:.1f} to {high:.1f}) of {found['images']:,}"
        f" pictures from {found['sources']:,} sources. The baseline, {rival}: {lead:+.1f} points"
        f" ({least:.1f} to {most:.1f}). It took {found['spent_s']:.0f} of {found['budget_s']:.0f} s; a"
        f" processor was free for {100 * (1 - found['waited']):.0f} % of the time that one was wanted."
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
    counts = f"{files} | {found} | {row['conflicts']} | {row['sources']:,}"
    return f"| [{name}](#{name}) | {counts} |{scores}| {seen} |"
