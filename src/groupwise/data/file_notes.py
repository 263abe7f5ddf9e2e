"""Remarks about a file, each a code and a plain sentence, as one reason and back."""

from __future__ import annotations

import re
from collections.abc import Sequence

# (code, sentence)
Note = tuple[str, str]

# No code and no sentence holds this: `to_plain` takes it out of all foreign words.
_SEPARATOR = "; "


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
