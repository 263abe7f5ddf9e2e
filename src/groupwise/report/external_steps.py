"""The step after data from elsewhere on which a run is worse, or breaks its promises."""

from __future__ import annotations

from collections.abc import Iterator

from groupwise.files import read_csv
from groupwise.report.step_commands import Step, on_run
from groupwise.runs.external import FOLDER, External
from groupwise.runs.files import RunFiles

SHOWN_MISTAKES = 4
DRIFT = {
    "pixels": "the pixels differ",
    "features": "the features differ",
    "classes": "the mix of classes differs",
}


def hold_elsewhere(files: RunFiles) -> Iterator[Step]:
    """What is worse on data from elsewhere, or breaks its promises there, has to learn from there."""
    for found in files.external:
        reason = _worse_elsewhere(found)
        if reason and (wrong := _wrong_elsewhere(files, found)):
            yield Step(
                f"look at what it gets wrong in {found.name}; then learn from some of its sources as well",
                reason,
                on_run("explain", str(files.folder), *wrong[:SHOWN_MISTAKES]),
            )
            return


def _worse_elsewhere(found: External) -> str:
    """By how much a run is worse elsewhere; nothing where that is not shown, whatever has drifted."""
    told = []
    if found.shortfall is not None:
        told.append(f"{100 * found.shortfall:.0f} points fewer are right there")
    if any(one["standing"] == "broken" for one in found.facts["promises"]):
        told.append("promises do not hold there")
    drifted = [DRIFT[name] for name in found.drifted]
    return ", ".join([*told, *drifted]) if told else ""


def _wrong_elsewhere(files: RunFiles, found: External) -> list[str]:
    """The pictures of new data that were answered wrongly, the surest first."""
    table = files.folder / FOLDER / found.name / "predictions.csv"
    rows = read_csv(table, ("path", "label", "predicted")) if table.is_file() else []
    wrong = [row for row in rows if row["label"] != row["predicted"]]
    wrong.sort(key=lambda row: float(row.get(f"prob_{row['predicted']}") or 0), reverse=True)
    return [f"{found.facts['root']}/{row['path']}" for row in wrong]
