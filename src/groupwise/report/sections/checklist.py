"""The checklist of reporting guidelines: what still needs a person first, what is filled in behind a fold."""

from __future__ import annotations

from collections import Counter

from groupwise.report.checklist.checklist import answer_all
from groupwise.report.rendering import Section
from groupwise.runs.files import RunFiles
from groupwise.text import count

STATES = ("needs you", "prefilled, confirm", "filled by the software")


def build(files: RunFiles) -> Section:
    """All items by state, each with its answer."""
    answers = answer_all(files)
    by_state = {state: [one for one in answers if one.answer.state == state] for state in STATES}
    counts = Counter(one.answer.state for one in answers)
    gist = f"{counts['needs you']:,} of {count(len(answers), 'item')} need you"
    return Section({"gist": gist, "by_state": by_state, "counts": counts, "total": len(answers)})
