"""A page of the report as a Word document: its headings, text, tables and pictures, without its layout."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from groupwise.errors import GroupwiseError
from groupwise.files import write_atomic
from groupwise.report.word_runs import MONOSPACED, add_runs, has_class, plain
from groupwise.report.word_tables import (
    SMALL_PT,
    SMALL_STYLE,
    TEXT_PT,
    TEXT_STYLE,
    WIDEST_IN,
    add_table,
    keep_whole,
    set_widths,
)

TILE_IN, TILES_A_ROW = 1.4, 4
TERM_IN = 1.8
PX_AN_INCH = 110  # what a chart of the page's width takes of a line
FONT_EAST_ASIA = "Microsoft YaHei"
CAPTIONS = ("caption", "overline", "quiet")
HEADINGS = {"h2": 1, "h3": 2, "h4": 3}
CONTAINERS = ("main", "section", "div", "article", "details", "header", "figure")


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
    _set_styles(document, root.get("lang", "en"))
    _Writer(document).blocks(root.find(".//main"))
    content = io.BytesIO()
    document.save(content)
    write_atomic(target, content.getvalue())


def _set_styles(document: Any, language: str) -> None:
    """A4, its fonts, and small grey captions; the template's are bold and blue."""
    from docx.enum.style import WD_STYLE_TYPE
    from docx.oxml.ns import qn
    from docx.shared import Inches, Mm, Pt, RGBColor

    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = Inches(1)
    for name, size in ((TEXT_STYLE, TEXT_PT), (SMALL_STYLE, SMALL_PT)):
        in_tables = document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        in_tables.font.size, in_tables.paragraph_format.space_after = Pt(size), Pt(0)
    caption = document.styles["Caption"].font
    caption.bold, caption.size, caption.color.rgb = False, Pt(TEXT_PT), RGBColor(0x59, 0x59, 0x59)
    for name in (
        "Normal",
        "Heading 1",
        "Heading 2",
        "Heading 3",
        "Title",
        "Caption",
        TEXT_STYLE,
        SMALL_STYLE,
    ):
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
            "table": lambda one: add_table(self.document, one),
            "dl": self._terms,
            "pre": self._code,
            "summary": self._summary,
            "picture": self._picture,
            "img": self._picture,
            "figcaption": lambda one: self._paragraph(one, "Caption"),
        }

    def blocks(self, parent: Any) -> None:
        for one in parent:
            if not isinstance(one.tag, str) or has_class(one, "scale", "scale-ends"):
                continue  # a comment, or the drawing of a scale, whose figures stand in the sentences
            if has_class(one, "tiles"):
                self._tiles(one)
            elif one.tag in HEADINGS:
                self._heading(one)
            elif one.tag in self.known:
                self.known[one.tag](one)
            elif one.tag in CONTAINERS:
                self.blocks(one)
            elif plain(one):
                self._paragraph(one)

    def _heading(self, one: Any) -> None:
        for tag in one.iterchildren("span"):
            if has_class(tag, "tag"):  # a coloured label on the page
                tag.text = f"{plain(tag)}:"
        self.document.add_heading(plain(one), level=HEADINGS[one.tag])

    def _text(self, one: Any) -> None:
        self._paragraph(one, "Caption" if has_class(one, *CAPTIONS) else None)

    def _paragraph(self, one: Any, style: str | None = None) -> None:
        if plain(one):
            add_runs(self.document.add_paragraph(style=style), one)

    def _items(self, one: Any, style: str) -> None:
        for item in one.iterchildren("li"):
            self._paragraph(item, style)

    def _summary(self, one: Any) -> None:
        heading = one.find(".//h2")
        if heading is None:
            self.document.add_paragraph().add_run(plain(one)).bold = True
            return
        self.document.add_heading(plain(heading), level=1)
        for gist in one.iterchildren("span"):
            said = self.document.add_paragraph()
            said.add_run(plain(gist)).italic = True
            said.paragraph_format.keep_with_next = True

    def _code(self, one: Any) -> None:
        from docx.shared import Pt

        run = self.document.add_paragraph().add_run(one.text_content().rstrip("\n"))
        run.font.name, run.font.size = MONOSPACED, Pt(8)

    def _picture(self, one: Any) -> None:
        image = one if one.tag == "img" else one.find(".//img")
        wide = float(image.get("width") or 0) / PX_AN_INCH or WIDEST_IN
        paragraph = self.document.add_paragraph()
        paragraph.paragraph_format.keep_with_next = one.getnext() is not None  # its caption
        _add_picture(paragraph, image, min(wide, WIDEST_IN))

    def _tiles(self, one: Any) -> None:
        figures = list(one.iterchildren("figure"))
        table = self.document.add_table(rows=0, cols=TILES_A_ROW)
        for row in _rows(figures):
            made = table.add_row()
            keep_whole(made)
            for cell, figure in zip(made.cells, row, strict=False):
                first = cell.paragraphs[0]
                for image in figure.iter("img"):
                    _add_picture(first, image, TILE_IN)
                for caption in figure.iterchildren("figcaption"):
                    add_runs(cell.add_paragraph(style="Caption"), caption)

    def _terms(self, one: Any) -> None:
        terms = [(term, term.getnext()) for term in one.iterchildren("dt")]
        table = self.document.add_table(rows=0, cols=2)
        grid = [table.add_row().cells for _ in terms]
        set_widths(table, grid, (TERM_IN, WIDEST_IN - TERM_IN))
        for cells, both in zip(grid, terms, strict=True):
            for cell, one_side in zip(cells, both, strict=True):
                cell.paragraphs[0].style = TEXT_STYLE
                add_runs(cell.paragraphs[0], one_side)


def _rows(figures: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (figures[i : i + TILES_A_ROW] for i in range(0, len(figures), TILES_A_ROW))


def _add_picture(paragraph: Any, image: Any, wide_in: float) -> None:
    """A picture that the page carries within itself, with the words that stand for it."""
    from docx.shared import Inches

    kind, _, coded = (image.get("src") or "").partition(";base64,")
    if not kind.startswith("data:image/"):
        return
    shape = paragraph.add_run().add_picture(io.BytesIO(base64.b64decode(coded)), width=Inches(wide_in))
    shape._inline.docPr.set("descr", image.get("alt") or "")
