"""A cross-validation of pictures of several labels: what is pooled, its answers, and one network of all."""

import shutil

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

import groupwise
from folder_case import tiny_options
from groupwise.cli.main import main
from groupwise.data.targets import Targets, read_names
from groupwise.evaluation.evaluate import prediction_header, prediction_lines
from groupwise.evaluation.predictions import read_predictions
from groupwise.experiments.pooled_sets import REPEATS, answer_sets
from groupwise.files import read_csv, read_json, write_csv
from groupwise.inference.decision import read_decision
from groupwise.runs.run import Run
from groupwise.stats.label_rule import LabelRule
from scenes_case import write_scenes

FOLDS = tuple(f"repeat-1/fold-{k}" for k in (1, 2, 3))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp("scenes"), people=48)


@pytest.fixture(scope="module")
def study(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("several") / "cv"
    words = ["train", str(data), "--group-column", "person", "--cv", "3", "--run", str(folder)]
    assert main([*words, "--recipe", "default", *tiny_options(), "--training.epochs", "1"]) == 0
    return folder


def test_each_image_is_answered_by_the_model_that_never_saw_it_and_by_its_thresholds(study):
    pooled = read_predictions(study / "predictions.csv")
    for name in FOLDS:
        member = Run.open(study / name)
        tested = read_predictions(member.path("predictions.csv")).of_fold("test")
        rule = read_decision(member, tested.classes, 1.0)[0].label_sets
        at = [[row.path for row in pooled.rows].index(row.path) for row in tested.rows]
        assert (pooled.probs[at] == tested.probs).all()
        assert (pooled.given[at] == rule.given(tested.probs)).all()


def test_the_figures_are_scikit_learns_over_all_images(study):
    pooled = read_predictions(study / "predictions.csv")
    figures = read_json(study / "metrics.json")["out-of-fold"]
    members = pooled.targets.members
    called = Targets.of([row["predicted"] for row in read_csv(study / "predictions.csv", ())], pooled.classes)
    expected = average_precision_score(members, pooled.probs)
    assert figures["average_precision"]["value"] == pytest.approx(expected, abs=1e-12)
    expected = f1_score(members, called.members, average="micro")
    assert figures["micro_f1"]["value"] == pytest.approx(expected, abs=1e-12)
    scores = read_json(study / "crossval.json")
    each = [
        average_precision_score(fold.targets.members, fold.probs)
        for name in FOLDS
        if (fold := read_predictions(study / name / "predictions.csv").of_fold("test"))
    ]
    assert scores["mean"]["average_precision"]["mean"] == pytest.approx(np.mean(each), abs=1e-12)
    assert scores["words"][0].startswith("How good are these models on new sources? Average precision")


def test_the_study_answers_as_the_mean_of_its_models_with_their_mean_thresholds(study, data):
    pictures = [str(data.parent / f"{i:03}.png") for i in range(3)]
    opened = groupwise.load_run(study)
    members = [groupwise.load_run(study / name) for name in FOLDS]
    mean = np.mean([_probs(one.predict(pictures)) for one in members], axis=0)
    line = np.mean([one.decision.label_sets.thresholds for one in members], axis=0)
    answers = opened.predict(pictures)
    assert _probs(answers) == pytest.approx(mean, abs=1e-6)
    for answer, row in zip(answers, mean, strict=True):
        assert set(answer.answer.labels) == {opened.classes[k] for k in np.flatnonzero(row >= line)}
        assert answer.answer.prediction_set is None  # no image is left to promise by


def _probs(answers):
    return np.array([list(answer.probabilities.values()) for answer in answers])


def test_the_baselines_are_pooled_and_the_report_is_of_all_images(study):
    held = read_json(study / "baselines.json")
    assert held["measure"] == "average_precision"
    assert held["baselines"]
    assert all(set(one["folds"]) == {"out-of-fold"} for one in held["baselines"])
    page = (study / "report.html").read_text()
    assert "mean average precision of the labels, on the out-of-fold images" in page
    assert "Label by label" in page


def test_a_study_that_is_too_weak_to_judge_labels_names_none(study):
    # All of these labels are right, and a network of one epoch contradicts some twenty of 96.
    assert read_json(study / "metrics.json")["out-of-fold"]["auroc"]["low"] > 0.5
    assert read_csv(study / "label_errors.csv", ()) == []
    assert "Labels that may be wrong" not in (study / "report.html").read_text()


def test_each_suspect_is_a_set_with_one_label_more_or_less(study, tmp_path, capsys):
    shutil.copytree(study, tmp_path / "judged")
    judged = Run.open(tmp_path / "judged")
    told = read_predictions(study / "predictions.csv")
    members = told.targets.members.astype(bool)
    probs = np.where(members, 0.9, 0.1) + np.random.default_rng(0).random(members.shape) / 20
    for row in range(0, 96, 32):
        probs[row, 0] = 0.02 if members[row, 0] else 0.98
    lines = prediction_lines(told.rows, probs, told.classes, probs > 0.5)
    write_csv(judged.path("predictions.csv"), prediction_header(told.classes), lines)
    judged.record("predictions.csv")
    judged.record("metrics.json")
    assert main(["labels", str(judged.folder)]) == 0
    assert "Of labels changed at random it would name" in capsys.readouterr().out
    suspects = read_csv(judged.path("label_errors.csv"), ())
    assert {row["path"] for row in suspects} == {told.rows[row].path for row in range(0, 96, 32)}
    for row in suspects:
        assert len(set(read_names(row["label"])) ^ set(read_names(row["suggested"]))) == 1
        assert float(row["prob_suggested"]) > float(row["prob_label"])
    assert main(["report", str(judged.folder)]) == 0
    assert "Labels that may be wrong" in judged.path("report.html").read_text()


def test_a_refit_of_the_study_decides_by_what_was_held_out(study):
    assert main(["refit", str(study)]) == 0
    rule = groupwise.load_run(study / "refit").decision.label_sets
    pooled = read_predictions(study / "predictions.csv")
    assert rule.sources == len({row.group for row in pooled.rows if row.label != "|"})
    assert rule.threshold is not None


def test_where_several_models_answered_an_image_nothing_is_promised(study):
    pooled = read_predictions(study / "predictions.csv")
    rules = [LabelRule((0.2, 0.4, 0.6), 0.1, 20, 0.1), LabelRule((0.4, 0.4, 0.4), 0.1, 20, 0.3)]
    said = answer_sets(pooled, [(pooled, rule) for rule in rules])
    assert said.possible is None
    assert said.reason == REPEATS
    assert (said.given == (pooled.probs >= [0.3, 0.4, 0.5])).all()
