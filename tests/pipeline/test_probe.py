"""A probe from its features to everything that an ordinary run can do."""

import json
import shutil

import numpy as np
import onnxruntime
import pytest
from sklearn.metrics import average_precision_score

from cli_case import rows, run
from folder_case import write_folder
from groupwise.cli.main import main
from groupwise.data.preprocessing import Preprocessing
from groupwise.evaluation.predictions import read_predictions
from groupwise.inference.predictor import load_run
from groupwise.runs.files import read_run
from groupwise.runs.run import Run
from onnx_case import write_backbone
from run_case import write_run
from scenes_case import write_scenes

PRETRAINED = {"input_size": [3, 24, 24], "mean": [0.5] * 3, "std": [0.25] * 3, "crop_mode": "squash"}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Pictures of cats and dogs, `small.onnx` with its preprocessing, and `run`, a probe of it."""
    root = tmp_path_factory.mktemp("probe")
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_CACHE_HOME", str(root / "cache"))
    write_backbone(root / "small.onnx", metadata={"pretrained_cfg": PRETRAINED})
    write_folder(root / "pets")
    assert main(probe_words(root, "run")) == 0
    yield root
    patch.undo()


def probe_words(root, name, *more, features="small.onnx"):
    words = ["probe", root / "pets", "--features", root / features, "--run", root / name, *more]
    return [str(word) for word in words]


def test_the_run_is_whole(home):
    found = read_run(home / "run")
    assert {"val", "test"} <= found.metrics.keys()
    assert found.metrics["test"]["accuracy"]["value"] == 1.0  # light and dark, by their colour
    assert found.recipe["name"] == "probe"
    assert (found.recipe["data"]["image_size_px"], found.recipe["data"]["std"]) == (24, [0.25] * 3)
    assert found.probe["num_features"] == 6
    assert found.ledger["test_readings"] == 1
    page = (home / "run" / "report.html").read_text()
    assert "what a logistic regression learnt from" in page
    assert "small, frozen, with logistic regression" in (home / "run" / "README.md").read_text()
    assert found.baselines is not None


def test_answers_come_from_the_frozen_file_and_the_fitted_head(home):
    predictor = load_run(home / "run")
    images = np.random.default_rng(0).integers(0, 256, (3, 24, 24, 3)).astype(np.uint8)
    inputs = Preprocessing(image_size_px=24, mean=(0.5,) * 3, std=(0.25,) * 3).normalise(images)
    session = onnxruntime.InferenceSession(home / "run" / "features.onnx")
    (features,) = session.run(["features"], {"images": inputs})
    weight, bias = (one.detach().numpy() for one in (predictor.model.fc.weight, predictor.model.fc.bias))
    logits = (features @ weight.T + bias) / predictor.temperature
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    answers = [list(one.probabilities.values()) for one in predictor.answer_images(images)]
    np.testing.assert_allclose(answers, expected, atol=1e-5)


def test_the_figures_are_those_of_the_saved_files(home, capsys):
    before = rows(home / "run" / "predictions.csv")
    assert run(capsys, "evaluate", home / "run", "--fold", "val")[0] == 0
    after = {row["path"]: row for row in rows(home / "run" / "predictions.csv")}
    for row in before:
        assert float(row["prob_cat"]) == pytest.approx(float(after[row["path"]]["prob_cat"]), abs=1e-5)


def test_the_bundle_is_one_graph_that_answers_alike(home, capsys):
    bundle = home / "run" / "export" / "bundle"
    status, _, _ = run(capsys, "export", home / "run", "--to", "bundle")
    assert status == 0
    (home / "small.onnx").rename(home / "away.onnx")  # which the bundle does without
    try:
        picture = home / "pets" / "cat" / "000.png"
        said = [run(capsys, "predict", folder, picture)[1] for folder in (home / "run", bundle)]
    finally:
        (home / "away.onnx").rename(home / "small.onnx")
    assert said[0] == said[1]
    proof = json.loads((bundle / "parity.json").read_text())
    assert proof["largest_difference"]["1"] < 1e-4
    facts = json.loads((bundle / "bundle.json").read_text())
    assert proof["opset"] == facts["network"]["opset"] == 17  # of the features, not that of a network
    assert run(capsys, "verify", bundle)[0] == 0
    for form in ("torch", "timm"):
        assert "a probe of features in ONNX" in run(capsys, "export", home / "run", "--to", form)[2]


def test_a_cross_validation_of_probes_is_one_graph_as_well(home, capsys):
    status, out, err = run(capsys, *probe_words(home, "cv", "--cv", "3", "--baselines", "none"))
    assert status == 0, err
    assert out.count("60 known already") == 3
    status, _, err = run(capsys, "export", home / "cv", "--to", "bundle")
    assert status == 0, err
    picture = home / "pets" / "dog" / "001.png"
    said = [run(capsys, "predict", folder, picture)[1] for folder in (home / "cv", home / "cv/export/bundle")]
    assert said[0] == said[1]


def test_a_probe_of_several_labels_and_the_bundle_of_its_cross_validation(home, tmp_path, capsys):
    data = write_scenes(tmp_path, people=24)
    words = ["probe", data, "--features", home / "small.onnx", "--group-column", "person"]
    words += ["--cv", "3", "--baselines", "none", "--run", tmp_path / "cv"]
    status, out, err = run(capsys, *words)
    assert status == 0, err
    assert "has the best average precision on val" in out
    one = read_run(tmp_path / "cv" / "repeat-1" / "fold-1")
    assert one.probe["penalties"][one.probe["chosen"]]["select_average_precision"] > 0
    answers = read_predictions(one.folder / "predictions.csv").of_fold("test")
    expected = average_precision_score(answers.targets.members, answers.probs)
    assert one.metrics["test"]["average_precision"]["value"] == pytest.approx(expected, abs=1e-12)
    status, _, err = run(capsys, "export", tmp_path / "cv", "--to", "bundle")  # checked against torch
    assert status == 0, err
    folders = (tmp_path / "cv", tmp_path / "cv/export/bundle")
    said = [run(capsys, "predict", folder, tmp_path / "001.png")[1] for folder in folders]
    assert said[0] == said[1]


def test_a_run_lends_its_features(home, tmp_path, capsys):
    lender = write_run(tmp_path)
    status, out, err = run(
        capsys, *probe_words(home, "borrowed", "--baselines", "none", features=lender.folder)
    )
    assert status == 0, err
    known, fitted = load_run(lender.folder), load_run(home / "borrowed")
    for (name, one), other in zip(
        known.model.state_dict().items(), fitted.model.state_dict().values(), strict=True
    ):
        assert name.startswith("fc.") != bool((one == other).all()), name
    assert fitted.preprocessing.image_size_px == 32
    assert f"as the run {lender.folder} says" in out
    assert run(capsys, "compare", home / "run", home / "borrowed")[0] == 0


def test_a_neighbour_of_the_same_split_names_it(home, tmp_path, capsys):
    shutil.copytree(home / "run", tmp_path / "probe")
    shutil.copytree(home / "run", tmp_path / "trained")
    (tmp_path / "trained" / "probe.json").unlink()  # as a network that was trained has none
    beside = read_run(tmp_path / "trained").probe_beside
    assert (beside.folder.name, beside.features) == ("probe", "small")
    assert beside.accuracy["test"].value == 1.0
    assert run(capsys, "report", tmp_path / "trained")[0] == 0
    page = (tmp_path / "trained" / "report.html").read_text()
    assert "Frozen features of small with logistic regression" in page
    shutil.copytree(tmp_path / "trained", tmp_path / "elsewhere" / "trained")
    assert read_run(tmp_path / "elsewhere" / "trained").probe_beside is None  # the near miss
    Run.open(tmp_path / "trained").record("split.csv")  # as it is
    assert read_run(tmp_path / "trained").probe_beside is not None
    with (tmp_path / "trained" / "split.csv").open("a") as file:
        file.write("\n")
    Run.open(tmp_path / "trained").record("split.csv")
    assert read_run(tmp_path / "trained").probe_beside is None  # and another split


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--optim.learning_rate", "0.1"], "--optim.learning_rate: means nothing to a probe"),
        (["--model.weights", "x.pth"], "--model.weights: means nothing to a probe"),
        (["--output", "mapps"], "did you mean 'maps'"),
        (["--budget", "1s"], "--budget"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_leaves_nothing(words, said, home, capsys):
    status, _, err = run(capsys, *probe_words(home, "refused", *words))
    assert status == 2
    assert said in err
    assert not (home / "refused").exists()


def test_other_features_than_a_model_are_refused(home, capsys):
    for features, said in (("none.onnx", "no such file"), ("pets", "holds neither a run nor a bundle")):
        status, _, err = run(capsys, *probe_words(home, "refused", features=features))
        assert status == 2
        assert said in err
    assert (
        "frozen features are not"
        in run(capsys, "lr-find", home / "pets", "--features", home / "small.onnx", "--out", home / "x.png")[
            2
        ]
    )
    assert "a probe, whose head is fitted in seconds" in run(capsys, "refit", home / "run")[2]


def test_explain_hides_places(home, capsys):
    status, out, err = run(capsys, "explain", home / "run", home / "pets" / "cat" / "000.png")
    assert status == 0, err
    assert "heat for cat" in out
    refused = run(capsys, "explain", home / "run", home / "pets" / "cat" / "000.png", "--stage", "layer1")
    assert "--stage: a probe has no stages" in refused[2]
