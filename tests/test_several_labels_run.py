"""A run on pictures of several labels, from the table to the served answer, and what it refuses."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from sklearn.metrics import average_precision_score, f1_score

import groupwise
from folder_case import TINY
from groupwise.cli.main import main
from groupwise.data.split import read_split
from groupwise.data.targets import NOT_YET, Targets
from groupwise.evaluation.predictions import read_predictions
from groupwise.files import read_csv, read_json
from groupwise.runs.run import Run
from groupwise.serving.app import create_app

LABELS = ("blue", "green", "red")
DULL = {"training.epochs": 1, "split.train": 6, "split.val": 3, "split.test": 3}


def write_scenes(folder, people=36):
    """A quarter a label, of its colour under noise, two pictures a person; some have none."""
    rng, rows = np.random.default_rng(0), []
    for i in range(2 * people):
        members = rng.random(3) < 0.45
        pixels = rng.integers(0, 90, (20, 20, 3))
        for k in np.flatnonzero(members):
            pixels[10 * (k // 2) : 10 * (k // 2) + 10, 10 * (k % 2) : 10 * (k % 2) + 10, 2 - k] += 140
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i:03}.png")
        names = [name for name, has in zip(LABELS, members, strict=True) if has]
        rows.append((f"{i:03}.png", "|".join(names), f"p{i // 2}"))
    with (folder / "scenes.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label", "person"), *rows])
    return folder / "scenes.csv"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp("scenes"))


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("several") / "run"
    groupwise.train(
        data, run=folder, recipe="default", changes=TINY | DULL, group_column="person", quiet=True
    )
    return folder


@pytest.fixture(scope="module")
def bundle(run):
    assert main(["export", str(run), "--to", "bundle"]) == 0
    return run / "export" / "bundle"


def test_the_figures_are_those_of_scikit_learn_on_the_answers_that_were_kept(run):
    test = read_predictions(run / "predictions.csv").of_fold("test")
    figures = read_json(run / "metrics.json")["test"]
    members = test.targets.members
    called = Targets.of([row["predicted"] for row in rows(run, "test")], test.classes).members
    assert test.classes == LABELS
    assert figures["average_precision"]["value"] == pytest.approx(
        average_precision_score(members, test.probs), abs=1e-12
    )
    assert figures["micro_f1"]["value"] == pytest.approx(
        f1_score(members, called, average="micro"), abs=1e-12
    )
    assert figures["macro_f1"]["value"] == pytest.approx(
        f1_score(members, called, average="macro"), abs=1e-12
    )
    assert figures["risk_control"]["alpha"] == 0.1


def rows(run, fold):
    return [row for row in read_csv(run / "predictions.csv", ()) if row["fold"] == fold]


def test_no_person_stands_in_two_folds_and_the_epoch_is_chosen_by_precision(run):
    split = read_split(run / "split.csv")
    folds = {row.group: set() for row in split.rows}
    for row in split.rows:
        folds[row.group].add(row.fold)
    assert all(len(held - {"excluded"}) <= 1 for held in folds.values())
    assert "select_average_precision" in (run / "history.csv").read_text().splitlines()[0]


def test_the_baselines_are_the_prevalence_and_what_learns_each_label(run):
    held = read_json(run / "baselines.json")
    assert held["measure"] == "average_precision"
    assert {one["name"] for one in held["baselines"]} >= {"prevalence", "features"}
    first = next(one for one in held["baselines"] if one["name"] == "prevalence")
    test = read_predictions(run / "predictions.csv").of_fold("test").targets.members
    value = first["folds"]["test"]["figures"]["average_precision"]["value"]
    assert value == pytest.approx(test.mean(axis=0).mean())  # all images are ranked alike


def test_the_report_and_the_card_speak_of_labels(run):
    page, card = (run / "report.html").read_text(), (run / "README.md").read_text()
    assert "mean average precision of the labels" in page
    assert "Label by label" in page
    assert "Confusion matrix" not in page
    assert "says which of 3 labels an image has" in card
    verdict = read_json(run / "report.json")["verdict"]["text"]
    assert "Average precision" in verdict
    assert "--cv" not in verdict


def test_run_bundle_and_server_give_the_same_labels(run, bundle, data, capsys):
    pictures = [str(data.parent / f"{i:03}.png") for i in range(4)]
    by_run = groupwise.load_run(run).predict(pictures)
    opened = groupwise.open_predictor(bundle)
    by_bundle = opened.predict(pictures)
    server = TestClient(create_app(opened), base_url="http://localhost")
    for path, ours, theirs in zip(pictures, by_run, by_bundle, strict=True):
        assert ours.answer.labels == theirs.answer.labels
        assert list(theirs.probabilities.values()) == pytest.approx(
            list(ours.probabilities.values()), abs=1e-5
        )
        assert sum(ours.probabilities.values()) != pytest.approx(1, abs=1e-3)  # each label by itself
        served = server.post("/v1/predict?heat=1", content=Path(path).read_bytes()).json()
        assert tuple(served["labels"]) == ours.answer.labels
        assert served["decided"] == ours.answer.decided
        assert served["heat"]
    assert main(["verify", str(bundle)]) == 0
    assert main(["predict", str(run), pictures[0]]) == 0
    assert "%" in capsys.readouterr().out


REFUSED = [
    ["evaluate", "RUN", "--by", "source"],
    ["evaluate", "RUN", "DATA"],
    ["slices", "RUN", "--by", "person"],
    ["robustness", "RUN"],
    ["decide", "RUN"],
    ["labels", "RUN"],
    ["report", "RUN", "--figures", "NEW"],
    ["leakage", "RUN", "--retrain"],
    ["control", "RUN"],
    ["explain", "RUN"],
    ["predict", "RUN", "PICTURE", "--group-regex", r"(\d+)"],
    ["export", "RUN", "--to", "int8"],
    ["lr-find", "DATA"],
    ["train", "DATA", "--cv", "3", "--run", "NEW"],
    ["sweep", "DATA", "--trials", "2", "--run", "NEW"],
    ["train", "DATA", "--optimise", "balanced", "--run", "NEW"],
    ["train", "DATA", "--target-sensitivity", "0.9", "--class", "red", "--run", "NEW"],
    ["train", "DATA", "--loss.focal_gamma", "2", "--run", "NEW"],
]


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_what_wants_one_class_an_image_says_so(words, run, data, tmp_path, capsys):
    named = {"RUN": run, "DATA": data, "NEW": tmp_path / "new", "PICTURE": data.parent / "000.png"}
    assert main([str(named.get(word, word)) for word in words]) == 2
    assert NOT_YET in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "new").exists()


def test_two_runs_of_sets_are_not_compared(run, tmp_path, capsys):
    shutil.copytree(run, tmp_path / "other")
    other = Run.open(tmp_path / "other")  # as of another training: the same network is refused for itself
    header, first, *rest = other.path("predictions.csv").read_text().splitlines()
    changed = [header, first.rpartition(",")[0] + ",0.5", *rest]
    other.path("predictions.csv").write_text("\n".join(changed) + "\n")
    other.record("predictions.csv")
    assert main(["compare", str(run), str(tmp_path / "other")]) == 2
    assert NOT_YET in " ".join(capsys.readouterr().err.split())


def test_evaluate_says_the_figures_of_sets(run, capsys):
    assert main(["evaluate", str(run), "--fold", "val"]) == 0
    said = capsys.readouterr().out
    assert "Val: Average precision" in said
    assert "Micro F1" in said
    assert main(["evaluate", str(run), "--fold", "val", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["val"]["labels"] == "several"
