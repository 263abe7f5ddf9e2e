"""Figures become words without claiming more than they say."""

import pytest

from groupwise.report.sections import answers
from groupwise.report.sections.answers import ClassRow
from groupwise.report.words import percent, plain_interval, plain_text, share_interval, share_text
from groupwise.stats.estimate import Estimate
from groupwise.text import bound, count


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.8333, "83.3 %"),
        (0.9999, "over 99.9 %"),
        (0.0001, "under 0.1 %"),
        (0.5, "50.0 %"),
    ],
)
def test_only_all_is_100_per_cent(share, words):
    assert percent(share).replace("\N{NO-BREAK SPACE}", " ") == words


@pytest.mark.parametrize(
    ("share", "least", "most"),
    [
        (0.95, "95.0", "95.0"),
        (0.975, "97.5", "97.5"),
        (1 - 0.975, "2.5", "2.5"),  # 0.02500000000000002
        (0.97826, "97.8", "97.9"),
        (0.9996, "99.9", "100.0"),
        (0.0004, "0.0", "0.1"),
    ],
)
def test_what_is_promised_is_rounded_to_the_safe_side(share, least, most):
    assert (bound(share, "least"), bound(share, "most")) == (least, most)


def test_counts_agree_with_their_noun():
    assert [count(n, "image") for n in (0, 1, 2062)] == ["0 images", "1 image", "2,062 images"]


def test_a_figure_may_be_a_mapping_a_number_or_nothing():
    assert share_interval(Estimate.from_json({"value": 0.5, "low": 0.4, "high": 0.6})).split() == [
        "40.0",
        "to",
        "60.0",
        "%",
    ]
    assert share_text(Estimate.from_json(0.5)) == "50.0\N{NO-BREAK SPACE}%"
    assert not Estimate.from_json(0.5).has_interval
    assert plain_text(Estimate.from_json({"value": None, "reason": "no images"})) == "n/a"
    assert plain_interval(Estimate.from_json(None)) == ""


def test_what_is_nearly_perfect_does_not_look_perfect():
    near = Estimate.from_json({"value": 0.9999, "low": 0.9812, "high": 1.0})
    assert plain_text(near) == "over 0.999"
    assert plain_interval(near).split() == ["0.981", "to", "1.000"]


@pytest.mark.parametrize(
    ("recalls", "gist"),
    [
        ((1.0, 1.0), "every image of every class is found"),
        ((1.0, 0.9), "“b” is found least often, 90.0\N{NO-BREAK SPACE}%"),
        ((1.0, None), "every image of every class is found"),
        ((None, None), "class by class"),
    ],
)
def test_no_class_is_found_least_often_where_all_are_found(recalls, gist):
    rows = [ClassRow(c, 9, 9, Estimate(r), Estimate(r), "") for c, r in zip("ab", recalls, strict=True)]
    assert answers._gist(rows) == gist
