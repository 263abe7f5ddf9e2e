"""The report as PDF and for Word."""

import base64
import io
import os
import sys

import numpy as np
import pytest
from PIL import Image

from groupwise.errors import GroupwiseError
from groupwise.report.page import write_report
from groupwise.report.pdf import BROWSERS, find_browser, write_pdf
from groupwise.report.word import write_word
from groupwise.report.word_tables import LETTER_IN, PADDING_IN, WIDEST_IN


def program(folder, text):
    """A program that stands for a browser."""
    path = folder / "browser"
    path.write_text(f"#!{sys.executable}\nimport sys\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_the_browser_prints_the_page(tmp_path, monkeypatch):
    told = "target = next(w.partition('=')[2] for w in sys.argv if w.startswith('--print-to-pdf='))\n"
    told += "open(target, 'w').write(sys.argv[-1])"
    monkeypatch.setenv("CHROME_PATH", program(tmp_path, told))
    (tmp_path / "a page.html").write_text("<p>here</p>")
    write_pdf(tmp_path / "a page.html", tmp_path / "new" / "report.pdf")
    assert (tmp_path / "new" / "report.pdf").read_text() == (tmp_path / "a page.html").as_uri()


def test_what_the_browser_says_is_passed_on(tmp_path, monkeypatch):
    monkeypatch.setenv("CHROME_PATH", program(tmp_path, "sys.exit('no display, no luck')"))
    with pytest.raises(
        GroupwiseError, match=r"printed no page \(no display, no luck\).*print it into a file"
    ):
        write_pdf(tmp_path / "page.html", tmp_path / "report.pdf")
    assert not (tmp_path / "report.pdf").exists()


def test_without_a_browser_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROME_PATH", raising=False)
    if not any(os.access(name, os.X_OK) for name in BROWSERS if name.startswith("/")):
        with pytest.raises(GroupwiseError, match="no Chromium, Chrome or Edge was found to print with"):
            find_browser()
    monkeypatch.setenv("CHROME_PATH", "nothing-of-this-name")
    with pytest.raises(GroupwiseError, match="CHROME_PATH: no such program: nothing-of-this-name"):
        find_browser()


def test_without_python_docx_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "docx", None)
    with pytest.raises(GroupwiseError, match=r"pip install 'groupwise\[word\]'"):
        write_word("<main></main>", tmp_path / "report.docx")


def uri():
    held = io.BytesIO()
    Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(held, "PNG")
    return f"data:image/png;base64,{base64.b64encode(held.getvalue()).decode()}"


def opened(page, tmp_path):
    docx = pytest.importorskip("docx", reason="python-docx is not installed: pip install 'groupwise[word]'")
    write_word(page, tmp_path / "new" / "report.docx")
    return docx.Document(str(tmp_path / "new" / "report.docx"))


def test_a_page_becomes_a_document(tmp_path):
    document = opened(
        f"""<html lang="zh"><head><title>all of it</title></head><html><main>
        <h1><span>83 %</span>
        <span>right</span></h1>
        <p class="caption">one <strong>two</strong><br>three <code>four</code></p>
        <details><summary><h2>A part</h2> <span class="gist">in short</span></summary>
        <ul><li>an item</li></ul>
        <picture><source srcset="x"><img src="{uri()}" alt="a chart" width="220"></picture>
        <table><tr><th colspan="2">wide</th><th>c</th></tr><tr><td>1</td><td>2</td><td>&lt;3</td></tr></table>
        </details></main></html></html>""",
        tmp_path,
    )
    said = [(p.style.name, p.text) for p in document.paragraphs if p.text]
    assert said == [
        ("Title", "83 % right"),
        ("Caption", "one two\nthree four"),
        ("Heading 1", "A part"),
        ("Normal", "in short"),
        ("List Bullet", "an item"),
    ]
    assert [run.text for run in document.paragraphs[1].runs if run.bold] == ["two"]
    (table,) = document.tables
    assert [cell.text for cell in table.rows[1].cells] == ["1", "2", "<3"]
    assert [cell.text for cell in table.rows[0].cells] == ["wide", "wide", "c"]
    (shape,) = document.inline_shapes
    assert shape._inline.docPr.get("descr") == "a chart"
    assert document.core_properties.title == "all of it"


def test_the_document_says_what_the_report_says(make_run, tmp_path):
    page = write_report(make_run()).read_text(encoding="utf-8")
    document = opened(page, tmp_path)
    text = " ".join(p.text for p in document.paragraphs).replace("\N{NO-BREAK SPACE}", " ")
    assert "83.3 % were classified correctly: 10 right, 2 wrong" in text
    assert "Where it is right, and where it is wrong" in text
    assert len(document.inline_shapes) == page.count("<img src=")
    assert len(document.tables) >= page.count("<table")


def widths(table):
    return [column.width.inches for column in table.columns]


def test_cells_that_reach_down_or_across_push_the_others_aside(tmp_path):
    (table,) = opened(
        """<html><main><table><thead><tr><th rowspan="2">Class</th><th colspan="2">train</th></tr>
        <tr><th class="number">images</th><th>sources</th></tr></thead>
        <tr><th>hat</th><td class="number">66</td><td>33</td></tr></table></main></html>""",
        tmp_path,
    ).tables
    said = [[cell.text for cell in row.cells] for row in table.rows]
    assert said == [["Class", "train", "train"], ["Class", "images", "sources"], ["hat", "66", "33"]]
    heads = [row._tr.xpath("./w:trPr/w:tblHeader") for row in table.rows]
    assert [bool(one) for one in heads] == [True, True, False]
    assert [cell.paragraphs[0].alignment for cell in table.rows[2].cells] == [None, 2, None]


def test_no_column_is_narrower_than_its_longest_word(tmp_path):
    word, figures, prose = (
        "training.full_size_from",
        "60.9\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}91.7",
        "why " * 99,
    )
    (table,) = opened(
        f"<html><main><table><tr><td>{word}<br>x</td><td>{figures}</td><td>{prose}</td></tr></table></main></html>",
        tmp_path,
    ).tables
    first, second, third = widths(table)
    assert sum(widths(table)) == pytest.approx(WIDEST_IN, abs=0.01)
    for width, text in ((first, word), (second, figures)):
        assert width == pytest.approx(PADDING_IN + LETTER_IN * len(text), abs=0.01)  # and none is wasted
    assert third > 2
    short, shorter = widths(
        opened("<html><main><table><tr><td>a b</td><td>c</td></tr></table></main></html>", tmp_path).tables[0]
    )
    assert shorter < short < 1  # a small table stays small
    (crowded,) = opened(
        f"<html><main><table><tr>{f'<td>{word}</td>' * 9}</tr></table></main></html>", tmp_path
    ).tables
    assert sum(widths(crowded)) == pytest.approx(WIDEST_IN, abs=0.02)
    styles = [one.cell(0, 0).paragraphs[0].style.name for one in (table, crowded)]
    assert styles == ["Table text", "Small table text"]


def test_a_label_before_a_heading_is_set_off_and_a_picture_stays_with_its_caption(tmp_path):
    document = opened(
        f"""<html><main><h4><span class="tag">warning</span> Class dress</h4>
        <figure><img src="{uri()}" alt="a"><figcaption>said</figcaption></figure></main></html>""",
        tmp_path,
    )
    heading, picture, _ = document.paragraphs
    assert heading.text == "warning: Class dress"
    assert picture.paragraph_format.keep_with_next
