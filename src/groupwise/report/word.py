"""A page of the report as a Word document: its headings, text, tables and pictures, without its layout."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groupwise.errors import GroupwiseError
from groupwise.files import write_atomic
from groupwise.report.words import NBSP

WIDEST_IN, TILE_IN, TILES_A_ROW = 6.2, 1.4, 4
PX_AN_INCH = 110  # what a chart of the page's width takes of a line
FONT_EAST_ASIA = "Microsoft YaHei"
MONOSPACED = "Consolas"
BREAK = "\v"  # stands for <br> among the pieces of a text
CAPTIONS = ("caption", "overline", "quiet")
HEADINGS = {"h2": 1, "h3": 2, "h4": 3}
CONTAINERS = ("main", "section", "div", "article", "details", "header", "figure")


@dataclass(frozen=True)
class Look:
    """How a run of text is set."""

    bold: bool = False
    italic: bool = False
    code: bool = False


def write_word(page: str, target: Path) -> None:
    """Write the HTML `page` as .docx; raises GroupwiseError where python-docx is not installed."""
    try:
        import docx
        from lxml import html
    except ImportError:
        raise GroupwiseError(
            "python-docx is not installed",
            place="--word",
            remedy="pip install 'groupwise[word]', or open the HTML page in Word and save it from there.",
        ) from None
    root = html.fromstring(page)
    document = docx.Document()
    document.core_properties.title = root.findtext(".//title") or ""
    document.core_properties.author = "Groupwise"
    _set_fonts(document, root.get("lang", "en"))
    _Writer(document).blocks(root.find(".//main"))
    content = io.BytesIO()
    document.save(content)
    write_atomic(target, content.getvalue())


def _set_fonts(document: Any, language: str) -> None:
    from docx.oxml.ns import qn
    from docx.shared import Pt

    for name in ("Normal", "Heading 1", "Heading 2", "Heading 3", "Title", "Caption"):
        font = document.styles[name].font
        font.name = "Calibri"
        properties = document.styles[name].element.get_or_add_rPr()
        properties.get_or_add_rFonts().set(qn("w:eastAsia"), FONT_EAST_ASIA)
        if name == "Normal":
            font.size = Pt(10.5)
            spoken = properties.makeelement(qn("w:lang"), {qn("w:val"): "en-GB", qn("w:eastAsia"): "zh-CN"})
            if language != "en":
                spoken.set(qn("w:val"), "zh-CN")
            properties.append(spoken)


class _Writer:
    """Walks a page and adds to a document what it meets."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.known: dict[str, Callable[[Any], None]] = {
            "h1": lambda one: self._paragraph(one, "Title"),
            "p": self._text,
            "ul": lambda one: self._items(one, "List Bullet"),
            "ol": lambda one: self._items(one, "List Number"),
            "table": self._table,
            "dl": self._terms,
            "pre": self._code,
            "summary": self._summary,
            "picture": self._picture,
            "img": self._picture,
            "figcaption": lambda one: self._paragraph(one, "Caption"),
        }

    def blocks(self, parent: Any) -> None:
        for one in parent:
            if not isinstance(one.tag, str) or _has_class(one, "scale", "scale-ends"):
                continue  # a comment, or the drawing of a scale, whose figures stand in the sentences
            if _has_class(one, "tiles"):
                self._tiles(one)
            elif one.tag in HEADINGS:
                self.document.add_heading(_plain(one), level=HEADINGS[one.tag])
            elif one.tag in self.known:
                self.known[one.tag](one)
            elif one.tag in CONTAINERS:
                self.blocks(one)
            elif _plain(one):
                self._paragraph(one)

    def _text(self, one: Any) -> None:
        self._paragraph(one, "Caption" if _has_class(one, *CAPTIONS) else None)

    def _paragraph(self, one: Any, style: str | None = None) -> None:
        if _plain(one):
            _add_runs(self.document.add_paragraph(style=style), one)

    def _items(self, one: Any, style: str) -> None:
        for item in one.iterchildren("li"):
            self._paragraph(item, style)

    def _summary(self, one: Any) -> None:
        heading = one.find(".//h2")
        if heading is None:
            self.document.add_paragraph().add_run(_plain(one)).bold = True
            return
        self.document.add_heading(_plain(heading), level=1)
        for gist in one.iterchildren("span"):
            self.document.add_paragraph(style=None).add_run(_plain(gist)).italic = True

    def _code(self, one: Any) -> None:
        from docx.shared import Pt

        run = self.document.add_paragraph().add_run(one.text_content().rstrip("\n"))
        run.font.name, run.font.size = MONOSPACED, Pt(8)

    def _picture(self, one: Any) -> None:
        image = one if one.tag == "img" else one.find(".//img")
        wide = float(image.get("width") or 0) / PX_AN_INCH or WIDEST_IN
        _add_picture(self.document.add_paragraph(), image, min(wide, WIDEST_IN))

    def _tiles(self, one: Any) -> None:
        figures = list(one.iterchildren("figure"))
        table = self.document.add_table(rows=0, cols=TILES_A_ROW)
        for row in _rows(figures):
            cells = table.add_row().cells
            for cell, figure in zip(cells, row, strict=False):
                first = cell.paragraphs[0]
                for image in figure.iter("img"):
                    _add_picture(first, image, TILE_IN)
                for caption in figure.iterchildren("figcaption"):
                    _add_runs(cell.add_paragraph(style="Caption"), caption)

    def _terms(self, one: Any) -> None:
        terms = [(term, term.getnext()) for term in one.iterchildren("dt")]
        table = self.document.add_table(rows=0, cols=2)
        for term, told in terms:
            left, right = table.add_row().cells
            _add_runs(left.paragraphs[0], term)
            _add_runs(right.paragraphs[0], told)

    def _table(self, one: Any) -> None:
        rows = [[cell for cell in row if cell.tag in ("th", "td")] for row in one.iter("tr")]
        wide = max((sum(_span(cell) for cell in row) for row in rows), default=0)
        if not wide:
            return
        table = self.document.add_table(rows=0, cols=wide)
        table.style = "Table Grid"
        for row in rows:
            cells = list(table.add_row().cells)
            at = 0
            for cell in row:
                place = cells[at]
                if _span(cell) > 1:
                    place = place.merge(cells[at + _span(cell) - 1])
                _add_runs(place.paragraphs[0], cell, Look(bold=cell.tag == "th"))
                at += _span(cell)
        self.document.add_paragraph()


