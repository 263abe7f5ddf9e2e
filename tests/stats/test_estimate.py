"""Estimates are read back as they were written, by this build or by one that called sources groups."""

import pytest

from figures_case import as_older
from groupwise.inference.decision import Decision
from groupwise.stats.conformal import Abstention, Conformal
from groupwise.stats.estimate import Estimate, upgrade

WHOLE = Estimate(0.9, 40, 12, 0.8, 0.95, 31.5, "Wilson")
UNDEFINED = Estimate(None, 3, 1, reason="no image of cat", of="cat against the rest")


@pytest.mark.parametrize("estimate", [WHOLE, UNDEFINED, Estimate(0.5)])
def test_an_estimate_survives_its_file(estimate):
    assert Estimate.from_json(estimate.as_json()) == estimate
    assert Estimate.from_json(as_older(estimate.as_json())) == estimate


def test_further_keys_of_a_figure_are_let_be():
    assert Estimate.from_json({**WHOLE.as_json(), "coverage": 0.8, "threshold": 0.7}) == WHOLE


def test_what_the_older_build_wrote_is_upgraded_at_every_depth():
    share = WHOLE.as_json()
    figures = {"n": 40, "sources": 12, "accuracy": share, "reliability": [share], "per_class": {"a": share}}
    assert as_older(figures)["per_class"]["a"]["groups"] == 12
    assert upgrade(as_older(figures)) == figures
    assert upgrade(figures) == figures


def test_groups_that_are_no_number_of_sources_stay():
    by_class = {"groups": {"n": 4, "sources": 2}, "sources_of": 3}
    siblings = {"sources": 0.5, "clusters": None, "groups": 0.25}
    counts = {"sources": 7, "groups": 3}
    for held in (by_class, siblings, counts):
        assert upgrade(held) == held


def test_a_decision_of_the_older_build_is_read():
    decision = Decision(("a", "b"), 1.5, Conformal(0.1, 20, threshold=0.3), Abstention(0.05, 3, reason="few"))
    assert decision.as_json()["schema"] == 2
    assert decision.as_json()["conformal"]["sources"] == 20
    assert as_older(decision.as_json())["conformal"]["groups"] == 20
    assert Decision.from_json(decision.as_json()) == decision
    assert Decision.from_json(as_older(decision.as_json())) == decision
