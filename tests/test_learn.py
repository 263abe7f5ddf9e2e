"""Every code block of the lesson runs and prints what the page says it prints, in both languages."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from groupwise.cli.main import VERBS

PAGES = sorted((Path(__file__).parents[1] / "docs/learn").glob("*.md"))
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def blocks_of(page):
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def test_there_are_two_languages():
    assert {page.name for page in PAGES} == {"grouped_convolution.md", "grouped_convolution.zh.md"}
    first, second = ([block for block in blocks_of(page) if block[0] != "sh"] for page in PAGES)
    assert first == second


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_print_what_the_page_says(page):
    blocks, names = blocks_of(page), {}
    assert sum(kind == "text" for kind, _ in blocks) >= 8
    printed = ""
    for kind, text in blocks:
        if kind == "python":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(text, names)
            printed = out.getvalue()
        elif kind == "text":
            assert text == printed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_its_commands_are_verbs(page):
    lines = [line for kind, text in blocks_of(page) if kind == "sh" for line in text.splitlines()]
    assert lines
    assert all(line.split()[0] == "groupwise" and line.split()[1] in VERBS for line in lines)
