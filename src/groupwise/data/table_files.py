"""Tables as people have them: commas, semicolons or tabs, JSON lines, Parquet, with a header or without."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from groupwise.data.annotations import read_annotations
from groupwise.data.archive import is_there, list_members
from groupwise.data.headless import is_headless, name_columns
from groupwise.data.image_lists import is_image_name, read_image_list
from groupwise.data.parquet_images import class_names, find_image_column, import_parquet
from groupwise.data.table_text import read_table_text, split_lines
from groupwise.errors import GroupwiseError, UsageError

SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".jsonl", ".ndjson", ".json", ".manifest", ".parquet")
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "upright bars"}
_SEPARATOR_LINE = re.compile(r'"?sep=([,;|\t])"?\r?\n', re.IGNORECASE)

Row = dict[str, str]


@dataclass(frozen=True)
class Table:
    """Rows of text by column, and in words what the file was taken for, such as "a CSV with semicolons".

    `path_column` and `label_column` are known where the format itself says which they are, and `notes` are
    for who uses this `label_column`. Where the table `holds_images` itself, their paths lead into it.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    kind: str
    path_column: str | None = None
    label_column: str | None = None
    holds_images: bool = False
    notes: tuple[str, ...] = ()


def read_table(file: Path) -> Table:
    """Read a table of any format in `SUFFIXES`; raises `GroupwiseError` for one that cannot be read."""
    suffix = file.suffix.lower()
    try:
        if suffix == ".parquet":
            if not file.is_file() and is_there(file):
                raise GroupwiseError(
                    "a Parquet table within an archive is not read",
                    place=file,
                    remedy="Unpack the archive, and give the folder.",
                )
            return _read_parquet(file)
        text = _read_text(file)
        if suffix in (".jsonl", ".ndjson", ".manifest"):
            return _from_records(_read_lines(text, file), "JSON lines", file)
        if suffix == ".json":
            return _from_records(_load(text, file), "JSON", file)
        return _read_delimited(text, file)
    except FileNotFoundError:
        raise UsageError(
            "no such file", place=file, remedy="Check the path, or run the command that writes it."
        ) from None
    except OSError as error:
        raise GroupwiseError(
            f"the file cannot be read ({error.strerror})", place=file, remedy="Check its permissions."
        ) from None


def _read_text(file: Path) -> str:
    try:
        return read_table_text(file)
    except UnicodeDecodeError as error:
        raise GroupwiseError(
            f"not a readable CSV file ({error})", place=file, remedy="Save it as UTF-8 text."
        ) from None


def _read_delimited(text: str, file: Path) -> Table:
    if match := _SEPARATOR_LINE.match(text):  # as spreadsheets write it for one another
        delimiter, text = match[1], text[match.end() :]
    else:
        text = _drop_comments(text)
        delimiter = _find_delimiter(text, file)
    first = text.partition("\n")[0]
    is_list = file.suffix.lower() == ".txt" or any(map(is_image_name, first.split()))
    if is_list and delimiter not in first:
        pairs, kind = read_image_list(text, file)
        listed = tuple({"path": path, "label": label} for path, label in pairs)
        return Table(("path", "label"), listed, kind, "path", "label")
    kind = f"a table with {_DELIMITERS[delimiter]}"
    lines = io.StringIO(text, newline="")
    try:
        records = list(csv.reader(lines, delimiter=delimiter, strict=False))
    except csv.Error as error:
        raise GroupwiseError(
            f"not a readable CSV file ({error})", place=file, remedy="Save it as UTF-8 text with commas."
        ) from None
    records = [record for record in records if record]
    if not records:
        return Table((), (), kind)
    if is_headless(records):
        return _without_header(records, kind, file)
    records[0] = _complete_header(records)
    header = [name.strip() for name in records[0]]
    _refuse_repeated(header, file)
    padded = any(name != name.lstrip() for name in records[0])  # then its cells have blanks in front too
    rows = []
    for number, record in enumerate(records[1:], start=1):
        _require_width(record, header, number, file)
        cells = [cell.lstrip() for cell in record] if padded else record
        rows.append(dict(zip(header, cells, strict=True)))
    return Table(tuple(header), tuple(rows), kind)


def _drop_comments(text: str) -> str:
    """The text without the lines of # above its header; where none other is there, the last of them is it."""
    lines = split_lines(text)
    above = next((i for i, line in enumerate(lines) if not line.startswith("#")), 0)
    if not above:
        return text
    has_header = not any(map(is_image_name, re.split(r"[,;\t|]", lines[above])))
    return "".join(lines[above:] if has_header else [lines[above - 1].lstrip("# "), *lines[above:]])


