"""What the number does not say, and what nobody looked at."""

from __future__ import annotations

from groupwise.report.rendering import Section
from groupwise.runs.files import RunFiles

NOT_SAID = (
    "It says nothing about cameras, places, people or times other than those that were sampled.",
    "It says nothing about images that belong to none of the classes: any image gets a class.",
    "It is an average: single classes, and kinds of image within a class, can fare far worse.",
    "It is no diagnosis and no clearance for use where an error harms someone.",
)

NOT_CHECKED = (
    "Whether those who took or are shown in the images agreed to this use, and what their licence allows.",
    "Who gave the labels, how, and whether a second person would give the same.",
    "Whether the images are a fair sample of those the network is meant for.",
)


NOT_SAID_OF_SETS = (
    NOT_SAID[0],
    "It says nothing about images of another kind than these: any of the labels may be given to any image.",
    "It is an average: single labels, and kinds of image with a label, can fare far worse.",
    NOT_SAID[3],
)


def build(files: RunFiles) -> Section:
    """Both lists."""
    return Section({"not_said": not_said(files), "unchecked": unchecked(files)})


def not_said(files: RunFiles) -> tuple[str, ...]:
    """What the number does not say, of one class an image or of sets of labels."""
    return NOT_SAID_OF_SETS if files.several else NOT_SAID


def unchecked(files: RunFiles) -> list[str]:
    """What the software cannot or did not look at; where a command would, it is named."""
    further = []
    if files.findings is None:
        further.append(
            "Whether images show copies under different labels, or a shortcut such as file size gives the"
            " label away: no audit was run."
        )
    if not any(row.group for row in files.assignments):
        further.append("Which images show the same person, place or thing: no groups were given.")
    if not (files.slices and files.slices["columns"]):
        further.append(
            f"Whether people, places or devices of one kind fare worse than others: {_no_slices(files)}."
        )
    if not files.leakage and not files.crossval:
        further.append("What a random split would have reported: `groupwise leakage RUN` works it out.")
    if not files.robustness:
        further.append(
            f"How the network bears poorer images, which `groupwise robustness {files.single}` measures."
        )
    if not files.heat_maps:
        of = f"{files.single} IMAGE" if files.several else files.single
        further.append(f"What the network looks at, which `groupwise explain {of}` shows as heat maps.")
    return [*further, *NOT_CHECKED]


def _no_slices(files: RunFiles) -> str:
    if files.skipped_columns:
        return "no column of the data could be compared"
    if files.further_columns:
        return f"`groupwise slices RUN` compares by {', '.join(files.further_columns)}"
    return "no such column was given"
