"""Networks on parts of the sources, their curve in file and report, and what is refused."""

import json

import numpy as np
import pytest

from copies_case import QUIET, write_patterns, write_run
from groupwise.data.split import Assignment, Split
from groupwise.errors import UsageError
from groupwise.experiments.learning_curve import (
    learning_curve,
    own_answers,
    plan_effort,
    refuse_few_sizes,
    refuse_few_sources,
    summarise,
)
from groupwise.experiments.subsets import parts_of, subset
from groupwise.files import write_csv
from groupwise.pipeline.resume import stored_recipe
from groupwise.runs.history import HISTORY_NUMBERS


@pytest.fixture(scope="module")
def patterns(tmp_path_factory):
    return write_patterns(tmp_path_factory.mktemp("patterns"), copies=4)


@pytest.fixture
def run(patterns, tmp_path):
    """Every image a source of its own; one epoch."""
    return write_run(tmp_path / "run", patterns, group_regex=None, **{"training.epochs": 1})


def test_a_curve_has_four_sizes_and_counts_its_readings(run):
    facts = learning_curve(run.folder, repeats=1, console=QUIET)
    sources = [point["sources"] for point in facts["points"]]
    assert sources == sorted(sources)
    assert len(sources) == 4
    assert all(0 <= point["accuracy"]["value"] <= 1 for point in facts["points"])
    assert facts["words"][1].startswith("The next 100 sources like these are worth ")
    # An eighth and a quarter saw four times the epochs, half twice, and all of them once.
    assert json.loads(run.path("run.json").read_text())["study_test_readings"] == 4 + 4 + 2 + 1


def test_smaller_subsets_lie_within_larger_ones_and_hold_every_class(run):
    split = run.split()
    kept = [set(subset(split, size, seed=1).indices("train").tolist()) for size in (0.01, 0.25, 0.5, 1)]
    assert kept[0] < kept[1] < kept[2] < kept[3] == set(split.indices("train").tolist())
    assert set(split.class_numbers[sorted(kept[0])]) == {0, 1}
    for size, rows in ((0.25, kept[1]), (0.5, kept[2])):
        assert len(rows) == pytest.approx(size * len(kept[3]), abs=2)
    same = subset(split, 0.5, seed=1)
    assert [same.indices(fold).tolist() for fold in ("val", "test")] == [
        split.indices(fold).tolist() for fold in ("val", "test")
    ]
    other = set(subset(split, 0.5, seed=2).indices("train").tolist())
    assert other != kept[2]


def test_a_source_goes_as_a_whole(patterns, tmp_path):
    split = write_run(tmp_path / "run", patterns).split()
    rows = subset(split, 0.5, seed=0).indices("train")
    assert not set(split.sources[rows]) & (
        set(split.sources[split.indices("train")]) - set(split.sources[rows])
    )
    train = split.indices("train")
    for source in set(split.sources[rows].tolist()):
        assert (split.sources[rows] == source).sum() == (split.sources[train] == source).sum()


def test_the_budget_decides_epochs_and_repeats_and_a_short_one_is_refused(run):
    def history(seconds):
        row = dict.fromkeys(HISTORY_NUMBERS, 1) | {"seconds": seconds}
        write_csv(run.path("history.csv"), HISTORY_NUMBERS, [[row[name] for name in HISTORY_NUMBERS]])

    history(100)  # four times the epochs: 50 + 100 + 100 s a repeat
    shares = (1 / 8, 1 / 4, 1 / 2)
    assert plan_effort(run, shares, 3, None).repeats == 3
    for budget_s, expected in ((1000, (3, 4)), (530, (2, 4)), (290, (1, 4)), (200, (1, 2)), (110, (1, 1))):
        effort = plan_effort(run, shares, 3, budget_s)
        assert (effort.repeats, effort.epochs_factor) == expected
    # Parts of small classes are larger than was asked for, and take longer; so does all of it anew.
    assert plan_effort(run, (1 / 3, 1 / 2, 1), 3, 530).repeats == 1
    with pytest.raises(UsageError, match=r"--budget: .* too short: the networks take about 88.s, as"):
        plan_effort(run, shares, 1, 100)
    with pytest.raises(UsageError, match="0 is below 1"):
        plan_effort(run, shares, 0, None)


