"""The terminal: live bars, plain lines where there is none, on a console of any encoding."""

from __future__ import annotations

import codecs
import io
import os
import sys
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # a command that refuses its arguments says so without it
    from rich.console import Console as RichConsole
    from rich.progress import Progress, Task
    from rich.text import Text

DRAWN_EVERY_S = 0.25  # in a notebook, which keeps every drawing until the next
EVERY_S = 60.0  # where there is no terminal, long work says a line this often

SHOW_NEAREST = "groupwise.show_nearest"
"""Error handler of codecs: what a console cannot show becomes what comes nearest, and nothing fails."""

_NEAREST = str.maketrans(
    {"×": "x", "–": "-", "—": "-", "−": "-", "…": "...", "→": "->", "±": "+-", "·": "*", "•": "*"}
    | dict.fromkeys("“”„", '"')
    | dict.fromkeys("‘’‚", "'")
)


def _show_nearest(error: UnicodeError) -> tuple[str, int]:
    """Spaces and punctuation as ASCII has them; letters escaped as in JSON, so that a name stays exact."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_nearest, error.object[error.start : error.end])), error.end


def _nearest(character: str) -> str:
    if unicodedata.category(character) == "Zs":
        return " "
    plain = character.translate(_NEAREST)
    if plain.isascii():
        return plain
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{int.from_bytes(units[i : i + 2], 'big'):04x}" for i in range(0, len(units), 2))


codecs.register_error(SHOW_NEAREST, _show_nearest)


def show_any_character() -> None:
    """Let this process print any text, whatever its console's encoding."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=SHOW_NEAREST)


class Move(Protocol):
    """Moves a bar; `task` renames it, and `note` stands where the time left would."""

    def __call__(self, done: int, total: int | None, *, task: str | None = None, note: str = "") -> None:
        """`total` None is unknown."""


class Console:
    """The user's terminal; silent in every process but the main one."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet

    @cached_property
    def _rich(self) -> RichConsole:
        from rich.console import Console as RichConsole

        class Lasting(RichConsole):
            def on_broken_pipe(self) -> None:
                """Go on unheard: hours of work do not end because the reader, such as `less`, has left."""
                self.quiet = True
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

        return Lasting(quiet=self._quiet, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """Print one line."""
        from rich.markup import escape

        self._rich.print(escape(self._shown(text)))

    def warn(self, text: str) -> None:
        """Print one line that the user should not overlook."""
        from rich.markup import escape

        self._rich.print(f"[bold red]{escape(self._shown(text))}[/]")

    def _shown(self, text: str) -> str:
        # Said from a notebook or a script, whose streams are its own.
        encoding = self._rich.encoding
        return text.encode(encoding, SHOW_NEAREST).decode(encoding)

    @contextmanager
    def progress(self, task: str) -> Iterator[Move]:
        """Yield what moves a bar; the bar goes when the block ends.

        A notebook has a bar of its own below the cell. Without either, a line every minute tells that work
        goes on.
        """
        if self._rich.is_jupyter and not self._quiet:
            with _cell_bar(task) as move_in_cell:
                yield move_in_cell
            return
        if not self._rich.is_terminal:
            yield self._lines(task)
            return
        from rich.markup import escape

        with _bar(self._rich) as bar:
            number = bar.add_task(escape(task), total=None, note="")

            def move(done: int, total: int | None, *, task: str | None = None, note: str = "") -> None:
                name = None if task is None else escape(self._shown(task))
                bar.update(number, completed=done, total=total, description=name, note=self._shown(note))

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


@contextmanager
def _cell_bar(name: str) -> Iterator[Move]:
    """A bar in the output of a notebook's cell, without widgets; it goes when the block ends."""
    from html import escape

    from IPython.display import HTML, display  # there, where there is a notebook

    cell, due = display(HTML(escape(name)), display_id=True), 0.0

    def move(done: int, total: int | None, *, task: str | None = None, note: str = "") -> None:
        nonlocal due
        if time.monotonic() < due:
            return
        due = time.monotonic() + DRAWN_EVERY_S
        bar = "<progress></progress>" if not total else f'<progress max="{total}" value="{done}"></progress>'
        count = f"{done:,}" if total is None else f"{done:,} of {total:,}"
        cell.update(HTML(f"{escape(task or name)} {bar} {count} {escape(note)}"))

    try:
        yield move
    finally:
        cell.update(HTML(""))


def _bar(console: RichConsole) -> Progress:
    """A bar that goes when it ends, with a task's own words in place of the time left where it has some."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class NoteOrTimeLeft(TimeRemainingColumn):
        def render(self, task: Task) -> Text:
            note = task.fields["note"]
            return Text(note) if note else super().render(task)

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        NoteOrTimeLeft(),
        console=console,
        transient=True,
    )