def _find_delimiter(text: str, file: Path) -> str:
    """The one that cuts the first lines into most cells, equally many each; commas where none does."""
    if file.suffix.lower() in (".tsv", ".tab"):
        return "\t"
    best, widest = ",", 1
    for delimiter in _DELIMITERS:
        widths = _widths(text, delimiter)
        if len(widths) == 1 and (width := widths.pop()) > widest:
            best, widest = delimiter, width
    return best


def _widths(text: str, delimiter: str) -> set[int]:
    """The numbers of cells in the first rows; none where they cannot be read so."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        widths = [len(row) for row in islice(filter(None, rows), 20)]
    except csv.Error:
        return set()
    if len(widths) > 1 and set(widths[1:]) == {widths[0] + 1}:  # R leaves out the name of the row names
        widths = widths[1:]
    return set(widths)


def _require_width(record: Sequence[str], header: Sequence[str], number: int, file: Path) -> None:
    if len(record) != len(header):
        raise GroupwiseError(
            f"row {number} does not have the {len(header)} columns of the header",
            place=file,
            remedy="Quote cells that hold commas, and fill every column.",
        )


def _complete_header(records: Sequence[Sequence[str]]) -> list[str]:
    """The header with a name for every column: R leaves the one of row names blank, or out."""
    header, *rows = records
    one_more = rows and all(len(row) == len(header) + 1 for row in rows)
    if one_more and any(row[-1].strip() for row in rows) and len({row[0] for row in rows}) == len(rows):
        header = ["", *header]
    return [name if name.strip() else f"column {i}" for i, name in enumerate(header, start=1)]


def _refuse_repeated(header: Sequence[str], file: Path) -> None:
    twins = sorted({name for name in header if name and header.count(name) > 1})
    if twins:
        raise GroupwiseError(
            f"{header.count(twins[0])} columns are called {twins[0]!r}",
            place=file,
            remedy="Rename all but one, so that it is clear which is meant.",
        )


def _without_header(records: Sequence[Sequence[str]], kind: str, file: Path) -> Table:
    found = name_columns(records)
    rows = []
    for number, record in enumerate(records, start=1):
        _require_width(record, found.names, number, file)
        rows.append(dict(zip(found.names, record, strict=True)))
    kind = f"{kind}, without a header"
    return Table(found.names, tuple(rows), kind, found.path, found.label, notes=found.notes)


def _load(text: str, file: Path, line: int | None = None) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {line}: " if line is not None else ""
        raise GroupwiseError(
            f"{where}not valid JSON ({error})", place=file, remedy="Export the file again, or mend it."
        ) from None


def _read_lines(text: str, file: Path) -> list[Any]:
    lines = enumerate(split_lines(text), start=1)
    return [_load(line, file, number) for number, line in lines if line.strip()]


def _from_records(content: Any, kind: str, file: Path) -> Table:
    try:
        found = read_annotations(content)
    except (AttributeError, KeyError, TypeError):  # the keys of a known export around something else
        found = None
    if found is None:
        raise GroupwiseError(
            "holds no list of images that is known here",
            place=file,
            remedy="Give a CSV with the columns path and label, or one of the exports in docs/data.md.",
        )
    columns = tuple(dict.fromkeys(name for row in found.rows for name in row))
    rows = tuple({name: row.get(name, "") for name in columns} for row in found.rows)
    return Table(columns, rows, found.kind or kind, found.path_column, found.label_column)


def _read_parquet(file: Path) -> Table:
    parquet = import_parquet(file)
    try:
        schema = parquet.read_schema(file)
        types = {field.name: str(field.type) for field in schema}
        images = find_image_column(types)
        columns = [name for name, kind in types.items() if "binary" not in kind and name != images]
        records = parquet.read_table(file, columns=columns).to_pylist()
    except ValueError as error:
        raise GroupwiseError(
            f"not a readable Parquet file ({error})", place=file, remedy="Download or write it again."
        ) from None
    for column, names in class_names(schema).items():
        for record in records:
            number = record.get(column)
            if isinstance(number, int) and number < len(names):
                record[column] = names[number] if number >= 0 else None  # -1 of a label that is kept back
    if images is None:
        return _from_records(records, "Parquet", file)
    for record, member in zip(records, list_members(file), strict=True):
        record[images] = f"{file.name}/{member}"
    rows = tuple({name: _to_text(cell) for name, cell in record.items()} for record in records)
    return Table((*columns, images), rows, "Parquet with the images in it", images, holds_images=True)


def _to_text(cell: object) -> str:
    return "" if cell is None else str(cell)
