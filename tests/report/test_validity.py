"""The red box is there exactly when the protocol makes the number untrue; lesser things are amber."""

import csv
from dataclasses import replace

import pytest

from groupwise.files import read_json, write_json
from groupwise.report.page import write_report
from groupwise.report.trust import trust_words
from groupwise.report.validity import hidden_faults, notes
from groupwise.runs.external import External
from groupwise.runs.files import read_run
from groupwise.stats.estimate import Estimate

pytestmark = pytest.mark.usefixtures("plain_figures")


def test_a_sound_protocol_has_neither_box(make_run, parse):
    page = parse(write_report(make_run()))
    assert not page.has_box("hidden")
    assert not page.has_box("care")
    assert "Do not rely on it" not in page.text


def test_siblings_in_training_are_counted_in_red(make_run, parse):
    run = make_run(method="random")
    with (run / "split.csv").open() as file:
        rows = list(csv.DictReader(file))
    learnt = {row["group"] for row in rows if row["fold"] == "train"}
    test = [row for row in rows if row["fold"] == "test"]
    siblings = sum(row["group"] in learnt for row in test)
    assert siblings
    page = parse(write_report(run))
    assert page.has_box("hidden")
    assert f"{siblings} of {len(test)} test images" in page.text
    assert "Do not rely on it" in page.text
    assert "took no part in training" not in page.text


def test_a_random_split_of_unknown_sources_is_red(make_run, parse):
    page = parse(write_report(make_run(method="random", grouped=False)))
    assert page.has_box("hidden")
    assert "the source of none of them is known" in page.text


def test_a_grouped_split_of_unknown_sources_is_amber(make_run, parse):
    page = parse(write_report(make_run(grouped=False)))
    assert not page.has_box("hidden")
    assert page.has_box("care")
    assert "Every image counts as a source of its own" in page.text


def test_a_random_split_that_cuts_no_source_is_amber(make_run):
    run = make_run()
    write_json(run / "split.json", read_json(run / "split.json") | {"method": "random"})
    files = read_run(run)
    assert hidden_faults(files) == []
    assert [note.title for note in notes(files)] == ["The split was random"]


def test_sources_across_train_and_val_alone_are_red_all_the_same(make_run):
    run = make_run()
    write_json(run / "split.json", read_json(run / "split.json") | {"spanning_sources": 1})
    (note,) = hidden_faults(read_run(run))
    assert "1 source spans two folds or more. No test image has a sibling" in note.text


@pytest.mark.parametrize(("fold", "red"), [("test", True), ("val", False), ("train", False)])
def test_weights_that_know_the_tested_images_are_red(make_run, parse, fold, red):
    run = make_run(ledger={"weights_know": {"weights": "runs/first", "images": {fold: 3}}})
    page = parse(write_report(run))
    assert page.has_box("hidden") == red
    assert ("runs/first has learnt from 3 of the" in page.text) == red


def test_the_fold_that_chose_the_epoch_is_red(make_run, parse):
    page = parse(write_report(make_run(select_fold="test", ledger={"test_readings": 13})))
    assert page.has_box("hidden")
    assert "it was the best of 12 looks" in page.text
    assert "The last epoch, taken without looking, scored 70.0 %" in page.text
    assert "that were kept out of training but chose its epoch" in page.text
    assert not page.has_box("care")  # the readings are the looks, told once


def test_the_fold_that_chose_the_penalty_of_a_probe_is_red(make_run):
    files = replace(read_run(make_run(select_fold="test")), history=[], probe={"penalties": [{}] * 3})
    (note,) = hidden_faults(files)
    assert note.text.startswith(
        "The penalty was chosen on the very fold this number comes from: it was the best"
    )
    assert "of 3 looks" in note.text
    assert hidden_faults(replace(files, probe={"penalties": [{}]})) == []


def test_one_epoch_leaves_nothing_to_choose(make_run, parse):
    assert not parse(write_report(make_run(select_fold="test", epochs=1))).has_box("hidden")


@pytest.mark.parametrize(
    ("ledger", "words"),
    [
        ({"interrupted": True}, "It was stopped after 12 of 12 epochs"),
        ({"test_readings": 3}, "The test fold was read 3 times"),
    ],
)
def test_what_asks_for_care_is_amber(make_run, parse, ledger, words):
    page = parse(write_report(make_run(ledger=ledger)))
    assert page.has_box("care")
    assert words in page.text
    assert not page.has_box("hidden")


