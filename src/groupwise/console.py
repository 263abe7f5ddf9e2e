"""Says what happens: live bars on a terminal, plain lines everywhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console as RichConsole
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


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
    def progress(self, task: str) -> Iterator[Callable[[int, int | None], None]]:
        """Yield a function of (done, total) that moves a bar; the bar goes when the block ends.

        A total of None is unknown.
        """
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._rich,
            transient=True,
            disable=not self._rich.is_terminal,
        )
        with bar:
            number = bar.add_task(escape(task), total=None)
            yield lambda done, total: bar.update(number, completed=done, total=total)
