"""What to do next, with the reason from this run and the command."""

from __future__ import annotations

from groupwise.report.next_steps import next_steps
from groupwise.report.rendering import Section
from groupwise.runs.files import RunFiles


def build(files: RunFiles) -> Section:
    """At most three steps."""
    return Section({"steps": next_steps(files)})
