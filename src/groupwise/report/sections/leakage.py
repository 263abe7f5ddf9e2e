"""What a random split of these images would have reported, from `leakage.json`."""

from __future__ import annotations

from groupwise.evaluation.leakage_words import leakage_words
from groupwise.report.rendering import Section
from groupwise.runs.files import RunFiles


def build(files: RunFiles) -> Section | None:
    """The box; nothing where it was not worked out."""
    if not files.leakage:
        return None
    words = leakage_words(files.leakage, files.folder, retrains=not files.probe)
    return Section({"lines": [line.strip() for line in words]})
