"""`interval_width.json`: the sources that a wanted interval needs, by the spread between those there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groupwise.errors import UsageError
from groupwise.files import write_json
from groupwise.runs.files import headline_fold, read_metrics
from groupwise.runs.run import Run
from groupwise.stats.estimate import SCHEMA, SETS, Estimate
from groupwise.stats.learning_curve import NARROWEST, sources_for_width

FILE = "interval_width.json"


def write_interval_width(run: Run, width: float) -> dict[str, Any]:
    """Work it out for the accuracy that heads the report, and keep it; see `sources_for_width`.

    Raises `UsageError` for a width that is none, and where the figure has no interval to go by.
    """
    metrics = read_metrics(run.path("metrics.json"))
    fold = headline_fold(metrics)
    accuracy = Estimate.from_json(metrics[fold]["accuracy"])
    if not 0 < width < 1:
        fact = f"{width:g} is no width of an interval"
        raise UsageError(fact, place="--interval-width", remedy="Give a share, as in 0.05.")
    if width < NARROWEST:
        fact = f"{width:g} is narrower than a tenth of a point"
        raise UsageError(fact, place="--interval-width", remedy=f"Give {NARROWEST:g} or more, as in 0.05.")
    if not accuracy.has_interval or not accuracy.effective_n:
        raise UsageError(
            f"the number has no interval to go by ({accuracy.reason or 'it is of an older run'})",
            place="--interval-width",
            remedy="Measure it again with `groupwise evaluate RUN`, on a fold of several sources.",
        )
    found = sources_for_width(accuracy, width)
    several = metrics[fold].get("labels") == SETS
    facts = {"schema": SCHEMA, "fold": fold, **found, "words": width_words(found, several=several)}
    write_json(run.path(FILE), facts)
    run.record(FILE, ["metrics.json"])
    return facts


def width_words(facts: Mapping[str, Any], *, several: bool = False) -> list[str]:
    """What the sources for an interval come to, in two sentences; `several`: of exactly right images."""
    number = "the share of images with exactly the right labels" if several else "the number"
    wanted, now = 100 * facts["wanted"], 100 * facts["now"]
    return [
        f"{facts['sources_now']:,} sources judge {number}, and its interval is {now:.1f} points wide.",
        f"For {wanted:.1f} points about {facts['sources']:,} sources like these have to judge it, at the same"
        f" {'share' if several else 'accuracy'}: each counts for {facts['independent_images_a_source']:.2f}"
        " independent images.",
    ]
