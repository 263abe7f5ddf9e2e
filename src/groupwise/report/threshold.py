"""`--fail-under`: whether a run is good enough for a script to go on."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from groupwise.errors import ThresholdError, UsageError
from groupwise.report.verdict import verdict
from groupwise.report.words import percent
from groupwise.runs.files import read_run
from groupwise.stats.estimate import Estimate
from groupwise.text import NBSP

OPTION = "--fail-under"
Threshold = float | Literal["baseline"]


def threshold_of(given: str | None, baselines: str) -> Threshold | None:
    """What the option asks for; raises `UsageError` for what cannot be meant, before anything is trained."""
    if given is None:
        return None
    if given == "baseline":
        if baselines == "none":
            raise UsageError(
                "there are no baselines to compare with", place=OPTION, remedy="Leave out --baselines none."
            )
        return "baseline"
    try:
        least = float(given)
    except ValueError:
        least = -1.0
    if not 0 <= least <= 1:
        raise UsageError(
            f"{given!r} is neither a share nor `baseline`",
            place=OPTION,
            remedy="Give one from 0 to 1, as 0.9.",
        )
    return least


def require_threshold(run: Path, least: Threshold) -> None:
    """Raise `ThresholdError` where the number of the run's report is below `least`.

    A share is compared with the accuracy itself, not with its lower limit.
    """
    files = read_run(run)
    if least == "baseline":
        said = verdict(files)
        if said.standing != "beats":
            raise ThresholdError(
                said.baseline, place=f"{OPTION} baseline", remedy="The run and its report are finished."
            )
        return
    accuracy = Estimate.from_json(files.metrics[files.fold]["accuracy"]).value
    if accuracy is None or accuracy < least:
        told = "undefined" if accuracy is None else percent(accuracy).replace(NBSP, " ")
        raise ThresholdError(
            f"the accuracy on {files.fold} is {told}",
            place=f"{OPTION} {least:g}",
            remedy="The run and its report are finished.",
        )
