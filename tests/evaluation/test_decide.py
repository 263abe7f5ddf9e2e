import csv
import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from folder_case import tiny_options, write_folder
from groupwise.cli.main import main
from groupwise.data.split import Assignment, Split
from groupwise.evaluation import decide
from groupwise.evaluation.decide import reference_rows
from groupwise.inference.predictor import load_run

POINT = ("--target-sensitivity", "0.9", "--class", "dog")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("pets"), n=60)


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    torch.set_num_threads(1)
    target = tmp_path_factory.mktemp("runs") / "first"
    shares = ["--split.train", "0.3", "--split.val", "0.5", "--split.test", "0.2", "--prevalence", "0.3"]
    assert main(["train", str(folder), "--run", str(target), *shares, *POINT, *tiny_options()]) == 0
    return target


@pytest.fixture
def run(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "run")


def read(run, name):
    return json.loads((run / name).read_text())


def rows(source_sizes):
    return [
        Assignment(f"{g}-{i}.png", "cat", f"g{g}", g, "train" if g else "val")
        for g, size in enumerate(source_sizes)
        for i in range(size)
    ]


def test_every_source_gives_a_reference_before_any_gives_two(monkeypatch):
    monkeypatch.setattr(decide, "MOST_REFERENCES", 12)
    split = Split(tuple(rows([5, 9, 1, 3, 1, 1, 1, 1, 1, 1, 1])))
    chosen = reference_rows(split, seed=0)
    sources = split.sources[chosen]
    assert len(chosen) == len(set(chosen)) == 12
    assert set(sources) == set(range(1, 11))
    assert np.bincount(sources)[1:].max() == 2
    few = reference_rows(split, seed=0)
    assert few.tolist() == chosen.tolist()
    monkeypatch.setattr(decide, "MOST_REFERENCES", 4)
    assert len({tuple(reference_rows(split, seed=seed)) for seed in range(8)}) > 1


def test_a_run_keeps_what_was_decided(trained):
    decision, metrics = read(trained, "decision.json"), read(trained, "metrics.json")
    assert decision["temperature"] == read(trained, "config.json")["temperature"]
    assert decision["conformal"]["threshold"] > 0
    assert decision["operating_point"]["sources"] == 15
    reference = load_file(trained / "reference.safetensors")["features"]
    assert reference.shape == (18, read(trained, "config.json")["num_features"])
    assert {"decision.json", "reference.safetensors"} <= set(read(trained, "run.json")["artefacts"])
    parts = {"reliability", "risk_coverage", "conformal", "abstention", "unlike", "operating_point"}
    assert all(parts <= set(metrics[fold]) for fold in ("val", "test"))
    assert metrics["test"]["operating_point"]["prevalence"] == 0.3
    assert metrics["test"]["curves"]["class"] == metrics["test"]["operating_point"]["class"]
    learnt, split = read(trained, "training_fold.json"), read(trained, "split.json")
    assert (learnt["n"], learnt["all"]) == (split["folds"]["train"]["n"], True)
    assert 0 <= learnt["accuracy"]["value"] <= 1
    assert metrics["val"]["conformal"]["coverage_of_sources"]["value"] >= 0.9


def test_deciding_anew_changes_the_decision_without_the_test_fold(capsys, run):
    before = read(run, "run.json")["test_readings"]
    old = read(run, "metrics.json")
    assert main(["decide", str(run), "--target-sensitivity", "0.5", "--class", "cat", "--alpha", "0.2"]) == 0
    said = capsys.readouterr().out
    assert "Prediction sets are made to miss the true class of at most 20 % of images (30 sources)." in said
    assert "cat is called from a probability of" in said
    decision = read(run, "decision.json")
    assert (decision["conformal"]["alpha"], decision["operating_point"]["positive_class"]) == (0.2, "cat")
    assert decision["operating_point"]["prevalence"] == 0.3
    assert read(run, "run.json")["test_readings"] == before
    new = read(run, "metrics.json")
    assert new["val"]["operating_point"]["class"] == "cat"
    assert new["test"] == old["test"]
    assert main(["evaluate", str(run), "--fold", "test"]) == 0
    assert read(run, "metrics.json")["test"]["operating_point"]["class"] == "cat"
    assert main(["report", str(run)]) == 0


