"""Leaving out a source is done in closed form as by hand, and images of nobody are taken for one source."""

import numpy as np
import pytest

from groupwise.data.split import Assignment
from groupwise.evaluation.influence import influence_metrics
from groupwise.stats.fold import check_fold
from groupwise.stats.intervals import share_of_images


def made(groups, right):
    names = sorted(set(groups) - {""})
    singles = iter(range(100, 200))
    sources = np.array([names.index(group) if group else next(singles) for group in groups])
    rows = [Assignment(f"{i}.jpg", "a", group, i, "test") for i, group in enumerate(groups)]
    labels = np.arange(len(groups)) % 2
    answers = np.where(right, labels, 1 - labels)
    return check_fold(labels, np.eye(2)[answers], sources, "ab"), rows


def test_influence_is_what_leaving_out_each_source_gives():
    rng = np.random.default_rng(0)
    groups = [f"p{rng.integers(6)}" for _ in range(40)]
    fold, rows = made(groups, rng.random(40) < 0.7)
    by_hand = {
        group: fold.right[[other != group for other in groups]].mean() for group in sorted(set(groups))
    }
    told = influence_metrics(fold, rows)["influence"]
    for name, best in (("lowest", min), ("highest", max)):
        group = best(by_hand, key=by_hand.get)
        assert told[name]["without"] == group
        assert told[name]["value"] == pytest.approx(by_hand[group], abs=1e-12)
        assert told[name]["images"] == groups.count(group)


def test_images_of_nobody_are_one_source_at_worst():
    groups = ["p0", "p0", "p1", "p1", "p2", "p2", *[""] * 6]
    fold, rows = made(groups, np.array([1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1], bool))
    told = influence_metrics(fold, rows)["unstated"]
    assert told["images"] == 6
    assert told["accuracy"]["sources"] == 4
    before = share_of_images(fold, fold.right, np.ones(12, dtype=bool))
    assert told["accuracy"]["high"] - told["accuracy"]["low"] > before.high - before.low
    assert told["accuracy"]["value"] == before.value


def test_where_all_or_none_have_a_group_nothing_is_supposed():
    for groups in (["p0", "p1", "p2"], ["", "", ""]):
        assert "unstated" not in influence_metrics(*made(groups, np.ones(3, dtype=bool)))
    assert influence_metrics(*made(["p0", "p0"], np.ones(2, dtype=bool))) == {}