def _rows(figures: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (figures[i : i + TILES_A_ROW] for i in range(0, len(figures), TILES_A_ROW))


def _span(cell: Any) -> int:
    return int(cell.get("colspan", 1))


def _has_class(one: Any, *names: str) -> bool:
    return bool(set((one.get("class") or "").split()) & set(names))


def _plain(one: Any) -> str:
    return " ".join(one.text_content().replace(NBSP, " ").split())


def _add_runs(paragraph: Any, one: Any, look: Look = Look()) -> None:
    """The text of an element with what is bold, italic or code in it; white space is one blank."""
    pieces = list(_pieces(one, look))
    text = "".join(piece for piece, _ in pieces)
    left = len(text) - len(text.lstrip())
    for i, (piece, set_as) in enumerate(pieces):
        if piece == BREAK:
            paragraph.add_run().add_break()
            continue
        shown = re.sub(r"[ \t\n\r]+", " ", piece[left:] if i == 0 else piece)
        if not shown:
            continue
        run = paragraph.add_run(shown)
        run.bold, run.italic = set_as.bold or None, set_as.italic or None
        if set_as.code:
            run.font.name = MONOSPACED


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
                    code=look.code or child.tag == "code" or _has_class(child, "file"),
                ),
            )
        if child.tail:
            yield child.tail, look


def _add_picture(paragraph: Any, image: Any, wide_in: float) -> None:
    """A picture that the page carries within itself, with the words that stand for it."""
    from docx.shared import Inches

    kind, _, coded = (image.get("src") or "").partition(";base64,")
    if not kind.startswith("data:image/"):
        return
    shape = paragraph.add_run().add_picture(io.BytesIO(base64.b64decode(coded)), width=Inches(wide_in))
    shape._inline.docPr.set("descr", image.get("alt") or "")
