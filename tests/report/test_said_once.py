"""No sentence stands on the page twice, and every figure has a caption."""

import re
from collections import Counter
from html.parser import HTMLParser

import pytest

from figures_case import add_figures
from groupwise.files import write_json
from groupwise.report.page import write_report

BLOCKS = {"p", "li", "td", "th", "h1", "h2", "h3", "h4", "dd", "dt", "figcaption", "div", "section", "br"}
FEWEST_WORDS = 6  # fewer are a tag, or the cell of a table


class Blocks(HTMLParser):
    """The text of each block of a page; styles and the recipe's own text are none."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts, self.skipped = [""], 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.skipped += tag in ("style", "pre", "title")
        if tag in BLOCKS:
            self.texts.append("")

    def handle_endtag(self, tag):
        self.skipped -= tag in ("style", "pre", "title")
        if tag in BLOCKS:
            self.texts.append("")

    def handle_data(self, data):
        if not self.skipped:
            self.texts[-1] += data


def said_twice(page):
    """The sentences that stand on a page more than once."""
    sentences = Counter(
        sentence
        for text in Blocks(page).texts
        for sentence in re.split(r"(?<=[.?!])\s+", " ".join(text.split()))
        if len(sentence.split()) >= FEWEST_WORDS and sentence[-1] in ".?!"
    )
    return [sentence for sentence, n in sentences.items() if n > 1]


SHARE = {"value": 0.9, "low": 0.8, "high": 0.95, "n": 12, "sources": 4}
FEW = "1 source to decide by, and a promise of 5 % needs at least 19"


def add_copies(run):
    """Two classes with copies, explained alike."""
    explained = "A random split puts copies into training and test alike. Nothing is to be done for a score."
    copies = [
        {"code": "copies-in-class", "severity": "note", "title": f"{name} shows copies"}
        | {"text": f"{n} of its files are copies of others. {explained}", "remedy": "Look at them first."}
        | {"paths": [], "pictured": ["a.png", "b.png"], "picture": "aGk="}
        for name, n in (("cat", 3), ("dog", 4))
    ]
    write_json(run / "findings.json", copies)


def sound(make_run):
    return make_run()


def unsound(make_run):
    return make_run(method="random", select_fold="test", ledger={"interrupted": True, "test_readings": 3})


def of_unknown_sources(make_run):
    return make_run(grouped=False)


def refused_rules(make_run):
    run = make_run()
    refused = {"error_rate": 0.05, "alpha": 0.05, "reason": FEW}
    add_figures(run, abstention=refused, conformal=refused)
    return run


def with_copies(make_run):
    run = make_run()
    add_copies(run)
    return run


def of_means(make_run):
    run = make_run(classes=("cat", "dog", "owl"))
    mean = SHARE | {"of": "mean over 3 of 3 classes, each against the rest. All of them have images here."}
    add_figures(run, auroc=mean, average_precision=mean)
    return run


@pytest.mark.usefixtures("plain_figures")
@pytest.mark.parametrize(
    "situation", [sound, unsound, of_unknown_sources, refused_rules, with_copies, of_means]
)
def test_no_sentence_stands_on_the_page_twice(make_run, probed, situation):
    for run in (situation(make_run), probed(situation(lambda **given: make_run(name="probed", **given)))):
        assert said_twice(write_report(run).read_text(encoding="utf-8")) == []


def test_a_sentence_that_stands_twice_is_found():
    assert said_twice("<p>The number is too high. Look.</p><ul><li>The number is too high.</li></ul>") == []
    twice = "<p>The number is far too high. Look.</p><ul><li>The number is far too high.</li></ul>"
    assert said_twice(twice) == ["The number is far too high."]
    assert said_twice(twice.replace("<li>The number", "<li>This number")) == []


@pytest.mark.usefixtures("plain_figures")
def test_every_figure_has_a_caption_in_its_part(make_run, probed):
    run = probed(make_run())
    add_copies(run)
    page = write_report(run).read_text(encoding="utf-8")
    parts = [part for part in page.split('<details class="part">')[1:] if "<img" in part]
    assert len(parts) >= 4
    for part in parts:
        assert re.search(r'class="caption"|<figcaption>', part), part[:100]
    assert page.count("grey where they agree") == 1
    assert (
        page.count("<figcaption><code>a.png</code>, <code>b.png</code>, and the one laid on the other") == 2
    )


@pytest.mark.usefixtures("plain_figures")
def test_the_head_answers_and_the_rest_folds(make_run):
    page = write_report(make_run()).read_text(encoding="utf-8")
    head, *parts = page.split('<details class="part">')
    for answer in (
        "<h1",
        "95\N{NO-BREAK SPACE}% interval",
        "Always guessing",
        "Nothing was found against",
        "What to do next",
    ):
        assert answer in head, answer
    assert "<table" not in head
    assert all(
        re.search(r"<summary><h2>[^<]+</h2> <span class=\"gist\">[^<]+</span>", part) for part in parts
    )
    assert "<h2" not in "".join(part.partition("</summary>")[2] for part in parts)
