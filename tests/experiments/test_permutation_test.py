import json
from dataclasses import replace

import numpy as np
import pytest

from copies_case import QUIET, open_case, write_patterns, write_run
from groupwise.cli.main import main
from groupwise.data.split import Split
from groupwise.errors import UsageError
from groupwise.experiments.permutation_test import (
    judge,
    permutation_test,
    permutation_test_words,
    permuted_split,
)


@pytest.fixture(scope="module")
def patterns(tmp_path_factory):
    return write_patterns(tmp_path_factory.mktemp("patterns"))


def test_an_honest_pipeline_scores_chance(patterns, tmp_path):
    run = write_run(tmp_path / "run", patterns)
    facts = permutation_test(run.folder, permutations=2, console=QUIET)
    assert [one["at_chance"] for one in facts["controls"]] == [True, True]
    assert facts["permuted"] == "labels among sources"
    assert "2 of 2 at chance" in permutation_test_words(facts)[-1]
    ledger = json.loads((run.folder / "run.json").read_text())
    assert (ledger["test_readings"], ledger["study_test_readings"]) == (0, 12)


def test_a_random_split_of_copies_recognises_labels_that_mean_nothing(patterns, tmp_path, capsys):
    run = write_run(tmp_path / "run", patterns, **{"split.method": "random"})
    assert main(["control", str(run.folder), "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["controls"]
    assert one["at_chance"] is False
    assert one["accuracy"]["low"] > one["chance"]
    assert main(["control", str(run.folder)]) == 0
    assert "1 of 1 above chance: labels that mean nothing were recognised" in capsys.readouterr().out


def test_a_random_split_without_copies_scores_chance(tmp_path):
    single = write_patterns(tmp_path / "single", copies=1)
    run = write_run(tmp_path / "run", single, **{"split.method": "random", "training.epochs": 3})
    assert permutation_test(run.folder, console=QUIET)["controls"][0]["at_chance"] is True


def test_chance_is_the_agreement_of_unrelated_answers():
    # 3 of 4 images are of class 0, and half of the answers: 0.75 * 0.5 + 0.25 * 0.5.
    labels, predicted = np.array([0, 0, 0, 1] * 50), np.array([0] * 100 + [1] * 100)
    found = judge(labels, predicted, np.arange(200))
    assert found["chance"] == pytest.approx(0.5)
    assert found["accuracy"]["value"] == pytest.approx(0.5)
    assert found["at_chance"]
    constant = judge(labels, np.zeros(200, int), np.arange(200))
    assert constant["chance"] == pytest.approx(0.75) == constant["accuracy"]["value"]
    knowing = judge(labels, labels, np.arange(200))
    assert not knowing["at_chance"]


def test_copies_do_not_count_as_evidence():
    labels = np.repeat([0, 1], 60)
    predicted = np.repeat([0, 0, 0, 1, 1, 1], 20)  # 4 of 6 sources right by luck
    predicted[40:60], predicted[60:80] = 1, 0
    assert judge(labels, predicted, np.repeat(np.arange(6), 20))["at_chance"]
    assert not judge(labels, predicted, np.arange(120))["at_chance"]


def test_one_source_has_no_interval_and_gives_no_verdict():
    found = judge(np.array([0, 1]), np.array([0, 1]), np.zeros(2, int))
    assert found["at_chance"] is None
    facts = {"permuted": "labels", "sources": 1, "method": "grouped", "epochs": 1, "controls": [found]}
    assert "no interval" in "\n".join(permutation_test_words(facts))


def test_no_permutation_is_refused(patterns, tmp_path):
    with pytest.raises(UsageError, match="0 is below 1"):
        permutation_test(write_run(tmp_path / "run", patterns).folder, permutations=0, console=QUIET)


WITHIN, ABOVE, BELOW, UNTOLD = (0.4, 0.6), (0.6, 0.8), (0.1, 0.3), (None, None)


def verdict_of(*intervals):
    controls = [
        {
            "accuracy": {"value": 0.5, "low": low, "high": high},
            "chance": 0.5,
            "at_chance": None if low is None else low <= 0.5 <= high,
        }
        for low, high in intervals
    ]
    facts = {"permuted": "labels", "sources": 9, "method": "grouped", "epochs": 1, "controls": controls}
    return permutation_test_words(facts)[-1]


@pytest.mark.parametrize(
    ("intervals", "said"),
    [
        ([WITHIN], "1 of 1 at chance, as it should be; "),
        ([WITHIN] * 39 + [ABOVE], "39 of 40 at chance, as it should be; "),
        ([WITHIN, ABOVE, ABOVE], "2 of 3 above chance: labels that mean nothing were recognised"),
        ([BELOW] * 3, "3 of 3 below chance, which shows no leak and excludes none"),
        ([WITHIN, ABOVE, BELOW], "1 of 3 at chance, 1 above and 1 below: more miss it than by bad luck"),
        ([UNTOLD], "No interval, so it cannot be told whether they are at chance"),
        ([WITHIN, UNTOLD], "1 of 1 at chance, as it should be; "),
    ],
)
def test_only_controls_at_chance_are_as_they_should_be(intervals, said):
    verdict = verdict_of(*intervals)
    assert verdict.startswith(said)
    assert ("as it should be" in verdict) == ("as it should be" in said)
    told_apart = "Of 1 more it cannot be told, as there is no interval." in verdict
    assert told_apart == (intervals == [WITHIN, UNTOLD])


def test_folds_that_the_data_brought_are_kept_and_others_are_made_anew(patterns, tmp_path):
    run = write_run(tmp_path / "run", patterns, group_regex=None, **{"split.given": "fold"})
    given = open_case(run, tmp_path)
    split = permuted_split(given, 3)
    assert [row.fold for row in split.rows] == [row.fold for row in given.split.rows]
    assert [row.label for row in split.rows] != [row.label for row in given.split.rows]
    pool = replace(given.recipe, split=replace(given.recipe.split, given="pool"))
    anew = permuted_split(replace(given, recipe=pool), 3)
    assert [row.fold for row in anew.rows] != [row.fold for row in given.split.rows]
    assert [row.label for row in anew.rows] == [row.label for row in split.rows]


def test_a_given_split_that_cuts_copies_recognises_labels_that_mean_nothing(patterns, tmp_path):
    run = write_run(tmp_path / "run", patterns, **{"split.given": "fold"})
    split = run.split()
    folds = [("train", "train", "val", "test")[i % 4] for i in range(len(split.rows))]
    rows = zip(split.rows, folds, strict=True)
    Split(tuple(row._replace(fold=fold) for row, fold in rows)).write(run.path("split.csv"))
    run.record("split.csv")
    facts = permutation_test(run.folder, console=QUIET)
    assert facts["method"] == "given"
    assert facts["controls"][0]["accuracy"]["low"] > facts["controls"][0]["chance"]


def test_a_refit_of_a_given_split_holds_nothing_to_recognise(patterns, tmp_path):
    given = open_case(write_run(tmp_path / "run", patterns, **{"split.given": "fold"}), tmp_path)
    learnt = Split(tuple(row._replace(fold="train") for row in given.split.rows))
    with pytest.raises(UsageError, match="holds no fold test of its own"):
        permuted_split(replace(given, split=learnt), 1)