def test_costs_take_the_place_of_the_point_and_the_point_that_of_costs(capsys, run, tmp_path):
    file = tmp_path / "costs.csv"
    file.write_text("true,cat,dog\ncat,0,1000\ndog,1,0\n")
    assert main(["decide", str(run), "--cost-matrix", str(file)]) == 0
    assert "the class of the least expected cost" in capsys.readouterr().out
    decision = read(run, "decision.json")
    assert (decision["costs"], decision["operating_point"]) == ([[0, 1000], [1, 0]], None)
    cost = read(run, "metrics.json")["val"]["cost"]
    assert cost["decided"]["value"] == pytest.approx(0.5)  # all are called cats, and half are none
    decision = load_run(run).decision
    answers = decision.answers(np.array([[0.0, 2 * decision.temperature]]))
    assert (answers[0].label, answers[0].decided) == ("dog", "cat")
    assert main(["decide", str(run), "--target-sensitivity", "0.5", "--class", "cat"]) == 0
    assert "costs" not in read(run, "decision.json")
    file.write_text("true,cat,owl\ncat,0,1\nowl,1,0\n")
    assert main(["decide", str(run), "--cost-matrix", str(file)]) == 2
    assert "no costs for the class 'dog'" in capsys.readouterr().err


def test_deciding_alike_changes_nothing(run):
    before = read(run, "decision.json")
    assert main(["decide", str(run)]) == 0
    after = read(run, "decision.json")
    for part, line in (("conformal", "threshold"), ("unlike", "distance"), ("unlike", "energy")):
        assert after[part][line] == pytest.approx(before[part][line], rel=1e-4)


def test_a_run_from_before_there_were_decisions_still_answers_and_can_decide(run, folder):
    ledger = read(run, "run.json")
    for name in ("decision.json", "reference.safetensors"):
        (run / name).unlink()
        del ledger["artefacts"][name]
    (run / "run.json").write_text(json.dumps(ledger))
    (prediction,) = load_run(run).predict([folder / "cat" / "000.png"])
    assert (prediction.answer.prediction_set, prediction.answer.unlike) == (None, None)
    assert prediction.answer.abstain is None
    assert main(["decide", str(run)]) == 0
    (prediction,) = load_run(run).predict([folder / "cat" / "000.png"])
    assert prediction.answer.unlike is not None


def test_a_decision_that_was_edited_is_refused(capsys, run, folder):
    text = (run / "decision.json").read_text()
    (run / "decision.json").write_text(text.replace('"alpha": 0.1', '"alpha": 0.2'))
    assert main(["predict", str(run), str(folder / "cat" / "000.png")]) == 1
    assert "decision.json was changed" in capsys.readouterr().err


def test_predict_writes_every_part_of_the_answer(capsys, run, folder, tmp_path):
    images = [str(folder / "cat" / "000.png"), str(folder / "dog" / "001.png")]
    assert main(["predict", str(run), *images, "--csv", str(tmp_path / "out.csv")]) == 0
    with (tmp_path / "out.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert list(table[0]) == "path,predicted,decided,set,abstain,unlike,prob_cat,prob_dog,error".split(",")
    answers = [prediction.answer for prediction in load_run(run).predict(images)]
    for row, answer in zip(table, answers, strict=True):
        assert row["set"].split("|") == list(answer.prediction_set)
        assert (row["abstain"], row["unlike"]) == (str(answer.abstain).lower(), str(answer.unlike).lower())
        assert row["decided"] == answer.decided


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--class", "dog"], "an operating point needs both a class and a sensitivity"),
        (["--target-sensitivity", "0.9"], "an operating point needs both a class and a sensitivity"),
        (["--prevalence", "0.1"], "--prevalence: nothing has this prevalence"),
        (["--target-sensitivity", "95", "--class", "dog"], "decision.target_sensitivity: 95 is no share"),
        (["--decision.alpha", "0"], "decision.alpha: 0 is no share"),
        (
            ["--target-sensitivity", "0.9", "--class", "dgo"],
            "no class 'dgo'. Choose one of cat, dog",
        ),
        ([*POINT, "--recipe", "classic"], "no fold is left to choose the threshold by"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_written(
    capsys, folder, tmp_path, options, message
):
    assert main(["train", str(folder), "--run", str(tmp_path / "run"), *options]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_deciding_for_a_class_that_there_is_not_changes_nothing(capsys, run):
    before = (run / "decision.json").read_text()
    assert main(["decide", str(run), "--target-sensitivity", "0.9", "--class", "owl"]) == 2
    assert "no class 'owl'" in capsys.readouterr().err
    assert (run / "decision.json").read_text() == before