def _plant(run, file, change):
    content = read_json(run / file)
    change(content)
    write_json(run / file, content)


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        (
            "metrics.json",
            lambda m: m["test"]["warnings"].append("Class cat has 2 sources."),
            "Class cat has 2",
        ),
        ("metrics.json", lambda m: m["test"]["majority"].update(accuracy=0.55), "Not shown to be better"),
        ("split.json", lambda s: s.update(excluded=2), "2 images were excluded"),
    ],
)
def test_warnings_guesses_and_exclusions_ask_for_care(make_run, parse, file, change, words):
    run = make_run()
    _plant(run, file, change)
    page = parse(write_report(run))
    assert page.has_box("care")
    assert words in page.text


def test_just_better_than_guessing_is_no_caution(make_run):
    run = make_run()
    _plant(run, "metrics.json", lambda m: m["test"]["majority"].update(accuracy=0.549))
    assert notes(read_run(run)) == []


def test_what_tells_unequal_classes_apart_has_learnt_though_the_largest_class_is_right_as_often(make_run):
    run = make_run()
    shown = Estimate(0.88, 60, 20, 0.828, 0.918).as_json()
    _plant(
        run,
        "metrics.json",
        lambda m: m["test"].update(majority={"class": "cat", "accuracy": 0.94}, balanced_accuracy=shown),
    )
    (note,) = notes(read_run(run))
    assert note.title == "Always answering the largest class may be right as often"
    assert "always answering with the largest class gives 94.0\xa0%. The network tells" in note.text
    assert note.text.endswith("balanced accuracy reaches down to 82.8\xa0%; guessing gives 50.0\xa0%.")


def test_a_finding_that_stops_is_named_above_and_a_note_is_not(make_run):
    run = make_run()
    write_json(
        run / "findings.json",
        [{"severity": "stop", "title": "One photograph, two labels"}, {"severity": "note", "title": "small"}],
    )
    (note,) = notes(read_run(run))
    assert "One photograph, two labels" in note.text
    assert "small" not in note.text


@pytest.mark.parametrize(("options", "told"), [({}, True), ({"label_conflicts": "keep"}, False)])
def test_equal_stops_are_counted_and_those_that_an_option_settled_are_not_told(make_run, options, told):
    run = make_run()
    conflict = {"severity": "stop", "code": "copies-across-labels", "title": "Under 2 labels: cat, dog"}
    write_json(run / "findings.json", [conflict] * 3)
    files = read_run(run)
    files = replace(files, recipe={**files.recipe, "split": {**files.part("split"), **options}})
    assert [note.text for note in notes(files)] == (
        ["Under 2 labels: cat, dog (3 times). See the data below."] if told else []
    )
    (note,) = notes(replace(files, findings=[conflict | {"code": "shortcut-size"}]))
    assert note.text == "Under 2 labels: cat, dog. See the data below."


@pytest.mark.parametrize(("recall", "told"), [(0.383, True), (0.93, False), (None, False)])
def test_the_head_says_where_the_audit_may_have_missed_copies(make_run, recall, told):
    files = read_run(make_run())
    said = trust_words(replace(files, audit={**files.audit, "planted_recall": recall}))
    assert said.startswith("Nothing was found against the number")
    assert ("the audit found 38.3\xa0%, so some may stand on both sides." in said) == told


@pytest.mark.parametrize(("low", "high", "told"), [(0.995, 0.999, True), (0.1, 0.2, True), (0.1, 0.9, False)])
def test_folds_further_apart_than_their_intervals_ask_for_care(make_run, low, high, told):
    run = make_run()
    of_val = Estimate((low + high) / 2, 60, 20, low, high).as_json()
    _plant(run, "metrics.json", lambda m: m.update(val=m["test"] | {"accuracy": of_val}))
    titles = [note.title for note in notes(read_run(run))]
    assert titles == (["The folds are not alike"] if told else [])


@pytest.mark.parametrize(("high", "told"), [(-0.05, True), (0.05, False)])
def test_the_head_says_for_which_other_data_the_number_does_not_hold(make_run, high, told):
    run = make_run()
    difference = Estimate(-0.125, 40, 12, -0.3, high).as_json()
    facts = {"name": "clinic", "internal": {"differences": {"accuracy": difference}}}
    files = read_run(run)
    external = External(facts, files.metrics["test"])
    said = trust_words(replace(files, external=(external,)))
    assert ("It does not hold for clinic, where it is 12.5 points lower." in said) == told
    assert said.startswith("Nothing was found against the number")
