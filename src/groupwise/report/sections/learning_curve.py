"""Whether more data would help: the learning curve, and how many sources an interval needs."""

from __future__ import annotations

from functools import partial

from groupwise.report import score_plots
from groupwise.report.rendering import Section
from groupwise.report.thumbnails import Chart
from groupwise.runs.files import RunFiles


def build(files: RunFiles) -> Section | None:
    """Chart and words of what was asked for; nothing where neither was."""
    curve, width = files.learning_curve, files.interval_width
    if not curve and not width:
        return None
    words = [*curve.get("words", ()), *width.get("words", ())]
    if not curve:
        return Section({"gist": "the sources that an interval needs", "words": words, "chart": None})
    chart = Chart.draw(partial(score_plots.learning_curve, curve["points"], curve["fitted"]))
    values = {
        "gist": "the score by sources learnt from",
        "words": words,
        "chart": chart,
        "repeats": curve["repeats"],
        "fold": curve["fold"],
    }
    return Section(values, {"learning_curve.png": chart.light})
