"""What makes the number untrue, in red, and what asks for care, in amber."""

from __future__ import annotations

from groupwise.report.rendering import Section
from groupwise.report.validity import hidden_faults, notes
from groupwise.runs.files import RunFiles


def build(files: RunFiles) -> Section | None:
    """Both boxes, or neither."""
    hidden, harmless = hidden_faults(files), notes(files)
    return Section({"hidden": hidden, "notes": harmless}) if hidden or harmless else None
