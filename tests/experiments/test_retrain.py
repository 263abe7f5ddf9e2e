import signal

import numpy as np
import pytest

from copies_case import open_case, write_patterns, write_run
from groupwise.data.split import EXCLUDED, Assignment, Split
from groupwise.errors import Ended, GroupwiseError
from groupwise.experiments.retrain import Asked, Materials, retrain
from groupwise.recipe.parsing import read_recipe


@pytest.fixture(scope="module")
def patterns(tmp_path_factory):
    return write_patterns(tmp_path_factory.mktemp("patterns"), copies=4)


def asked_of(materials, tmp_path, **options):
    split = materials.split_again(method="grouped", seed=3)
    return split, retrain(materials, split, seed=3, scratch=tmp_path, on_batch=lambda *_: None, **options)


def test_every_epoch_answers_the_whole_test_fold(patterns, tmp_path):
    run = write_run(tmp_path / "run", patterns, **{"training.epochs": 3})
    split, asked = asked_of(open_case(run, tmp_path), tmp_path)
    assert asked.predicted.shape == (3, len(split.indices("test")))
    assert np.array_equal(asked.rows, split.indices("test"))
    names = np.array(["cat", "dog"])[asked.labels]
    assert names.tolist() == [split.rows[i].label for i in asked.rows]
    again = asked_of(open_case(run, tmp_path), tmp_path)[1]
    assert np.array_equal(asked.predicted, again.predicted)


@pytest.mark.parametrize(("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Ended)])
def test_a_signal_leaves_nothing_and_promises_no_resume(patterns, tmp_path, number, error):
    materials = open_case(write_run(tmp_path / "run", patterns, **{"training.epochs": 3}), tmp_path)
    split = materials.split_again(method="grouped", seed=3)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with pytest.raises(KeyboardInterrupt, match=r"Stopped; .* is gone, and the run is as it was") as stopped:
        retrain(materials, split, seed=3, scratch=scratch, on_batch=lambda *_: signal.raise_signal(number))
    assert stopped.type is error
    assert not list(scratch.iterdir())


def test_without_a_fold_that_chooses_the_last_epoch_is_taken(patterns, tmp_path):
    changes = {"training.epochs": 3, "split.val": 0.0, "training.select_fold": "test"}
    materials = open_case(write_run(tmp_path / "run", patterns, **changes), tmp_path)
    assert materials.chosen_on is None
    assert asked_of(materials, tmp_path)[1].chosen == 2


def test_without_a_test_fold_val_is_asked_and_does_not_choose(patterns, tmp_path):
    changes = {"training.epochs": 2, "split.test": 0.0}
    materials = open_case(write_run(tmp_path / "run", patterns, **changes), tmp_path)
    assert (materials.fold, materials.chosen_on) == ("val", None)
    assert asked_of(materials, tmp_path)[1].chosen == 1


def test_the_best_epoch_on_test_is_the_first_best():
    asked = Asked(np.arange(2), np.array([0, 1]), np.array([[1, 0], [0, 0], [0, 1], [0, 1]]), chosen=1)
    assert asked.right.sum(axis=1).tolist() == [0, 1, 2, 2]
    assert asked.best_on_test == 2


def test_what_was_excluded_stays_so_and_labels_can_be_replaced(patterns, tmp_path):
    materials = open_case(write_run(tmp_path / "run", patterns), tmp_path)
    first = materials.split.rows[0]._replace(fold=EXCLUDED)
    materials = Materials(materials.recipe, Split((first, *materials.split.rows[1:])), materials.images)
    labels = ["x", "y"] * (len(materials.split.rows) // 2)
    split = materials.split_again(method="random", seed=1, labels=labels)
    assert [row.fold == EXCLUDED for row in split.rows] == [True] + [False] * (len(labels) - 1)
    assert [row.label for row in split.rows] == labels
    assert {row.path for row in split.rows} == {row.path for row in materials.split.rows}


@pytest.mark.parametrize("method", ["grouped", "random"])
def test_a_class_that_is_not_tested_is_not_tested_again(method):
    materials = with_rare({"split.min_sources": 3, "split.rare": "train"})
    for seed in range(5):
        split = materials.split_again(method=method, seed=seed)
        assert {row.fold for row in split.rows if row.label == "rare"} == {"train"}
        assert {row.fold for row in split.rows if row.label == "a"} == {"train", "val", "test"}
    # Under other labels it is another class that has few sources.
    names = {"a": "rare", "rare": "a", "b": "b"}
    split = materials.split_again(method=method, seed=0, labels=[names[row.label] for row in split.rows])
    assert {row.fold for row in split.rows if row.label == "a"} == {"train"}
    assert {row.fold for row in split.rows if row.label == "rare"} == {"train", "val", "test"}


def test_a_class_of_few_sources_that_is_to_be_tested_is_refused():
    with pytest.raises(GroupwiseError, match="class 'rare' has 2 independent sources, too few"):
        with_rare({}).split_again(method="grouped", seed=0)


def with_rare(changes):
    labels = ["a"] * 12 + ["b"] * 12 + ["rare"] * 2
    rows = tuple(Assignment(f"{i}.png", label, "", i, "train") for i, label in enumerate(labels))
    images = np.zeros((len(rows), 8, 8, 3), dtype=np.uint8)
    return Materials(read_recipe("default", changes)[1], Split(rows), images)
