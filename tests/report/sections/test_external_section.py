"""The section on new data: its words fit one and several, and are there in the other language."""

import re
from dataclasses import replace

import pytest

from groupwise.report.rendering import render
from groupwise.report.sections.external import LEFT_OUT, build
from groupwise.report.translation import translated
from groupwise.runs.external import COMPARED, External
from groupwise.runs.files import read_run

FIGURE = {"value": 0.75, "low": 0.5, "high": 0.9, "n": 12, "sources": 4}


@pytest.fixture
def section(make_run):
    """The section of a set of which `n` images are left out for each reason, and `n` groups are known."""

    def make(n):
        facts = {
            **{"name": "clinic", "data": "clinic", "n": 12, "sources": 4},
            "left_out": dict.fromkeys(LEFT_OUT, n),
            "copies": {"searched": "all", "same_groups": n},
            **{"classes": {"respelled": {}}, "internal": {}},
            "promises": [
                {"rule": rule, "bound": "least", "promised": 0.9, "measured": FIGURE, "standing": standing}
                for rule, standing in (("conformal", "kept"), ("abstention", "broken"), ("unlike", "open"))
            ],
            "drift": {"against": None, "reason": "no val"},
        }
        files = replace(read_run(make_run()), external=(External(facts, dict.fromkeys(COMPARED, FIGURE)),))
        return build(files).values

    return make


@pytest.mark.parametrize(
    ("n", "left_out", "note"),
    [
        (
            1,
            "1 copy of the run's own images; 1 image that shows what stands under several labels;"
            " 1 image of a class that the run does not know; 1 file that could not be used",
            "1 group goes by a name that the run knows as well. If it is the same person or place,",
        ),
        (
            1200,
            "1,200 copies of the run's own images; 1,200 images that show what stands under several labels;"
            " 1,200 images of classes that the run does not know; 1,200 files that could not be used",
            "1,200 groups go by names that the run knows as well. If they are the same people or places,",
        ),
        (0, "", None),
    ],
)
def test_one_is_not_told_as_several(section, n, left_out, note):
    [told] = section(n)["sets"]
    assert "; ".join(told.left_out) == left_out
    assert [text.startswith(note) for text in told.notes] == ([True] if note else [])


@pytest.mark.parametrize("n", [1, 1200])
def test_what_was_left_out_and_what_holds_is_in_the_table(section, n):
    page = render("sections/external.html", **section(n))
    text, missing = translated(page, "zh")
    assert [line for line in missing if re.search("Left out|group|hold|told", line)] == []
    assert not re.search("could not be used|does not know|goes? by|holds", text)
    assert all(words in text for words in ("守住", "失守", "未定"))
