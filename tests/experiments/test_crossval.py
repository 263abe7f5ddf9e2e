import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import reduce

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import accuracy_score

import groupwise
from cli_case import rows, run
from folder_case import tiny_options, write_folder
from groupwise.cli.main import main
from groupwise.console import Console
from groupwise.errors import GroupwiseError, UsageError
from groupwise.evaluation.baselines import read_answers
from groupwise.evaluation.words import sentence
from groupwise.experiments import crossval
from groupwise.inference.predictor import load_run
from groupwise.pipeline.baselines import SHARE
from groupwise.pipeline.refit import PASSES
from groupwise.recipe.recipe import Recipe
from groupwise.runs.baselines import read_baselines
from groupwise.runs.lock import training_lock
from groupwise.runs.request import CrossValidation
from groupwise.runs.run import Run
from groupwise.stats.conformal import fit_conformal

WRONG = ("dog/000", "dog/010", "cat/001")
FOLDS = ("repeat-1/fold-1", "repeat-1/fold-2", "repeat-1/fold-3")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Cats and dogs, three of them under the other's name, so that folds differ; and a copy of a cat."""
    folder = write_folder(tmp_path_factory.mktemp("pets"), n=36)
    for wrong, right in zip(WRONG, ("cat/000", "cat/010", "dog/001"), strict=True):
        (folder / f"{right}.png").rename(folder / f"{wrong}.png")
    shutil.copy(folder / "cat" / "002.png", folder / "cat" / "again.png")
    return folder


@pytest.fixture(scope="module")
def study(folder, tmp_path_factory):
    torch.set_num_threads(1)
    target = tmp_path_factory.mktemp("runs") / "cv"
    assert main(["train", str(folder), "--run", str(target), "--cv", "3", *tiny_options()]) == 0
    return target


def test_every_image_is_answered_once_by_the_model_that_never_saw_its_source(study):
    pooled = {row["path"]: row for row in rows(study / "predictions.csv")}
    assert len(pooled) == 37
    assert {row["fold"] for row in pooled.values()} == {"out-of-fold"}
    answered = []
    for name in FOLDS:
        split = rows(study / name / "split.csv")
        learnt = {row["cluster"] for row in split if row["fold"] in ("train", "val")}
        for row in rows(study / name / "predictions.csv"):
            if row["fold"] == "test":
                answered.append(row["path"])
                assert row["cluster"] not in learnt
                assert pooled[row["path"]]["prob_cat"] == row["prob_cat"]
    assert sorted(answered) == sorted(pooled)
    assert pooled["cat/002.png"]["cluster"] == pooled["cat/again.png"]["cluster"]


def test_the_number_is_that_of_the_predictions(study):
    table = rows(study / "predictions.csv")
    figures = json.loads((study / "metrics.json").read_text())["out-of-fold"]
    accuracy = accuracy_score([row["label"] for row in table], [row["predicted"] for row in table])
    assert figures["accuracy"]["value"] == pytest.approx(accuracy, abs=1e-12)
    assert figures["sources"] == 36
    assert figures["accuracy"]["low"] < accuracy < figures["accuracy"]["high"]


def test_the_spread_over_folds_has_its_corrected_interval(study):
    told = json.loads((study / "crossval.json").read_text())
    scores = [
        json.loads((study / name / "metrics.json").read_text())["test"]["accuracy"]["value"] for name in FOLDS
    ]
    assert [score["accuracy"] for score in told["scores"]] == scores
    assert all(score["n"] + score["learnt_from"] == 37 for score in told["scores"])
    mean = told["mean"]["accuracy"]
    reach = stats.t.ppf(0.975, 2) * np.std(scores, ddof=1) * np.sqrt(1 / 3 + 1 / 2)
    assert mean["mean"] == pytest.approx(np.mean(scores))
    assert mean["low"] == pytest.approx(max(0, np.mean(scores) - reach))
    assert mean["high"] == pytest.approx(min(1, np.mean(scores) + reach))
    assert told["words"][0].startswith("How often are these models right on new sources?")
    assert "another 36 sources, trained anew" in told["words"][1]


