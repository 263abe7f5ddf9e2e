"""Every code block of the lesson runs and prints what the page says it prints, in both languages."""

import contextlib
import io
import json
import re
import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from groupwise.cli.main import VERBS

DOCS = Path(__file__).parents[1] / "docs"
LESSON, TUTORIAL = (DOCS / "learn" / name for name in ("grouped_convolution.md", "tutorial.md"))
PAGES = sorted((DOCS / "learn").glob("*.md"))
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
BUILD = runpy.run_path(str(DOCS / "build_notebook.py"))
SIZES = "PICTURES, EPOCHS = 1797, 5\n"
SMALL = "PICTURES, EPOCHS = 160, 2\n"


def blocks_of(page):
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def printed_by(code, names):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, names)
    return out.getvalue()


@pytest.mark.parametrize("page", [LESSON, TUTORIAL], ids=lambda page: page.stem)
def test_both_languages_have_the_same_code(page):
    assert {page, page.with_suffix(".zh.md")} <= set(PAGES)
    assert len(PAGES) == 4
    first, second = (
        [block for block in blocks_of(one) if block[0] != "sh"] for one in (page, page.with_suffix(".zh.md"))
    )
    assert first == second


def test_the_blocks_of_the_lesson_print_what_the_page_says():
    blocks, names, printed = blocks_of(LESSON), {}, ""
    assert sum(kind == "text" for kind, _ in blocks) >= 8
    for kind, text in blocks:
        if kind == "python":
            printed = printed_by(text, names)
        elif kind == "text":
            assert text == printed


def test_the_blocks_of_the_tutorial_run_on_fewer_pictures():
    code = [text for kind, text in blocks_of(TUTORIAL) if kind == "python"]
    assert code[0].count(SIZES) == 1
    plt.switch_backend("Agg")
    names, said = {}, ""
    for text in code:
        said += printed_by(text.replace(SIZES, SMALL), names)
    assert len(plt.get_fignums()) == 3
    plt.close("all")
    assert "160 pictures of ['0', '1'" in said
    assert "images (32, 3, 8, 8) labels (32,)" in said
    assert "groups=8" in said
    assert len(re.findall(r"^Epoch: \d, Train_acc:\d", said, re.M)) == 2
    assert "\nTrue\n" in said  # the weights that were read again score the same
    assert len(names["curves"]) == 2


def test_the_notebook_is_the_pages_executed():
    held = json.loads(BUILD["NOTEBOOK"].read_text(encoding="utf-8"))
    wanted = BUILD["cells"]()
    assert [cell["source"] for cell in held["cells"]] == [cell["source"] for cell in wanted]
    code = [cell for cell in held["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    texts = ["".join(out["text"]) for cell in code for out in cell["outputs"] if "text" in out]
    said = [text for kind, text in blocks_of(LESSON) if kind == "text"]
    assert texts[: len(said)] == said
    assert sum("data" in out for cell in code for out in cell["outputs"]) == 3


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_its_commands_are_verbs(page):
    lines = [line for kind, text in blocks_of(page) if kind == "sh" for line in text.splitlines()]
    assert lines or "tutorial" in page.name
    assert all(line.split()[0] == "groupwise" and line.split()[1] in VERBS for line in lines)
