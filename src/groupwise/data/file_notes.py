"""Remarks about a file, each a code and a plain sentence, as one reason and back."""

from __future__ import annotations

import re
from collections.abc import Sequence

from groupwise.data.formats import SUFFIXES

# (code, sentence)
Note = tuple[str, str]

# No code and no sentence holds this: `to_plain` takes it out of all foreign words.
_SEPARATOR = "; "

MIN_SIDE_PX = 8
MAX_ASPECT = 20


def join_notes(remarks: Sequence[Note]) -> str:
    """Return "code: sentence; code: sentence", or "" for none."""
    return _SEPARATOR.join(f"{code}: {sentence}" for code, sentence in remarks)


def list_notes(reason: str) -> tuple[Note, ...]:
    """The remarks of a reason, in its order."""
    parts = [part.partition(": ") for part in reason.split(_SEPARATOR) if part]
    return tuple((code, sentence) for code, _, sentence in parts)


def list_codes(reason: str) -> tuple[str, ...]:
    """The codes of a reason, in its order."""
    return tuple(code for code, _ in list_notes(reason))


def to_plain(text: object) -> str:
    """Words out of a file or a library as at most 120 characters on one line, without a semicolon."""
    printable = "".join(character if character.isprintable() else " " for character in str(text))
    return re.sub(r"[\s;]+", " ", printable).strip()[:120]


def note_name(name: str, suffix: str) -> tuple[Note, ...]:
    """That the name of a file speaks of another format than `name`, which it holds."""
    name = "JPEG" if name == "MPO" else name
    if suffix in SUFFIXES.get(name, ()):
        return ()
    return (
        ("wrong-extension", f"the file holds {name}, but its name ends in {to_plain(suffix) or 'nothing'}"),
    )


def note_shape(width: int, height: int) -> tuple[Note, ...]:
    """That a picture has hardly any pixels, or is far longer than wide."""
    short, long = sorted((width, height))
    tiny = (("tiny", f"only {width} x {height} pixels"),) if short < MIN_SIDE_PX else ()
    oblong = (("extreme-aspect", f"{width} x {height} pixels, more than {MAX_ASPECT} to 1"),)
    return (*tiny, *(oblong if long > MAX_ASPECT * short else ()))
