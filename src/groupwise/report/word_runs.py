"""Text of a page for Word: runs of bold, italic and code, and white space as a browser shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from groupwise.text import NBSP

MONOSPACED = "Consolas"
BREAK = "\v"  # stands for <br> among the pieces of a text


@dataclass(frozen=True)
class Look:
    """How a run of text is set."""

    bold: bool = False
    italic: bool = False
    code: bool = False


def plain(one: Any) -> str:
    """The text of an element in one line."""
    return " ".join(one.text_content().replace(NBSP, " ").split())


def lines(one: Any) -> list[str]:
    """The text of an element by its lines; what must not be broken has no-break spaces still."""
    text = "".join(piece for piece, _ in _pieces(one, Look()))
    return [_spaced(line).strip(" ") for line in text.split(BREAK)]


def has_class(one: Any, *names: str) -> bool:
    """Whether an element is of one of these classes."""
    return bool(set((one.get("class") or "").split()) & set(names))


def add_runs(paragraph: Any, one: Any, look: Look = Look()) -> None:
    """The text of an element with what is bold, italic or code in it; white space is one blank."""
    pieces = list(_pieces(one, look))
    text = "".join(piece for piece, _ in pieces)
    left = len(text) - len(text.lstrip())
    for i, (piece, set_as) in enumerate(pieces):
        if piece == BREAK:
            paragraph.add_run().add_break()
            continue
        shown = _spaced(piece[left:] if i == 0 else piece)
        if not shown:
            continue
        run = paragraph.add_run(shown)
        run.bold, run.italic = set_as.bold or None, set_as.italic or None
        if set_as.code:
            run.font.name = MONOSPACED


def _spaced(text: str) -> str:
    return re.sub(r"[ \t\n\r]+", " ", text)


def _pieces(one: Any, look: Look) -> Iterator[tuple[str, Look]]:
    if one.text:
        yield one.text, look
    for child in one:
        if child.tag == "br":
            yield BREAK, look
        elif isinstance(child.tag, str) and child.tag not in ("img", "picture", "table"):
            yield from _pieces(
                child,
                Look(
                    bold=look.bold or child.tag in ("strong", "b", "th"),
                    italic=look.italic or child.tag in ("em", "i"),
                    code=look.code or child.tag == "code" or has_class(child, "file"),
                ),
            )
        if child.tail:
            yield child.tail, look
