"""The answer to an item of the checklist, and the three states it can be in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from groupwise.runs.files import RunFiles

State = Literal["filled by the software", "prefilled, confirm", "needs you"]


@dataclass(frozen=True)
class Answer:
    """What is known; for an item that needs you, what could help, or nothing."""

    state: State
    text: str = ""


Rule = Callable[[RunFiles], Answer]


def filled(text: str) -> Answer:
    """The software knows the whole answer."""
    return Answer("filled by the software", text)


def confirm(text: str) -> Answer:
    """The software knows a part of the answer, or what it knows may not be all."""
    return Answer("prefilled, confirm", text)


def yours(hint: str = "") -> Answer:
    """The software does not know."""
    return Answer("needs you", hint)


def needs_you(_: RunFiles) -> Answer:
    """The rule of an item that no run can answer."""
    return yours()