def test_one_network_refitted_on_every_image_decides_by_what_was_held_out(study, folder, tmp_path, capsys):
    copy = shutil.copytree(study, tmp_path / "cv")
    assert run(capsys, "refit", copy)[0] == 0
    assert {row["fold"] for row in rows(copy / "refit" / "split.csv")} == {"train"}
    passes = [len(rows(study / name / "history.csv")) for name in FOLDS]
    assert len(rows(copy / "refit" / "history.csv")) == max(round(PASSES * np.median(passes)), 1)
    table = rows(study / "predictions.csv")
    probs = np.array([[float(row["prob_cat"]), float(row["prob_dog"])] for row in table])
    labels = np.array([("cat", "dog").index(row["label"]) for row in table])
    _, sources = np.unique([row["cluster"] for row in table], return_inverse=True)
    predictor = load_run(copy / "refit")
    fitted = fit_conformal(probs, labels, sources, predictor.decision.conformal.alpha)
    assert predictor.decision.conformal == fitted
    assert "learnt from" in predictor.decision.unlike.reason
    assert predictor.predict([folder / "cat" / "002.png"])[0].label in ("cat", "dog")
    card = (copy / "refit" / "README.md").read_text()
    assert "each of the 3 measured networks" in card
    assert "all 37 images" in card
    assert "went on with all 37" in (copy / "report.html").read_text().replace("\N{NO-BREAK SPACE}", " ")


def test_a_fold_model_is_an_ordinary_run(capsys, study):
    target = study / FOLDS[0]
    assert json.loads((target / "run.json").read_text())["test_readings"] == 1
    assert run(capsys, "report", target)[0] == 0
    before = json.loads((target / "metrics.json").read_text())["test"]
    status, out, _ = run(capsys, "evaluate", target, "--fold", "test", "--json")
    assert status == 0
    assert json.loads(out)["test"] == before


def test_the_ledger_counts_one_reading_of_each_image(study):
    ledger = json.loads((study / "run.json").read_text())
    assert ledger["test_readings"] == 1
    assert "by the one model of a repeat that never saw it" in ledger["test_reading_log"][0]["why"]


def test_data_are_read_once(study):
    assert (study / "audit.html").is_file()
    assert not list(study.rglob("cache"))
    assert not list(study.rglob(".*"))
    for name in FOLDS:
        for shared in ("manifest.csv", "clusters.csv", "findings.json"):
            assert (study / name / shared).read_bytes() == (study / shared).read_bytes()


def test_the_models_answer_as_one(capsys, study, folder, tmp_path):
    images = [folder / "cat" / "004.png", folder / "dog" / "005.png"]
    each = [[p.probabilities["cat"] for p in load_run(study / name).predict(images)] for name in FOLDS]
    together = [p.probabilities["cat"] for p in load_run(study).predict(images)]
    assert together == pytest.approx(np.mean(each, axis=0), abs=1e-6)
    status, _, _ = run(capsys, "predict", study, *images, "--csv", tmp_path / "out.csv")
    assert status == 0
    assert [float(row["prob_cat"]) for row in rows(tmp_path / "out.csv")] == pytest.approx(together)


def test_the_report_shows_the_pooled_number(capsys, study):
    page = (study / "report.html").read_text()
    assert "Of 37 images from 36 sources" in page
    assert "answered by networks which never saw their sources" in page
    assert "trained anew?" in page
    assert run(capsys, "report", study)[0] == 0


@pytest.mark.parametrize("command", ["evaluate --fold fold-1", "robustness --fold fold-1", "decide"])
def test_the_ensemble_cannot_be_measured_on_what_it_learnt(capsys, study, command):
    verb, *options = command.split()
    status, _, err = run(capsys, verb, study, *options)
    assert status == 2
    assert "whose ensemble has learnt from every image" in err
    assert "repeat-1/fold-1" in err


