"""Whether the probabilities mean what they say: the reliability diagram, with the bands of its bins."""

from __future__ import annotations

from functools import partial

from groupwise.report import plots
from groupwise.report.rendering import Section
from groupwise.report.thumbnails import Chart
from groupwise.report.words import plain_text
from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import Estimate


def build(files: RunFiles) -> Section | None:
    """The diagram; nothing where the fold has no bins."""
    measured = files.metrics[files.fold]
    bins = measured.get("reliability") or []
    if not bins:
        return None
    chart = Chart.draw(partial(plots.reliability, bins))
    error = Estimate.from_json(measured.get("ece"))
    values = {
        "gist": f"calibration error {plain_text(error)}",
        "diagram": chart,
        "error": error,
        "temperature": files.config.get("temperature"),
        "clueless": files.is_clueless,
        "fold": files.fold,
        "bins": len(bins),
        "select_fold": files.select_fold,
    }
    return Section(values, {"reliability.png": chart.light})
