"""Tables of a page for Word: where each cell stands, and columns as wide as their words need.

Word and LibreOffice cut words where a column is narrower than one, and do not ask a page how wide it had its
columns, so that widths are reckoned here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from groupwise.report.word_runs import Look, add_runs, has_class, lines

WIDEST_IN = 6.2  # of A4 with margins of an inch
# Styles of their text and its size in points; the small one is for tables that are too wide in the other.
TEXT_STYLE, SMALL_STYLE = "Table text", "Small table text"
TEXT_PT, SMALL_PT = 9.0, 7.5
LETTER_IN, BOLD_IN, PADDING_IN = 0.075, 0.085, 0.17  # of a wide face, in place of Calibri where it is missing
LONGEST = 60  # letters of a line that a column is wanted wide enough for
RULES = {"top": "single", "bottom": "single", "insideH": "single", "insideV": "nil"}


@dataclass(frozen=True, eq=False)
class Placed:
    """A cell of a page, the row and the column where it begins, and how many of each it takes."""

    cell: Any
    row: int
    column: int
    rows: int
    columns: int


def place(rows: Sequence[Sequence[Any]]) -> list[Placed]:
    """Where the cells of `rows` stand, beside those that reach down from rows above."""
    taken: set[tuple[int, int]] = set()
    placed = []
    for i, row in enumerate(rows):
        column = 0
        for cell in row:
            while (i, column) in taken:
                column += 1
            down = min(int(cell.get("rowspan", 1)), len(rows) - i)
            across = int(cell.get("colspan", 1))
            taken |= {(i + r, column + c) for r in range(down) for c in range(across)}
            placed.append(Placed(cell, i, column, down, across))
            column += across
    return placed


def column_widths(placed: Sequence[Placed], columns: int) -> list[float]:
    """Inches of each column: its longest word at least, and what is left by how long its lines are.

    Where the longest words together are wider than a page, so are the columns.
    """
    least, wanted = [PADDING_IN] * columns, [PADDING_IN] * columns
    for one in placed:
        if one.columns > 1:
            continue
        letter = BOLD_IN if one.cell.tag == "th" else LETTER_IN
        told = lines(one.cell)
        word = max(_letters(part) for line in told for part in re.split(r" |(?<=[\u2e80-\uffef])", line))
        line = max(word, min(LONGEST, max(map(_letters, told))))
        least[one.column] = max(least[one.column], PADDING_IN + letter * word)
        wanted[one.column] = max(wanted[one.column], PADDING_IN + letter * line)
    left = max(0.0, WIDEST_IN - sum(least))
    wishes = [more - width for more, width in zip(wanted, least, strict=True)]
    share = min(1.0, left / (sum(wishes) or 1.0))
    return [width + share * wish for width, wish in zip(least, wishes, strict=True)]


def _letters(text: str) -> int:
    """How wide a text is, in letters; Chinese ones count twice."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def add_table(document: Any, table: Any) -> None:
    """The `table` of a page at the end of a Word document."""
    rows = [[cell for cell in row if cell.tag in ("th", "td")] for row in table.iter("tr")]
    placed = place(rows)
    columns = max((one.column + one.columns for one in placed), default=0)
    if not columns:
        return
    made = document.add_table(rows=0, cols=columns)
    made.style = "Table Grid"
    grid = [list(made.add_row().cells) for _ in rows]
    widths = column_widths(placed, columns)
    fit = min(1.0, WIDEST_IN / sum(widths))
    set_widths(made, grid, [fit * width for width in widths])
    _rule(made)
    for row, of_page in zip(made.rows, table.iter("tr"), strict=True):
        keep_whole(row)
        if of_page.getparent().tag == "thead":
            _mark(row, "w:tblHeader")
    for one in placed:
        target = grid[one.row][one.column]
        if one.rows > 1 or one.columns > 1:
            target = target.merge(grid[one.row + one.rows - 1][one.column + one.columns - 1])
        paragraph = target.paragraphs[0]
        paragraph.style = TEXT_STYLE if fit == 1 else SMALL_STYLE
        if has_class(one.cell, "number"):
            paragraph.alignment = 2  # right
        add_runs(paragraph, one.cell, Look(bold=one.cell.tag == "th"))
    document.add_paragraph()


def set_widths(table: Any, grid: Sequence[Sequence[Any]], widths: Sequence[float]) -> None:
    """Give the columns their widths in inches; LibreOffice asks the column, Word each cell."""
    from docx.shared import Inches

    table.autofit = False
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Inches(width)
    for row in grid:
        for cell, width in zip(row, widths, strict=True):
            cell.width = Inches(width)


def keep_whole(row: Any) -> None:
    """Let no page break cut a row."""
    _mark(row, "w:cantSplit")


def _mark(row: Any, name: str) -> None:
    from docx.oxml import OxmlElement

    row._tr.get_or_add_trPr().append(OxmlElement(name))


def _rule(table: Any) -> None:
    """Thin grey lines between rows, none between columns."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    borders = OxmlElement("w:tblBorders")
    for side in (
        "top",
        "left",
        "bottom",
        "right",
        "insideH",
        "insideV",
    ):  # the order that the format asks for
        line = OxmlElement(f"w:{side}")
        for name, value in (
            ("val", RULES.get(side, "nil")),
            ("sz", "4"),
            ("space", "0"),
            ("color", "BFBFBF"),
        ):
            line.set(qn(f"w:{name}"), value)
        borders.append(line)
    table._tbl.tblPr.append(borders)