def test_wrong_labels_are_named(capsys, study):
    table = rows(study / "label_errors.csv")
    assert list(table[0]) == [
        "path", "label", "group", "fold", "suggested", "prob_label", "prob_suggested", "score", "copies",
    ]  # fmt: skip
    assert {row["path"] for row in table} <= {f"{wrong}.png" for wrong in WRONG}
    status, out, _ = run(capsys, "labels", study, "--top", 1)
    assert status == 0
    assert f"{len(table)} of 36 photographs in out-of-fold are probably mislabelled" in out
    assert out.count("the network says") == 1
    assert table[0]["path"] in out
    assert "cannot be judged" not in out
    assert f"To tick what is to be left out, for --exclude: {study / 'choose.html'}" in " ".join(out.split())
    assert '"kind": "mistake"' in (study / "choose.html").read_text()


def test_the_report_of_the_study_knows_its_network_its_sources_and_its_commands(study):
    report = json.loads((study / "report.json").read_text())
    (network,) = [one for one in report["checklist"] if one["question"] == "What the network is"]
    assert "recipe.yaml" in network["text"]
    assert any("`groupwise robustness RUN/repeat-1/fold-1`" in text for text in report["unchecked"])
    assert not any("random split" in text for text in report["unchecked"])


def test_an_ordinary_run_judges_the_folds_it_did_not_learn_from(capsys, study, tmp_path):
    target = tmp_path / "one"
    shutil.copytree(study / FOLDS[0], target)
    # 12 tested images do not show that the network is better than guessing, so it names nothing.
    _, out, _ = run(capsys, "labels", target)
    assert out.startswith("No label is named: the network is not shown to be better than guessing")
    assert rows(target / "label_errors.csv") == []
    metrics = json.loads((target / "metrics.json").read_text())
    metrics["test"]["accuracy"]["low"] = metrics["test"]["majority"]["accuracy"] + 0.001
    (target / "metrics.json").write_text(json.dumps(metrics))
    Run.open(target).record("metrics.json", ["predictions.csv"])
    status, out, _ = run(capsys, "labels", target)
    assert status == 0
    assert "photographs in val and test are" in out
    assert "Those that it learnt from cannot be judged" in out
    ledger = json.loads((target / "run.json").read_text())
    assert ledger["test_reading_log"][-1]["why"] == "label errors were looked for"
    tested = {row["path"] for row in rows(target / "predictions.csv")}
    assert {row["path"] for row in rows(target / "label_errors.csv")} <= tested


def test_the_baselines_of_all_folds_are_pooled(study):
    found = read_baselines(study / "baselines.json")
    right = []
    for fold in FOLDS:
        tested = read_answers(study / fold / "baselines.csv")["features"].of_fold("test")
        right += (tested.probs.argmax(1) == tested.labels).tolist()
    score = found.named("features").scores["out-of-fold"]
    assert score.figures["accuracy"].value == pytest.approx(sum(right) / len(right))
    said = json.loads((study / "report.json").read_text())["verdict"]
    assert said["standing"] == found.standing("out-of-fold")


@pytest.fixture
def broken(study, tmp_path):
    """The study as a crash leaves it: the first fold done, the second stopped in training, no third."""
    target = tmp_path / "cv"
    shutil.copytree(study, target)
    shutil.rmtree(target / FOLDS[2])
    for name in ("predictions.csv", "metrics.json", "crossval.json", "label_errors.csv", "report.html"):
        (target / name).unlink(missing_ok=True)
    half = Run.open(target / FOLDS[1])
    for name in ("history.csv", "model.safetensors", "config.json", "predictions.csv", "metrics.json"):
        half.path(name).unlink()
        forget(half, "artefacts", name)
    for checkpoint in half.path("checkpoints").iterdir():
        if "2" in checkpoint.name:
            shutil.rmtree(checkpoint) if checkpoint.is_dir() else checkpoint.unlink()
    forget(Run.open(target), "members")
    return target


def forget(run, *keys):
    ledger = json.loads(run.path("run.json").read_text())
    *way, last = keys
    del reduce(dict.__getitem__, way, ledger)[last]
    run.path("run.json").write_text(json.dumps(ledger))


