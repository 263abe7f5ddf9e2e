"""Figures become words without claiming more than they say."""

import pytest

from groupwise.report.words import Estimate, count, percent


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


def test_counts_agree_with_their_noun():
    assert [count(n, "image") for n in (0, 1, 2062)] == ["0 images", "1 image", "2,062 images"]


def test_a_figure_may_be_a_mapping_a_number_or_nothing():
    assert Estimate.read({"value": 0.5, "low": 0.4, "high": 0.6}).share_interval().split() == [
        "40.0",
        "to",
        "60.0",
        "%",
    ]
    assert Estimate.read(0.5).share() == "50.0\N{NO-BREAK SPACE}%"
    assert not Estimate.read(0.5).has_interval
    assert Estimate.read({"value": None, "reason": "no images"}).plain() == "n/a"
    assert Estimate.read(None).plain_interval() == ""


def test_what_is_nearly_perfect_does_not_look_perfect():
    near = Estimate.read({"value": 0.9999, "low": 0.9812, "high": 1.0})
    assert near.plain() == "over 0.999"
    assert near.plain_interval().split() == ["0.981", "to", "1.000"]
