"""Says what happens: live bars on a terminal, plain lines everywhere else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console as RichConsole
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

EVERY_S = 60.0  # where there is no terminal, long work says a line this often


class Move(Protocol):
    """Moves a bar; `task` renames it, and `note` stands where the time left would."""

    def __call__(self, done: int, total: int | None, *, task: str | None = None, note: str = "") -> None:
        """`total` None is unknown."""


class Console:
    """The user's terminal; silent in every process but the main one."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._rich = RichConsole(quiet=quiet, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """Print one line."""
        self._rich.print(escape(text))

    def warn(self, text: str) -> None:
        """Print one line that the user should not overlook."""
        self._rich.print(f"[bold red]{escape(text)}[/]")

    @contextmanager
    def progress(self, task: str) -> Iterator[Move]:
        """Yield what moves a bar; the bar goes when the block ends.

        Without a terminal, a line every minute tells that work goes on.
        """
        if not self._rich.is_terminal:
            yield self._lines(task)
            return
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _NoteOrTimeLeft(),
            console=self._rich,
            transient=True,
        ) as bar:
            number = bar.add_task(escape(task), total=None, note="")

            def move(done: int, total: int | None, *, task: str | None = None, note: str = "") -> None:
                name = None if task is None else escape(task)
                bar.update(number, completed=done, total=total, description=name, note=note)

            yield move

    def _lines(self, name: str) -> Move:
        due = time.monotonic() + EVERY_S

        def move(done: int, total: int | None, *, task: str | None = None, note: str = "") -> None:
            nonlocal due
            if time.monotonic() < due:
                return
            due = time.monotonic() + EVERY_S
            count = f"{done:,}" if total is None else f"{done:,} of {total:,}"
            self.say(f"{task or name}: {count}" + (f", {note}" if note else ""))

        return move


class _NoteOrTimeLeft(TimeRemainingColumn):
    """A task's own words where it has some."""

    def render(self, task: Task) -> Text:
        note = task.fields["note"]
        return Text(note) if note else super().render(task)
