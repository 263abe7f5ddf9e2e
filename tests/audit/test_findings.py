"""Findings speak plainly: a weak audit warns, and the user learns which option mends it."""

from __future__ import annotations

from typing import Any

import pytest

from groupwise.audit.findings import find_quality, find_shortcut, find_suspicion
from groupwise.audit.likeness import Likeness
from groupwise.audit.sessions import Suspicion
from groupwise.audit.shortcuts import Shortcut


def _facts(found: int) -> dict[str, Any]:
    return {
        "planted": 100,
        "planted_found": found,
        "planted_recall": found / 100,
        "planted_recall_interval": (0.5, 0.95),
        "null_pairs": 400,
        "null_accepted": 0,
        "false_match_bound": 0.0095,
        "images": 100,
        "rigid_images": 0,
        "tiny_images": 0,
    }


@pytest.mark.parametrize(("found", "severity"), [(89, "warning"), (90, "note"), (100, "note")])
def test_an_audit_that_misses_a_tenth_of_the_planted_copies_warns(found: int, severity: str) -> None:
    quality = find_quality(_facts(found))
    assert quality.severity == severity
    warns = severity == "warning"
    assert ("Copies in your data may have gone unnoticed:" in quality.text) == warns
    assert ("`--group-column` or `--group-regex`" in quality.remedy) == warns


@pytest.mark.parametrize(("tiny", "blamed"), [(51, True), (50, False)])
def test_a_weak_audit_says_why_and_what_follows_in_its_title(tiny: int, blamed: bool) -> None:
    title = find_quality({**_facts(31), "tiny_images": tiny}).title
    assert "found 31.0 %, so expect at least 50.0 %: " in title
    assert ("images of at most 48 px hold too little detail, so real copies" in title) == blamed
    assert title.endswith(
        "real copies may go unnoticed. If you know which files belong together, give groups"
    )
    sure = find_quality({**_facts(95), "tiny_images": tiny})
    assert sure.title.endswith("found 95.0 %, so expect at least 50.0 %")


def test_the_audit_says_its_recall_by_the_number_of_operations() -> None:
    by_depth = [
        {"operations": 1, "planted": 40, "found": 40, "interval": (0.912, 1.0)},
        {"operations": 6, "planted": 40, "found": 20, "interval": (0.352, 0.648)},
    ]
    told = find_quality({**_facts(75), "planted_by_depth": by_depth}).text
    assert "of 1 100 % (91.2 to 100), of 6 50.0 % (35.2 to 64.8)" in told


@pytest.mark.parametrize(("share", "told"), [(0.9996, "over 99.9"), (1.0, "100"), (0.994, "99.4")])
def test_what_is_not_all_is_not_called_all(share: float, told: str) -> None:
    assert find_shortcut(Shortcut("camera", share, 0.9, 0.5)).title.endswith(f" in {told} % of cases")
    series = Suspicion(("names",), ((0, 1),))
    assert f" in {told} % of cases" in find_suspicion(series, Likeness(share, 0.01, 3), ["a", "b"]).text


def test_the_audit_says_what_it_cannot_tell_of_the_smallest_images() -> None:
    assert "short side" not in find_quality(_facts(100)).text
    told = find_quality({**_facts(100), "rigid_images": 3}).text
    assert "3 of your images have fewer than 12 pixels on the short side" in told


def test_a_suspicion_names_every_clue_its_evidence_and_the_options_as_code() -> None:
    suspicion = Suspicion(("time", "numbering"), ((0, 1, 2),))
    found = find_suspicion(suspicion, Likeness(0.774, 1 / 300, 3), ["a.jpg", "b.jpg", "c.jpg"])
    assert found.code == "suspected-groups-time-numbering"
    assert "within seconds" in found.text
    assert "consecutive numbers" in found.text
    assert "in 77.4 % of cases" in found.text
    assert "p = 0.003" in found.text
    assert "`--group-column` or `--group-regex`" in found.remedy
    assert "`series.csv`" in found.remedy
    assert "`--group-column series_time_numbering`" in found.remedy
    assert found.paths == ("a.jpg", "b.jpg", "c.jpg")
