"""The answer to an item of the checklist, and the three states it can be in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from groupwise.runs.files import RunFiles

State = Literal["filled by the software", "prefilled, confirm", "needs you"]


@dataclass(frozen=True)
class ChecklistAnswer:
    """What is known; for an item that needs you, what could help, or nothing."""

    state: State
    text: str = ""


Rule = Callable[[RunFiles], ChecklistAnswer]


def filled(text: str) -> ChecklistAnswer:
    """The software knows the whole answer."""
    return ChecklistAnswer("filled by the software", text)


def confirm(text: str) -> ChecklistAnswer:
    """The software knows a part of the answer, or what it knows may not be all."""
    return ChecklistAnswer("prefilled, confirm", text)


def yours(hint: str = "") -> ChecklistAnswer:
    """The software does not know."""
    return ChecklistAnswer("needs you", hint)


def needs_you(_: RunFiles) -> ChecklistAnswer:
    """The rule of an item that no run can answer."""
    return yours()
