"""The text of a table or list, in UTF-8 or UTF-16, as spreadsheets and editors save it."""

from __future__ import annotations

import codecs
import io
from pathlib import Path

from groupwise.data.archive import read_file

_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_LOOKED_AT = 400  # bytes that tell UTF-16, whose letters of most scripts have a zero in one byte of two
_LEAST_ZEROS = 0.3


def read_table_text(file: Path) -> str:
    """The text of `file`; raises `UnicodeDecodeError` for another encoding, and `OSError`."""
    data = read_file(file)
    marked = next((name for bom, name in _BOMS.items() if data.startswith(bom)), None)
    return data.decode(marked or _guess(data[:_LOOKED_AT]))


def split_lines(text: str) -> list[str]:
    """The lines of a text with their ends, as a file has them.

    `str.splitlines` cuts at further characters, such as U+2028, which a name or a caption may hold.
    """
    return list(io.StringIO(text, newline=""))


def _guess(head: bytes) -> str:
    """UTF-8 but for text without a mark whose every second byte is often zero."""
    first, second = head[::2].count(0), head[1::2].count(0)
    if max(first, second) < _LEAST_ZEROS * len(head) / 2 or min(first, second):
        return "utf-8"
    return "utf-16-le" if second else "utf-16-be"
