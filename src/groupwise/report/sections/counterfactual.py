"""What a random split of these images would have reported, from `leakage.json`."""

from __future__ import annotations

from groupwise.evaluation.counterfactual_words import counterfactual_words
from groupwise.report.reading import RunFiles
from groupwise.report.section import Section


def build(files: RunFiles) -> Section | None:
    """The box; nothing where it was not worked out."""
    if not files.leakage:
        return None
    return Section({"lines": [line.strip() for line in counterfactual_words(files.leakage, files.folder)]})
