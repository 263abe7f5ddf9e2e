"""Whether the number can be relied on, in a sentence or two: for the terminal and the head of the page."""

from __future__ import annotations

from groupwise.audit.findings import ENOUGH_RECALL
from groupwise.report.validity import hidden_faults, sources_known
from groupwise.report.words import percent
from groupwise.runs.files import RunFiles
from groupwise.text import count

FEW_SOURCES = 5  # in which one of another kind turns the number over


def trust_words(files: RunFiles) -> str:
    """Whether the number can be relied on, and why, and where it does not hold."""
    elsewhere = (
        f"It does not hold for {found.name}, where it is {100 * found.shortfall:.1f} points lower."
        for found in files.external
        if found.shortfall is not None
    )
    return " ".join([_at_home(files), *elsewhere])


def _at_home(files: RunFiles) -> str:
    """Whether it can be relied on for images like those of the run."""
    if faults := hidden_faults(files):
        return " ".join(["Do not rely on the number.", *(f"{fault.title}." for fault in faults)])
    if not sources_known(files):
        return (
            "The number holds if no two images show the same person, place or thing: which belong together is"
            " not known."
        )
    sources = files.metrics[files.fold]["sources"]
    apart = "no source stands on both sides" if not files.crossval else "no model was asked what it had seen"
    if sources < FEW_SOURCES:
        judges = f"but only {count(sources, 'source')} judged it, which is next to nothing"
    else:
        judges = f"and {count(sources, 'source')} judged it"
    told = f"Nothing was found against the number: {apart}, {judges}."
    recall = files.audit.get("planted_recall")
    if recall is None or recall >= ENOUGH_RECALL:
        return told
    return (
        f"{told} Of copies made as a test the audit found {percent(recall)}, so some may stand on both sides."
    )
