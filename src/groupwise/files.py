"""Files written whole or not at all, and digests of their content."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from groupwise.errors import GroupwiseError, UsageError

PARTIAL = ".partial"


def write_atomic(path: Path, content: bytes | str, *, verify: bool = False) -> None:
    """Replace `path` by `content`; a crash at any moment leaves the old file or the new one, never a part.

    The temporary file lies in the same folder, because a rename is atomic only within one file system. With
    `verify` it is read back before the rename; `OSError` if it does not hold what was written.
    """
    if path.exists() and not path.is_file():
        raise GroupwiseError(
            "is not an ordinary file", place=path, remedy="Give the name of a file to write."
        )
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=PARTIAL)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if verify and hasattr(os, "posix_fadvise"):  # read it from the disk, not from memory
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if verify and sha256_file(temporary) != sha256_bytes(data):
            raise OSError(errno.EIO, "reads back otherwise than it was written", str(path))
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def require_folder(path: Path, place: str = "") -> None:
    """Raise `GroupwiseError` unless files can be written into `path`, a folder that is there or made then.

    `place` is what named it, before the path.
    """
    if path.exists() and not path.is_dir():
        raise UsageError("is no folder", place=f"{place}{path}", remedy="Give the name of a new folder.")
    require_writable(path, place)


def require_writable(path: Path, place: str = "") -> None:
    """Raise `GroupwiseError` unless it, or the nearest folder above it that is there, can be written to."""
    above = next(one for one in (path, *path.absolute().parents) if one.exists())
    if above != path and not above.is_dir():
        raise UsageError(
            "lies below a file", place=f"{place}{path}", remedy=f"{above} is no folder: give another."
        )
    folder = above if above.is_dir() else above.absolute().parent
    if not (os.access(above, os.W_OK) and _takes_a_file(folder)):
        raise GroupwiseError(
            f"cannot be written ({above} is read-only for you)",
            place=f"{place}{path}",
            remedy="Give another place, or change the permissions.",
        )


def _takes_a_file(folder: Path) -> bool:
    """Whether a file can be made there: rights alone do not tell, nor do they bind an administrator."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def remove_partial_files(folder: Path) -> None:
    """Remove what a crash within `write_atomic` left in `folder`; nobody may be writing there."""
    for path in folder.glob(f".*{PARTIAL}"):
        path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    # The rename itself lives in the folder, so the folder has to reach the disk as well.
    if sys.platform == "win32":  # which opens no folder
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON; NaN is refused, because JSON has none."""
    write_atomic(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON; a missing or damaged file is the user's to mend, so it is named."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise GroupwiseError("no such file", place=path, remedy="Run the command that writes it.") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise GroupwiseError(
            f"not valid JSON ({error})", place=path, remedy="Restore the file or write it again."
        ) from None


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a header and rows as `write_rows` does; a name that is not UTF-8 keeps its bytes."""
    text = io.StringIO(newline="")
    write_rows(text, (header, *rows))
    write_atomic(path, text.getvalue().encode("utf-8", "surrogateescape"))


def write_rows(file: IO[str], rows: Iterable[Sequence[object]]) -> None:
    """Write rows as RFC 4180 quotes them, so that a file name may hold commas and line breaks."""
    plain = csv.writer(file, lineterminator="\n")
    # Python's minimal quoting forgets the carriage return, which macOS puts into the name of a folder's icon.
    quoted = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in rows:
        (quoted if any("\r" in str(cell) for cell in row) else plain).writerow(row)


def read_csv(path: Path, required: Iterable[str]) -> list[dict[str, str]]:
    """Read a CSV file with a header that has at least the `required` columns; one dict a row."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restkey=_SURPLUS)
            header = reader.fieldnames or []
            _check_header(path, header, required)
            rows = list(reader)
    except FileNotFoundError:
        raise UsageError(
            "no such file", place=path, remedy="Check the path, or run the command that writes it."
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise GroupwiseError(
            f"not a readable CSV file ({error})", place=path, remedy="Save it as UTF-8 text with commas."
        ) from None
    for number, row in enumerate(rows, start=1):
        if _SURPLUS in row or None in row.values():
            raise GroupwiseError(
                f"row {number} does not have the {len(header)} columns of the header",
                place=path,
                remedy="Quote cells that hold commas, and fill every column.",
            )
    return rows


_SURPLUS = "\0surplus"


def _check_header(path: Path, header: Sequence[str], required: Iterable[str]) -> None:
    missing = [name for name in required if name not in header]
    if missing:
        raise GroupwiseError(
            f"no column {', '.join(map(repr, missing))} among {', '.join(map(repr, header)) or 'nothing'}",
            place=path,
            remedy="Add the column or rename the one that holds it.",
        )


def sha256_bytes(data: bytes) -> str:
    """Hexadecimal SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's content, read in chunks so that its size does not matter."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_mapping(value: Mapping[str, Any]) -> str:
    """Hexadecimal SHA-256 of a JSON-able mapping, independent of the order of its keys."""
    return sha256_bytes(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())
