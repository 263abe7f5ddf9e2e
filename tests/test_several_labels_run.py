"""A run on pictures of several labels, from the table to the served answer, and what it refuses."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, recall_score

import groupwise
from folder_case import TINY, tiny_options
from groupwise.cli.main import main
from groupwise.data.split import read_split
from groupwise.data.targets import ONE_CLASS, Targets, read_names, say
from groupwise.evaluation.evaluate import prediction_header, prediction_lines
from groupwise.evaluation.predictions import read_predictions
from groupwise.files import read_csv, read_json, write_csv, write_json
from groupwise.inference.cases import case_line
from groupwise.inference.ray import _Worker
from groupwise.runs.run import Run
from groupwise.serving.app import create_app
from scenes_case import LABELS, write_scenes

DULL = {"training.epochs": 1, "split.train": 6, "split.val": 3, "split.test": 3}


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
    for line in read_json(run / "report.json")["not_said"]:
        assert line in page
        assert line in card
    assert "any image gets a class" not in card
    assert "--cv 5" in verdict  # the interval is wide, and every image can be tested


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
    case = groupwise.load_run(run).predict_case(pictures)
    files = [("picture", (path, Path(path).read_bytes())) for path in pictures]
    served = server.post("/v1/predict-case", files=files).json()
    assert (tuple(served["labels"]), served["pictures"]) == (case.labels, 4)
    assert served["probabilities"] == pytest.approx(dict(case.probabilities), abs=1e-5)
    table = _Worker(str(bundle))({"path": np.array(pictures)})  # as a machine of a Ray cluster
    assert table["predicted"] == [one.label for one in by_bundle]
    assert table["set"] == ["|".join(one.answer.prediction_set) for one in by_bundle]
    assert main(["verify", str(bundle)]) == 0
    assert main(["predict", str(run), pictures[0]]) == 0
    assert "%" in capsys.readouterr().out


REFUSED = [
    ["train", "DATA", "--optimise", "balanced", "--run", "NEW"],
    ["train", "DATA", "--target-sensitivity", "0.9", "--class", "red", "--run", "NEW"],
    ["train", "DATA", "--loss.focal_gamma", "2", "--run", "NEW"],
]


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_what_wants_one_class_an_image_says_so(words, run, data, tmp_path, capsys):
    named = {"RUN": run, "DATA": data, "NEW": tmp_path / "new", "PICTURE": data.parent / "000.png"}
    assert main([str(named.get(word, word)) for word in words]) == 2
    assert ONE_CLASS in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "new").exists()


def test_the_labels_that_are_most_wrong_are_explained(run, tmp_path, capsys):
    shutil.copytree(run, tmp_path / "judged")
    judged = Run.open(tmp_path / "judged")
    told = read_predictions(run / "predictions.csv")
    members = told.targets.members.astype(bool)
    probs = np.where(members, 0.9, 0.1)
    first, second = [i for i, row in enumerate(told.rows) if row.fold == "test"][:2]
    green, red = LABELS.index("green"), LABELS.index("red")
    probs[first, green] = 0.45 if members[first, green] else 0.55  # wrong, but less so than the other
    probs[second, [green, red]] = np.where(members[second, [green, red]], (0.4, 0.2), (0.6, 0.8))
    lines = prediction_lines(told.rows, probs, told.classes, probs > 0.5)
    write_csv(judged.path("predictions.csv"), prediction_header(told.classes), lines)
    judged.record("predictions.csv")
    assert main(["explain", str(judged.folder)]) == 0
    out = [line for line in capsys.readouterr().out.splitlines() if "; heat for " in line]
    named = [(told.rows[second], "red"), (told.rows[first], "green")]
    assert [line.split(": ")[0] for line in out] == [row.path for row, _ in named]
    for line, (row, label) in zip(out, named, strict=True):
        assert line.endswith(f"; in truth {say(row.label)}; heat for {label}")
    assert "Heat for <strong>red" in judged.path("explain/explain.html").read_text()
    assert main(["explain", str(judged.folder), "--class", "blue"]) == 0
    assert capsys.readouterr().out.count("heat for blue") == 2


def test_labels_that_are_probably_wrong_are_named_one_by_one(run, tmp_path, capsys):
    shutil.copytree(run, tmp_path / "judged")
    judged = Run.open(tmp_path / "judged")
    told = read_predictions(run / "predictions.csv")
    probs = np.where(told.targets.members, 0.9, 0.1) + np.random.default_rng(0).random(told.probs.shape) / 20
    row, k = told.rows[0], LABELS.index("red")
    probs[0, k] = 0.01 if told.targets.members[0, k] else 0.99
    lines = prediction_lines(told.rows, probs, told.classes, probs > 0.5)
    write_csv(judged.path("predictions.csv"), prediction_header(told.classes), lines)
    judged.record("predictions.csv")
    metrics = read_json(judged.path("metrics.json"))
    for low, named in ((0.9, 1), (0.5, 0)):  # an AUROC of a half may be guessing
        metrics["test"]["auroc"] |= {"low": low, "high": 1.0}
        write_json(judged.path("metrics.json"), metrics)
        judged.record("metrics.json")
        assert main(["labels", str(judged.folder)]) == 0
        said = capsys.readouterr().out
        suspects = read_csv(judged.path("label_errors.csv"), ())
        assert ("No label is named" in said, len(suspects)) == (not named, named)
        assert [one["path"] for one in suspects] == [row.path] * named
        assert (f"{row.path} is labelled" in said) == bool(named)
    assert main(["report", str(judged.folder)]) == 0
    assert "Labels that may be wrong" not in judged.path("report.html").read_text()


def test_a_paper_gets_the_figures_of_sets(run, tmp_path):
    assert main(["report", str(run), "--figures", str(tmp_path)]) == 0
    test = read_predictions(run / "predictions.csv").of_fold("test")
    figures = {row["figure"]: row for row in read_csv(tmp_path / "figures.csv", ())}
    expected = average_precision_score(test.targets.members, test.probs)
    assert float(figures["average_precision"]["value"]) == pytest.approx(expected, abs=1e-12)
    assert "risk_control.missed_of_sources" in figures
    lines = read_csv(tmp_path / "classes.csv", ())
    thresholds = [float(row["value"]) for row in lines if row["figure"] == "threshold"]
    assert thresholds == pytest.approx(groupwise.load_run(run).decision.label_sets.thresholds)
    assert not (tmp_path / "confusion.csv").exists()
    english, chinese = ((tmp_path / f"methods.{one}.md").read_text() for one in ("en", "zh"))
    assert f"mean average precision over 3 of 3 labels was {100 * expected:.1f} %" in english
    assert (
        "average precision take theirs, and the optimism that they are freed of, from a jackknife" in english
    )
    assert "刀切法" in chinese
    assert (
        "5. Angelopoulos" in english
    )  # after Xie, Wilson, Korn and Guo: there are no curves that follow others
    assert "Curves" not in english
    assert "3个标签（共3个）的平均精度均值" in chinese


def test_the_thresholds_are_chosen_anew_for_another_rate_of_misses(run, tmp_path, capsys):
    shutil.copytree(run, tmp_path / "again")
    before = groupwise.load_run(run).decision
    assert main(["decide", str(tmp_path / "again"), "--alpha", "0.3"]) == 0
    assert "miss at most 30 % of the true labels" in capsys.readouterr().out
    after = groupwise.load_run(tmp_path / "again").decision
    assert after.label_sets.thresholds == before.label_sets.thresholds
    assert after.label_sets.threshold > before.label_sets.threshold
    val = read_json(tmp_path / "again" / "metrics.json")["val"]["risk_control"]
    assert (val["alpha"], val["missed_of_sources"]["value"] <= 0.3) == (0.3, True)
    assert main(["decide", str(run), "--target-sensitivity", "0.9", "--class", "red"]) == 2
    assert "each label is given or not by itself" in " ".join(capsys.readouterr().err.split())


def test_a_learning_rate_is_looked_for_by_the_loss_of_sets(data, tmp_path, capsys):
    out = tmp_path / "rates.png"
    words = ["lr-find", str(data), "--out", str(out), "--steps", "10", *tiny_options()]
    assert main(words) == 0, capsys.readouterr().err
    assert out.is_file()


def test_a_sweep_is_judged_by_mean_average_precision(data, tmp_path, capsys):
    words = ["sweep", str(data), "--group-column", "person", "--trials", "2", "--run", str(tmp_path / "s")]
    words += ["--recipe", "default", *tiny_options(), "--training.epochs", "1"]
    assert main(words) == 0, capsys.readouterr().err
    rows = read_csv(tmp_path / "s" / "sweep.csv", ("trial", "average_precision"))
    assert len(rows) == 2
    assert "average precision" in capsys.readouterr().out


def test_poorer_images_are_judged_by_exactly_right_labels(run, tmp_path, capsys):
    shutil.copytree(run, tmp_path / "poorer")
    assert main(["robustness", str(tmp_path / "poorer"), "--fold", "val"]) == 0
    assert "have exactly the right labels" in capsys.readouterr().out
    clean = read_json(tmp_path / "poorer" / "robustness.json")["clean"]
    assert clean == read_json(run / "metrics.json")["val"]["accuracy"]


def test_integers_of_8_bits_are_judged_by_mean_average_precision(run, data, capsys):
    assert main(["export", str(run), "--to", "int8", "--max-drop", "100"]) == 0
    assert "Mean average precision on held-out images changes by" in capsys.readouterr().out
    small = groupwise.open_predictor(run / "export" / "int8")
    held = read_predictions(run / "predictions.csv").of_fold("val")
    answers = small.predict([str(data.parent / row.path) for row in held.rows])
    probs = np.array([list(one.probabilities.values()) for one in answers])
    scores = [average_precision_score(held.targets.members, one) for one in (held.probs, probs)]
    change = read_json(run / "export" / "int8" / "parity.json")["int8"]["average_precision_change"]
    assert change["value"] == pytest.approx(scores[1] - scores[0], abs=1e-9)


def test_the_client_in_python_gives_the_labels_that_the_product_gives(run, data, tmp_path):
    command = ["export", str(run), "--to", "onnx", "--with-preprocessing", "--out", str(tmp_path / "onnx")]
    assert main(command) == 0
    files = [str(data.parent / row["path"]) for row in rows(run, "test")]
    client = Path(__file__).parents[1] / "docs/deploy/client.py"
    asked = [sys.executable, str(client), str(tmp_path / "onnx"), *files]
    lines = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
    answers = groupwise.load_run(run).predict(files)
    for file, one, line in zip(files, answers, lines, strict=True):
        said = line.removeprefix(f"{file}: ")
        given = {name for part in said.split(", ") for name in LABELS if part.startswith(f"{name} ")}
        assert given == set(one.answer.labels)
        assert bool(given) != (said == "none of the labels")


def test_two_runs_of_sets_are_compared_in_mean_average_precision(run, tmp_path, capsys):
    shutil.copytree(run, tmp_path / "other")
    other = Run.open(tmp_path / "other")  # as of another training: the same network is refused for itself
    told = read_predictions(run / "predictions.csv")
    worse = np.random.default_rng(0).random(told.probs.shape)
    lines = prediction_lines(told.rows, worse, told.classes, worse > 0.5)
    write_csv(other.path("predictions.csv"), prediction_header(told.classes), lines)
    other.record("predictions.csv")
    assert main(["compare", str(run), str(tmp_path / "other"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    members = told.of_fold("test").targets.members
    rows = [i for i, row in enumerate(told.rows) if row.fold == "test"]
    scores = [average_precision_score(members, probs[rows]) for probs in (told.probs, worse)]
    assert [one["average_precision"] for one in found["runs"]] == pytest.approx(scores, abs=1e-12)
    difference = found["pairs"][0]["average_precision"]
    assert difference["value"] == pytest.approx(scores[1] - scores[0], abs=1e-12)
    assert main(["compare", str(run), str(tmp_path / "other")]) == 0
    assert "of mean average precision" in capsys.readouterr().out


def test_slices_are_of_the_images_with_exactly_the_right_labels(run, capsys):
    assert main(["slices", str(run), "--by", "width", "place"]) == 0
    assert "have exactly the right labels" in capsys.readouterr().out
    facts, test = read_json(run / "slices.json"), read_predictions(run / "predictions.csv").of_fold("test")
    place = {row["path"]: row["place"] for row in read_csv(run / "manifest.csv", ())}
    (column,) = facts["columns"]
    assert [one["column"] for one in facts["skipped"]] == ["person", "width"]
    for one in column["slices"]:
        within = np.array([place[row.path] == one["value"] for row in test.rows])
        members, given = test.targets.members[within], test.given[within]
        assert one["accuracy"]["value"] == pytest.approx(accuracy_score(members, given), abs=1e-12)
        for k, name in enumerate(LABELS):
            expected = recall_score(members[:, k], given[:, k])
            assert one["recall"][name]["value"] == pytest.approx(expected, abs=1e-12)
    assert "Exactly right" in (run / "report.html").read_text()


@pytest.fixture(scope="module")
def elsewhere(run, data, tmp_path_factory):
    """New people with other cases of the names, and copies of four training pictures among them."""
    folder = tmp_path_factory.mktemp("elsewhere")
    table = write_scenes(folder, people=12, seed=5)
    lines = table.read_text().replace("red", "Red").splitlines()
    learnt = [row for row in read_split(run / "split.csv").rows if row.fold == "train"][:4]
    for n, row in enumerate(learnt):
        shutil.copy(data.parent / row.path, folder / f"copy{n}.png")
        lines.append(f"copy{n}.png,{'|'.join(read_names(row.label))},copied,north")
    table.write_text("\n".join(lines) + "\n")
    assert main(["evaluate", str(run), str(table), "--by", "source"]) == 0
    return run / "external" / "scenes"


def test_new_data_are_measured_without_the_runs_own_pictures(elsewhere):
    facts, figures = read_json(elsewhere / "external.json"), read_json(elsewhere / "metrics.json")["external"]
    told = read_predictions(elsewhere / "predictions.csv")
    copies = {row["path"] for row in read_csv(elsewhere / "copies.csv", ())}
    assert copies >= {f"copy{n}.png" for n in range(4)}
    assert not copies & {row.path for row in told.rows}
    assert facts["classes"]["respelled"] == {"Red": "red"}
    assert told.classes == LABELS
    expected = average_precision_score(told.targets.members, told.probs)
    assert figures["average_precision"]["value"] == pytest.approx(expected, abs=1e-12)
    expected = f1_score(told.targets.members, told.given, average="micro")
    assert figures["micro_f1"]["value"] == pytest.approx(expected, abs=1e-12)
    own = read_json(elsewhere.parents[1] / "metrics.json")["test"]["average_precision"]["value"]
    difference = facts["internal"]["differences"]["average_precision"]
    assert difference["value"] == pytest.approx(figures["average_precision"]["value"] - own)
    assert facts["promises"][0]["rule"] == "risk_control"
    assert facts["drift"]["tests"]["pixels"]
    page = (elsewhere.parents[1] / "report.html").read_text()
    assert "Mean average precision" in page
    assert "true labels that sets miss" in page


def test_a_case_has_what_any_of_its_pictures_has(run, elsewhere, data, capsys):
    for folder, facts in (
        (elsewhere, read_json(elsewhere / "external.json")["cases"]),
        (run, None),
    ):
        if facts is None:
            assert main(["evaluate", str(run), "--fold", "test", "--by", "clinic"]) == 2
            assert "Choose among source, person, place" in capsys.readouterr().err
            assert main(["evaluate", str(run), "--fold", "test", "--by", "source"]) == 0
            facts = read_json(run / "cases.json")
        told = read_predictions(folder / "predictions.csv")
        told = told if folder == elsewhere else told.of_fold("test")
        truth, mean = {}, {}
        for row, has, probs in zip(told.rows, told.targets.members, told.probs, strict=True):
            truth[row.group] = truth.get(row.group, 0) | has
            mean.setdefault(row.group, []).append(probs)
        table = {row["case"]: row for row in read_csv(folder / "cases.csv", ())}
        assert set(table) == set(truth)
        members = Targets.of([table[case]["label"] for case in truth], LABELS).members
        assert (members == np.array(list(truth.values()))).all()
        means = np.array([np.mean(one, axis=0) for one in mean.values()])
        expected = average_precision_score(members, means)
        assert facts["rules"]["mean"]["value"] == pytest.approx(expected, abs=1e-12)
        weights = [1 / len(mean[row.group]) for row in told.rows]
        of_case = np.array([truth[row.group] for row in told.rows])
        expected = average_precision_score(of_case, told.probs, sample_weight=weights)
        assert facts["single_picture"]["value"] == pytest.approx(expected, abs=1e-12)
        probs = np.array([[float(table[case][f"prob_{name}"]) for name in LABELS] for case in truth])
        expected = average_precision_score(members, probs)
        assert facts["figures"]["average_precision"]["value"] == pytest.approx(expected, abs=1e-12)
        given = np.array(
            [["|" + name + "|" in table[case]["predicted"] for name in LABELS] for case in truth]
        )
        assert (given == (probs >= facts["rule"]["thresholds"])).all()
    assert "One answer a case" in (run / "report.html").read_text()
    pictures = [str(data.parent / f"{i:03}.png") for i in (0, 1)]
    answer = groupwise.load_run(run).predict_case(pictures)
    assert main(["predict", str(run), *pictures, "--group-regex", r"(00)\d"]) == 0
    assert case_line(answer) in capsys.readouterr().out


def test_evaluate_says_the_figures_of_sets(run, capsys):
    assert main(["evaluate", str(run), "--fold", "val"]) == 0
    said = capsys.readouterr().out
    assert "Val: Average precision" in said
    assert "Micro F1" in said
    assert main(["evaluate", str(run), "--fold", "val", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["val"]["labels"] == "several"


def test_sets_of_labels_have_no_order(run, capsys):
    assert main(["evaluate", str(run), "--fold", "val", "--ordered", f"[{','.join(LABELS)}]"]) == 2
    assert "--ordered: has no meaning where images have several labels" in capsys.readouterr().err
