"""Slices are measured as the fold is, the worst is named, and chance alone seldom makes one look bad."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, recall_score

from groupwise.stats.fold import check_fold
from groupwise.stats.metrics import evaluate_fold
from groupwise.stats.paired_tests import holm
from groupwise.stats.slices import SEVERAL, slice_fold

CLASSES = ("cat", "dog")


def make_fold(rng, groups=40, per_group=3, wrong=0.1, site_of=None, bad_site=None):
    """Sources of one class and one site each; at `bad_site` half of the answers are wrong."""
    sources = np.repeat(np.arange(groups), per_group)
    labels = np.repeat(rng.integers(0, 2, groups), per_group)
    sites = np.repeat(site_of if site_of is not None else rng.integers(0, 4, groups), per_group)
    rate = np.where(sites == bad_site, 0.5, wrong)
    answers = np.where(rng.random(len(labels)) < rate, 1 - labels, labels)
    probs = np.where(np.eye(2)[answers] == 1, 0.8, 0.2)
    return check_fold(labels, probs, sources, CLASSES), [f"site {s}" for s in sites]


def test_accuracy_and_recall_are_scikit_learns_and_the_interval_is_the_folds_own():
    fold, sites = make_fold(np.random.default_rng(0))
    facts = slice_fold(fold, {"site": sites}, CLASSES, seed=0)
    for one in facts["columns"][0]["slices"]:
        within = np.array(sites) == one["value"]
        labels, predicted = fold.labels[within], fold.predicted[within]
        assert one["n"] == within.sum()
        assert one["sources"] == len(set(fold.sources[within]))
        assert one["accuracy"]["value"] == pytest.approx(accuracy_score(labels, predicted), abs=1e-12)
        for k, name in enumerate(CLASSES):
            expected = recall_score(labels, predicted, labels=[k], average=None)[0]
            assert one["recall"][name]["value"] == pytest.approx(expected, abs=1e-12)
        alone = evaluate_fold(labels, fold.probs[within], fold.sources[within], CLASSES, seed=0, draws=100)
        assert one["accuracy"]["low"] == pytest.approx(alone["accuracy"]["low"], abs=1e-12)
        assert one["accuracy"]["high"] == pytest.approx(alone["accuracy"]["high"], abs=1e-12)


def test_a_planted_bad_site_is_named_and_beyond_chance():
    site_of = np.arange(60) % 4
    fold, sites = make_fold(np.random.default_rng(1), 60, 4, 0.05, site_of, bad_site=2)
    facts = slice_fold(fold, {"site": sites, "page": ["x"] * fold.n}, CLASSES, seed=0)
    assert facts["worst"] == {"column": "site", "value": "site 2"}
    assert facts["compared"] == 4
    p = {one["value"]: one["p_holm"] for one in facts["columns"][0]["slices"]}
    assert p["site 2"] < 0.01
    assert facts["skipped"] == [{"column": "page", "reason": "the same for all images: x"}]


def test_chance_alone_seldom_makes_a_slice_look_bad():
    rng, found = np.random.default_rng(2), 0
    for _ in range(40):
        fold, sites = make_fold(rng, groups=24, per_group=4, wrong=0.2)
        other = np.repeat(rng.integers(0, 3, 24), 4).astype(str).tolist()
        facts = slice_fold(fold, {"site": sites, "device": other}, CLASSES, seed=0)
        slices = [one for column in facts["columns"] for one in column["slices"]]
        found += min(one["p_holm"] for one in slices) < 0.05
    assert found <= 6  # 5 % of 40 is 2; more than 6 come up once in 200 such tests


def test_images_of_a_slice_that_stand_and_fall_together_do_not_count_one_by_one():
    # One bad source of 40 images looks terrible to a test that counts images.
    labels = np.zeros(80, int)
    labels[::2] = 1
    sources = np.r_[np.zeros(40, int), np.arange(1, 41)]
    right = np.r_[np.zeros(40, bool), np.ones(40, bool)]
    answers = np.where(right, labels, 1 - labels)
    fold = check_fold(labels, np.where(np.eye(2)[answers] == 1, 0.9, 0.1), sources, CLASSES)
    facts = slice_fold(fold, {"site": ["a"] * 40 + ["b"] * 40}, CLASSES, seed=0)
    bad = facts["columns"][0]["slices"][0]
    assert bad["sources"] == 1
    assert bad["accuracy"]["low"] is None
    assert facts["worst"]["value"] == "b"  # a single source shows no variation, and is not named


def test_corrections_span_all_columns_and_mixed_sources_have_no_p():
    fold, sites = make_fold(np.random.default_rng(3))
    mixed = ["odd" if i % 2 else "even" for i in range(fold.n)]
    facts = slice_fold(fold, {"site": sites, "turn": mixed, "again": sites}, CLASSES, seed=0)
    site, turn, again = facts["columns"]
    assert all(one["p"] is None and one["reason"] == SEVERAL for one in turn["slices"])
    tested = [*site["slices"], *again["slices"]]
    assert [one["p_holm"] for one in tested] == holm([one["p"] for one in tested])


def test_a_column_that_names_the_sources_is_skipped():
    fold, sites = make_fold(np.random.default_rng(6), groups=12)
    patients = [f"patient {source}" for source in fold.sources]
    facts = slice_fold(fold, {"patient": patients, "site": sites}, CLASSES, seed=0)
    assert facts["skipped"] == [{"column": "patient", "reason": "every value belongs to a single source"}]
    assert [column["column"] for column in facts["columns"]] == ["site"]


def test_a_tie_has_no_loser():
    labels, sources, sites = np.tile([0, 1], 8), np.arange(16), ["a"] * 8 + ["b"] * 8
    answers = labels.copy()
    answers[[0, 8]] = 1
    for right, worst in ((None, None), (8, {"column": "site", "value": "a"})):
        if right is not None:
            answers[right] = labels[right]
        fold = check_fold(labels, np.where(np.eye(2)[answers] == 1, 0.9, 0.1), sources, CLASSES)
        assert slice_fold(fold, {"site": sites}, CLASSES, seed=0)["worst"] == worst


def test_the_seed_decides():
    fold, sites = make_fold(np.random.default_rng(4))
    assert slice_fold(fold, {"s": sites}, CLASSES, seed=1) == slice_fold(fold, {"s": sites}, CLASSES, seed=1)


def test_without_columns_there_is_no_worst():
    fold, _ = make_fold(np.random.default_rng(5))
    facts = slice_fold(fold, {}, CLASSES, seed=0)
    assert (facts["columns"], facts["worst"], facts["compared"]) == ([], None, 0)


def test_images_without_a_value_are_no_site():
    site_of = np.arange(60) % 4
    fold, sites = make_fold(np.random.default_rng(3), 60, 4, 0.2, site_of, bad_site=3)
    named = slice_fold(fold, {"site": sites}, CLASSES, seed=0)["columns"][0]
    blank = ["" if site == "site 3" else site for site in sites]
    column = slice_fold(fold, {"site": blank}, CLASSES, seed=0)["columns"][0]
    assert len(column["slices"]) == len(named["slices"]) == 4
    assert named["heterogeneity"]["sites"] == 4
    assert column["heterogeneity"]["sites"] == 3
    assert column["heterogeneity"]["tau"] < named["heterogeneity"]["tau"]
