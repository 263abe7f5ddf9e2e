from pathlib import Path

import numpy as np
import pytest

from groupwise.data.participants import Participants
from groupwise.data.proof import proof
from groupwise.data.split import Assignment, Split, make_split
from groupwise.evaluation.leakage import estimate_leakage
from groupwise.evaluation.leakage_words import leakage_words

SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}


def case(*, groups=None, clusters=None, method="grouped", n=120):
    """A split of n noisy images of two classes, and the images."""
    groups, clusters = groups or [""] * n, clusters or list(range(n))
    samples = [(f"{i}.png", ("cat", "dog")[i // 4 % 2], groups[i]) for i in range(n)]
    split = make_split(samples, Participants(clusters), shares=SHARES, seed=0, method=method)
    rng = np.random.default_rng(0)
    originals = rng.integers(0, 255, (n, 16, 16, 3))
    images = originals[np.array(clusters)] + rng.integers(0, 20, (n, 16, 16, 3))
    return split, images.clip(0, 255).astype(np.uint8)


def facts_of(split, images):
    return estimate_leakage(split, SHARES, images, seed=0)


def test_copies_and_groups_are_told_apart():
    copies = [i // 2 for i in range(120)]
    groups = [f"patient {i // 4}" for i in range(120)]
    random = facts_of(*case(groups=groups, clusters=copies))["siblings"]["random"]
    assert random["clusters"] == pytest.approx(96 / 119)
    assert random["sources"] == random["groups"] > random["clusters"]
    alone = facts_of(*case(clusters=copies))["siblings"]["random"]
    assert alone["groups"] is None
    assert alone["sources"] == alone["clusters"]


def test_the_share_in_this_split_is_the_one_of_the_proof():
    copies = [i // 4 for i in range(120)]
    assert facts_of(*case(clusters=copies))["siblings"]["this_split"] == 0
    split, images = case(clusters=copies, method="random")
    fold = proof(split)["folds"]["test"]
    assert (
        facts_of(split, images)["siblings"]["this_split"] == fold["with_sibling_in_train"] / fold["n"] > 0.5
    )


def test_the_neighbour_is_asked_too():
    facts = facts_of(*case(clusters=[i // 4 for i in range(120)]))
    assert facts["neighbours"]["random"]["value"] > 0.9
    assert facts["neighbours"]["difference"]["low"] > 0.1
    assert set(facts["evidence"]) == {"siblings", "neighbours"}
    words = "\n".join(leakage_words(facts, Path("runs/first")))
    assert "--retrain" not in "".join(leakage_words(facts, Path("runs/first"), retrains=False))
    assert "% of the test images would have a sibling in training" in words
    assert "Evidence of exposure" in words
    assert "not measured; `groupwise leakage runs/first --retrain`" in words


def test_without_any_known_source_nobody_can_tell():
    facts = facts_of(*case())
    assert not facts["known"]
    assert (facts["siblings"], facts["neighbours"], facts["retrained"]) == (None, None, None)
    assert leakage_words(facts, Path("runs/first")) == [f"Cannot tell: {facts['reason']}."]
    assert "nobody can tell what a random split hides" in facts["reason"]


def test_one_copy_is_enough_to_know_and_excluded_images_do_not_count():
    clusters = [0, 0, *range(1, 119)]
    split, images = case(clusters=clusters)
    assert facts_of(split, images)["known"]
    first = Assignment(*split.rows[0][:4], fold="excluded")
    without = facts_of(Split((first, *split.rows[1:])), images)
    assert not without["known"]
    assert without["images"] == 119


def test_a_run_without_a_test_fold_asks_about_the_one_it_has():
    split, images = case(clusters=[i // 4 for i in range(120)])
    rows = tuple(row._replace(fold="val" if row.fold == "test" else row.fold) for row in split.rows)
    facts = estimate_leakage(Split(rows), {"train": 0.8, "val": 0.2}, images, seed=0)
    assert facts["fold"] == "val"
    assert facts["siblings"]["this_split"] == 0