def test_resume_skips_what_is_done_and_ends_alike(capsys, study, broken, folder):
    done = (broken / FOLDS[0] / "model.safetensors").stat().st_mtime_ns
    status, out, _ = run(capsys, "train", folder, "--run", broken, "--cv", 3, "--resume", *tiny_options())
    assert status == 0
    assert "repeat-1/fold-1 is there already" in out
    assert (broken / FOLDS[0] / "model.safetensors").stat().st_mtime_ns == done
    for name in ("predictions.csv", "metrics.json", "crossval.json"):
        assert (broken / name).read_bytes() == (study / name).read_bytes(), name


def test_side_by_side_ends_with_the_same_models(capsys, study, folder, tmp_path):
    target = tmp_path / "cv"
    status, out, _ = run(capsys, "train", folder, "--run", target, "--cv", 3, "--jobs", 2, *tiny_options())
    assert status == 0
    for name in ("predictions.csv", "metrics.json", "crossval.json"):
        assert (target / name).read_bytes() == (study / name).read_bytes(), name
    for name in FOLDS:
        for file in ("model.safetensors", "metrics.json"):
            assert (target / name / file).read_bytes() == (study / name / file).read_bytes(), (name, file)
        assert f"{name}: {words_of(study / name)}" in out
    assert "Epoch" not in out
    assert not list(target.rglob("cache"))


def words_of(model):
    figures = json.loads((model / "metrics.json").read_text())["test"]
    return sentence("accuracy", figures["accuracy"])


def test_side_by_side_goes_on_fold_by_fold_after_sigterm(capsys, study, broken, folder):
    words = ["train", folder, "--run", broken, "--cv", 3, "--jobs", 2, "--resume", *tiny_options()]
    command = [sys.executable, "-m", "groupwise", *map(str, words)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not (broken / FOLDS[2] / "split.json").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "and saved. Go on with --resume." in err) == (75, True)
    assert not (broken / "metrics.json").exists()
    status, out, _ = run(capsys, *words)
    assert status == 0
    assert f"{FOLDS[0]} is there already" in out
    for name in ("predictions.csv", "metrics.json", "crossval.json"):
        assert (broken / name).read_bytes() == (study / name).read_bytes(), name


def test_a_fold_that_was_interrupted_is_trained_on_though_it_was_measured(capsys, study, broken, folder):
    half = Run.open(broken / FOLDS[0])
    half.note(interrupted=True)  # as Ctrl-C leaves it, and `evaluate` measures it
    for checkpoint in half.path("checkpoints").iterdir():
        if "2" in checkpoint.name.split("-step")[0]:
            checkpoint.unlink()
    half.path("metrics.json").write_text(half.path("metrics.json").read_text() + "\n")
    half.record("metrics.json", ["predictions.csv"])
    status, out, _ = run(capsys, "train", folder, "--run", broken, "--cv", 3, "--resume", *tiny_options())
    assert status == 0
    assert f"{FOLDS[0]} is there already" not in out
    for name in ("predictions.csv", "metrics.json"):
        assert (broken / FOLDS[0] / name).read_bytes() == (study / FOLDS[0] / name).read_bytes(), name


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_fold_that_is_being_trained_is_waited_for_and_then_refused(
    capsys, monkeypatch, broken, folder, jobs
):
    monkeypatch.setattr(crossval, "ORPHAN_S", 0.2)
    words = ["train", folder, "--run", broken, "--cv", 3, "--jobs", jobs, "--resume", *tiny_options()]
    with training_lock(broken / FOLDS[1]):
        status, _, err = run(capsys, *words)
        assert status == 2
        assert f"{broken / FOLDS[1]}: is being trained by process {os.getpid()} on" in err
        with pytest.raises(UsageError, match="is being trained"):  # as the process of the fold has it
            crossval.train_fold(broken / FOLDS[1], Recipe(), broken / "cache", (), None, Console(quiet=True))
    with training_lock(broken):
        assert f"{broken}: is being trained" in run(capsys, *words)[2]