def test_too_few_sources_are_refused(patterns, tmp_path):
    run = write_run(tmp_path / "run", patterns)
    with pytest.raises(UsageError, match="learnt from 8 sources, and parts of them tell no curve"):
        learning_curve(run.folder, console=QUIET)


def test_more_sources_are_worth_what_the_scores_say(run):
    split = run.split()
    rows = split.indices("test")
    steps = dict(zip((1 / 8, 1 / 4, 1 / 2, 1.0), (0.4, 0.55, 0.7, 0.8), strict=True))
    parts = parts_of(split, [1, 2])
    rising = {part: [(np.arange(len(rows)) < steps[part.fraction] * len(rows)) * 1.0] * 2 for part in parts}
    facts = summarise(split, rows, rising)
    assert facts["next"]["gain"]["value"] > 0.02
    assert [point["sources"] for point in facts["points"]] == [round(part.sources) for part in parts]
    flat = dict.fromkeys(parts, rising[parts[-1]][:1])
    assert abs(summarise(split, rows, flat)["next"]["gain"]["value"]) < 1e-6


def small_classes(sources, classes=10, images=2):
    """A split that teaches so many sources a class."""
    rows = [
        Assignment(f"{k}-{source}-{i}.png", f"c{k}", f"{k}-{source}", -1, "train")
        for k in range(classes)
        for source in range(sources)
        for i in range(images)
    ]
    return Split(tuple(row._replace(cluster=i) for i, row in enumerate(rows)))


def test_the_sizes_are_those_of_the_parts_that_are_learnt_from():
    split, seeds = small_classes(3), range(5)
    parts = parts_of(split, seeds)
    for part in parts:
        learnt = [subset(split, part.fraction, seed=seed).indices("train") for seed in seeds]
        assert part.images == np.mean([len(rows) for rows in learnt])
        assert part.sources == np.mean([len(np.unique(split.sources[rows])) for rows in learnt])
        assert part.share == part.images / 60
    # An eighth and a quarter of three sources are one source of each class, so one of them tells nothing.
    assert [part.fraction for part in parts] == [1 / 4, 1 / 2, 1]
    assert (parts[0].sources, parts[-1].sources) == (10, 30)
    refuse_few_sizes(parts)  # a near miss


def test_parts_that_hardly_differ_are_refused():
    with pytest.raises(UsageError, match="have 10 and 20 sources, which tell no curve"):
        refuse_few_sizes(parts_of(small_classes(2), [1]))
    assert len(parts_of(small_classes(16), [1])) == 4


def test_a_fold_of_one_source_is_refused_before_training():
    split = small_classes(3)
    one = Assignment("x.png", "c0", "hospital", 60, "test")
    with pytest.raises(UsageError, match="the fold test is one source"):
        refuse_few_sources(Split((*split.rows, one, one._replace(path="y.png", cluster=61))), "test")
    two = one._replace(path="y.png", group="other", cluster=61)
    refuse_few_sources(Split((*split.rows, one, two)), "test")


@pytest.mark.parametrize(
    ("changes", "stands"),
    [
        ({}, True),
        ({"split.val": 0.0, "training.select_fold": "test"}, False),
        ({"training.select_fold": "test"}, False),
        ({"split.test": 0.0}, False),
    ],
)
def test_the_own_network_stands_for_all_sources_where_its_epoch_was_chosen_alike(
    patterns, tmp_path, changes, stands
):
    run = write_run(tmp_path / "run", patterns, group_regex=None, **changes)
    split = run.split()
    names = [*Assignment._fields, "predicted", "prob_cat", "prob_dog"]
    write_csv(run.path("predictions.csv"), names, [[*row, "cat", 0.9, 0.1] for row in split.rows])
    run.record("predictions.csv")
    own = own_answers(run, stored_recipe(run), split)
    assert (own is not None) == stands
    if own is not None:
        assert own.tolist() == [split.rows[i].label == "cat" for i in split.indices("test")]
