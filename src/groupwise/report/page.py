"""The report of a run: `report.html`, its data `report.json`, and the model card `README.md`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from markupsafe import Markup

from groupwise.errors import UsageError
from groupwise.files import write_atomic, write_json
from groupwise.report.data import as_data
from groupwise.report.model_card import model_card
from groupwise.report.rendering import Section, render
from groupwise.report.sections import (
    aim,
    answers,
    baselines,
    calibration,
    cases,
    checklist,
    curves,
    decisions,
    dependence,
    discrimination,
    division,
    external,
    found,
    label_sets,
    leakage,
    learning_curve,
    ledger,
    misses,
    number,
    poorer_images,
    samples,
    steps,
    subgroups,
    suspects,
    unchecked,
    warnings,
)
from groupwise.report.words import share_text
from groupwise.runs.files import RunFiles, read_run

# In the order of the page; each has the partial of its name, and is left out where it has nothing to show.
SECTIONS: Mapping[str, Callable[[RunFiles], Section | None]] = {
    "number": number.build,
    "steps": steps.build,
    "baselines": baselines.build,
    "aim": aim.build,
    "warnings": warnings.build,
    "leakage": leakage.build,
    "found": found.build,
    "division": division.build,
    "samples": samples.build,
    "curves": curves.build,
    "dependence": dependence.build,
    "learning_curve": learning_curve.build,
    "answers": answers.build,
    "label_sets": label_sets.build,
    "calibration": calibration.build,
    "discrimination": discrimination.build,
    "decisions": decisions.build,
    "cases": cases.build,
    "external": external.build,
    "subgroups": subgroups.build,
    "poorer_images": poorer_images.build,
    "misses": misses.build,
    "suspects": suspects.build,
    "unchecked": unchecked.build,
    "checklist": checklist.build,
    "ledger": ledger.build,
}


# Which speak of one class an image, where there are sets of labels.
ONE_CLASS = ("aim", "answers", "calibration", "decisions", "misses", "dependence", "discrimination")


def build_sections(files: RunFiles) -> dict[str, Section]:
    """The sections that the run has, in the order of the page."""
    return {
        name: section
        for name, build in SECTIONS.items()
        if not (files.several and name in ONE_CLASS) and (section := build(files)) is not None
    }


def _render_sections(built: Mapping[str, Section]) -> dict[str, Markup]:
    """Each by its name; the checklist last, which names the titles of the others."""
    rendered = {
        name: render(f"sections/{name}.html", **section.values)
        for name, section in built.items()
        if name != "checklist"
    }
    titles = {name: _title(part) for name, part in rendered.items()}
    asked = render("sections/checklist.html", **built["checklist"].values, titles=titles)
    return {name: asked if name == "checklist" else rendered[name] for name in built}


def _title(part: Markup) -> Markup:
    found = re.search(r"<h2>(.*?)</h2>", part)
    return Markup(found[1]) if found else Markup("The head of this page")  # it is markup already


def write_report(run: Path) -> Path:
    """Write the three and `figures/*.png` into the run directory `run`; returns the page's path.

    Raises GroupwiseError where a file without which there is no number is missing or damaged.
    """
    if not run.is_dir():
        raise UsageError(
            "no such folder", place=run, remedy="Give the folder that `groupwise train --run` wrote."
        )
    return write_pages(read_run(run))


def write_pages(files: RunFiles) -> Path:
    """Write the three and the figures of a run that is read already; returns the page's path.

    The page carries everything within itself, and equal files give an equal page. A section whose file is
    absent is left out.
    """
    run, built = files.folder, build_sections(files)
    said = number.headline(files)
    what = number.MEAN_PRECISION if files.several else "correct"
    page = render(
        "report.html",
        title=f"{share_text(said.accuracy)} {what}: {files.folder.name}",
        sections=_render_sections(built),
    )
    for section in built.values():
        for name, png in section.pictures.items():
            write_atomic(run / "figures" / name, png)
    write_json(run / "report.json", as_data(files))
    write_atomic(run / "README.md", model_card(files))
    write_atomic(run / "report.html", page)
    return run / "report.html"