def test_a_fold_that_fails_side_by_side_is_named(capsys, broken, folder):
    split = broken / FOLDS[1] / "split.csv"
    split.write_text(split.read_text() + "\n")
    words = ["train", folder, "--run", broken, "--cv", 3, "--jobs", 2, "--resume", *tiny_options()]
    status, _, err = run(capsys, *words)
    assert status == 1
    assert err == (
        f"groupwise: {FOLDS[1]}: {broken / FOLDS[1]}: split.csv was changed."
        " Restore the file, or train again in a new run.\n"
    )
    assert not (broken / "metrics.json").exists()


class Planned(Exception):  # noqa: N818
    """The budget of a plan."""


@pytest.mark.parametrize(("baselines", "kept"), [("none", 0.0), ("all", SHARE)])
@pytest.mark.parametrize(("jobs", "each"), [(1, 20), (9, 60)])
def test_models_that_are_trained_at_once_share_the_budget_of_a_round(
    monkeypatch, tmp_path, jobs, each, baselines, kept
):
    def look(*_, left_s, **options):
        raise Planned(left_s())

    monkeypatch.setattr("groupwise.pipeline.plan.make_plan", look)
    data = write_folder(tmp_path, n=12)
    with pytest.raises(Planned) as planned:
        groupwise.train(
            data,
            run=tmp_path.with_name("run"),
            cv=3,
            jobs=jobs,
            budget="60min",
            baselines=baselines,
            quiet=True,
        )
    assert planned.value.args[0] == pytest.approx(60 * each / (1 + kept), abs=60)


def test_an_unfinished_study_answers_nothing(broken):
    with pytest.raises(GroupwiseError, match=r"model\.safetensors is missing.*--resume"):
        load_run(broken)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--resume"], "began with --cv 3 --repeats 1"),
        (["--resume", "--cv", "4"], "began with --cv 3 --repeats 1"),
        (["--cv", "3"], "already holds something"),
        (["--cv", "2"], "--cv: 2 is below 3"),
        (["--cv", "3", "--repeats", "0"], "--repeats: 0 is below 1"),
        (["--cv", "3", "--split.method", "random"], "which a random split does not"),
        (["--cv", "3", "--training.select_fold", "test"], "would choose its own epoch"),
        (["--cv", "3", "--split.extend", "x.csv"], "divides the images itself"),
        (["--cv", "3", "--min-sources", "3", "--rare", "train"], "no class that is learnt and not tested"),
    ],
)
def test_what_cannot_be_meant_is_refused(capsys, study, folder, tmp_path, options, message):
    target = study if "began" in message or "already" in message else tmp_path / "new"
    status, _, err = run(capsys, "train", folder, "--run", target, *tiny_options(), *options)
    assert status == 2
    assert message in err


def test_a_split_that_cannot_be_made_is_refused_before_the_first_training(monkeypatch, folder, tmp_path):
    def refuse(division, fold, **options):
        if fold == "fold-3":
            raise GroupwiseError("too few", place="split", remedy="Add photographs.")
        return hold_out(division, fold, **options)

    hold_out = crossval.hold_out
    monkeypatch.setattr(crossval, "hold_out", refuse)
    # A near miss: rare classes that are left out are no reason to refuse.
    options = ["--cv", "3", "--min-sources", "3", *tiny_options()]
    assert main(["train", str(folder), "--run", str(tmp_path / "cv"), *options]) == 1
    assert not (tmp_path / "cv" / "repeat-1").exists()


def test_python_asks_for_the_same(monkeypatch, tmp_path):
    monkeypatch.setattr("groupwise.api.crossval", lambda request, console: {"asked": request.cv})
    asked = groupwise.train(tmp_path, run=tmp_path / "cv", cv=5, repeats=2)["asked"]
    assert asked == CrossValidation(5, 2)


def test_changed_predictions_of_a_fold_are_noticed(study, tmp_path):
    target = tmp_path / "cv"
    shutil.copytree(study, target)
    (target / FOLDS[0] / "predictions.csv").write_text("path\n")
    with pytest.raises(GroupwiseError, match=r"repeat-1/fold-1/predictions\.csv changed after"):
        Run.open(target).require("predictions.csv")
