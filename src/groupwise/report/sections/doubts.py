"""What makes the number untrue, in red, and what asks for care, in amber."""

from __future__ import annotations

from groupwise.report.rendering import Section
from groupwise.report.validity import cautions, hidden_faults
from groupwise.runs.files import RunFiles


def build(files: RunFiles) -> Section | None:
    """Both boxes, or neither."""
    hidden, care = hidden_faults(files), cautions(files)
    return Section({"hidden": hidden, "cautions": care}) if hidden or care else None
