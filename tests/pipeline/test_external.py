"""A run on data that it has never seen: copies and odd classes left out, figures and drift in every file."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from cli_case import rows
from cli_case import run as command
from folder_case import tiny_options, write_folder
from groupwise.audit.known import find_equal_files
from groupwise.cli.main import main
from groupwise.data.split import EXCLUDED, Assignment, Split
from groupwise.pipeline import external

GROUPS = ("--group-regex", r"(\w+/\d\d)")


def picture(file, seed, light):
    pixels = np.random.default_rng(seed).integers(0, 120, (20, 20, 3)) + 100 * light
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(file)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on 120 pictures of 24 sources, and 16 sources from elsewhere with copies of five of them."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("external")
    data = write_folder(folder / "pets", n=120)
    run = folder / "run"
    shares = ["--split.train", "0.4", "--split.val", "0.3", "--split.test", "0.3"]
    words = ["train", data, "--run", run, *GROUPS, *shares, "--baselines", "none", *tiny_options()]
    assert main([str(word) for word in words]) == 0
    for i in range(80):
        picture(folder / "clinic" / ("Cat", "dog")[i % 2] / f"{200 + i}.png", 1000 + i, i % 2)
    for file in sorted((data / "cat").glob("*.png"))[:5]:
        shutil.copy(file, folder / "clinic/Cat" / f"x{file.name}")
    return folder


@pytest.fixture
def folder(trained, tmp_path):
    """A copy to write to; the images stay where they were."""
    shutil.copytree(trained / "run", tmp_path / "run")
    shutil.copytree(trained / "clinic", tmp_path / "clinic")
    return tmp_path


@pytest.fixture
def by_bytes(monkeypatch):
    """Look for equal files alone, which takes no time, where a test is about something else."""

    def find(known, new, **_):
        return find_equal_files(known.usable, new.usable, "")

    monkeypatch.setattr("groupwise.pipeline.external.find_known_copies", find)


def facts(folder, name="clinic"):
    return json.loads((folder / f"run/external/{name}/external.json").read_text())


def test_new_data_are_measured_and_stand_in_every_file(folder, capsys):
    status, out, err = command(
        capsys, "evaluate", folder / "run", "--external", folder / "clinic", *GROUPS, "--by", "source"
    )
    assert status == 0, err
    held = facts(folder)
    assert (held["n"], held["left_out"]["copies"]) == (80, 5)
    assert held["sources"] == 16
    assert held["classes"]["respelled"] == {"Cat": "cat"}
    copies = rows(folder / "run/external/clinic/copies.csv")
    assert {row["of"] for row in copies} == {f"cat/{2 * i:03}.png" for i in range(5)}
    assert sum(held["copies"]["by_fold"].values()) == 5
    answers = rows(folder / "run/external/clinic/predictions.csv")
    figures = json.loads((folder / "run/external/clinic/metrics.json").read_text())["external"]
    right = np.mean([row["label"] == row["predicted"] for row in answers])
    assert figures["accuracy"]["value"] == pytest.approx(right)
    home = json.loads((folder / "run/metrics.json").read_text())["test"]["accuracy"]["value"]
    assert held["internal"]["differences"]["accuracy"]["value"] == pytest.approx(right - home)
    assert not any(test["told"] for test in held["drift"]["tests"].values())
    assert held["cases"]["cases"] == 16
    report = json.loads((folder / "run/report.json").read_text())
    assert report["external"][0]["figures"] == figures
    (asked,) = [one for one in report["checklist"] if "elsewhere" in one["question"]]
    assert "clinic:" in asked["text"]
    page = (folder / "run/report.html").read_text()
    assert "On data from elsewhere" in page
    assert "5 copies of the run&#39;s own images" in page
    assert "clinic:" in (folder / "run/README.md").read_text()
    assert len(json.loads((folder / "run/run.json").read_text())["external"]["clinic"]["readings"]) == 1
    assert "Left out: 5 images that the run has a copy of" in out + err


@pytest.mark.usefixtures("by_bytes")
def test_an_order_of_the_classes_is_measured_or_refused(folder, capsys):
    words = ("evaluate", folder / "run", folder / "clinic", "--ordered")
    status, _, err = command(capsys, *words, "[cat,horse]")
    assert (status, "does not name each class once" in err) == (2, True)
    status, out, _ = command(capsys, *words, "[cat,dog]")
    assert (status, "Weighted kappa, linear, " in out) == (0, True)
    figures = json.loads((folder / "run/external/clinic/metrics.json").read_text())["external"]
    assert figures["kappa"]["ordered"] == ["cat", "dog"]


@pytest.mark.usefixtures("by_bytes")
def test_the_groups_of_the_run_are_those_of_the_new_data_unless_others_are_given(folder, capsys):
    status, out, err = command(capsys, "evaluate", folder / "run", folder / "clinic", "--name", "own")
    assert status == 0, err
    assert r"Groups by --group-regex '(\\w+/\\d\\d)', as those of the run" in out
    assert facts(folder, "own")["sources"] == 16
    assert "each counts as a source of its own" not in " ".join(out.split())
    (folder / "clinic").rename(folder / "other")
    for file in sorted((folder / "other").glob("*/*.png")):
        file.rename(file.with_name(f"n{file.name}"))
    status, out, err = command(capsys, "evaluate", folder / "run", folder / "other")
    assert status == 0, err
    assert "finds none here" in out + err
    assert facts(folder, "other")["sources"] == 80
    assert "each counts as a source of its own" in " ".join(out.split())


def test_new_data_given_for_the_images_of_the_run_are_told_apart(folder, capsys):
    status, _, err = command(capsys, "evaluate", folder / "run", "--data", folder / "clinic/dog")
    assert status == 2
    assert "holds none of the images of the run" in err
    assert f"groupwise evaluate {folder}/run {folder}/clinic/dog" in err.replace("\n", "")


@pytest.mark.usefixtures("by_bytes")
def test_drift_of_the_pixels_is_told_with_what_differs(folder, capsys):
    for file in (folder / "clinic").glob("*/*.png"):
        pixels = np.asarray(Image.open(file)).astype(int)
        Image.fromarray((pixels + [35, 0, -35]).clip(0, 255).astype(np.uint8)).save(file)
    status, out, err = command(
        capsys, "evaluate", folder / "run", "--external", folder / "clinic", *GROUPS, "--name", "red"
    )
    assert status == 0, err
    drift = facts(folder, "red")["drift"]
    assert drift["tests"]["pixels"]["told"]
    assert "mean of red" in {one["name"] for one in drift["largest"]}
    assert "They differ from the" in out


@pytest.mark.usefixtures("by_bytes")
def test_other_data_do_not_take_the_name_and_the_same_are_counted_again(folder, capsys):
    line = ("evaluate", folder / "run", "--external", folder / "clinic", *GROUPS)
    assert command(capsys, *line)[0] == 0
    assert command(capsys, *line, "--json")[0] == 0
    assert len(json.loads((folder / "run/run.json").read_text())["external"]["clinic"]["readings"]) == 2
    next((folder / "clinic/dog").glob("*.png")).unlink()
    status, _, err = command(capsys, *line)
    assert status == 2
    assert "measured as 'clinic'" in err
    assert "--name" in err


@pytest.mark.usefixtures("by_bytes")
def test_the_runs_own_images_are_no_test_of_it(folder, trained, capsys):
    status, _, err = command(capsys, "evaluate", folder / "run", "--external", trained / "pets")
    assert status == 1
    assert "120 of 120 images are copies of the run's own, as " in err
    assert not (folder / "run/external/pets").exists()


def test_where_the_runs_images_are_gone_equal_files_are_found_still(folder, capsys):
    (folder / "empty").mkdir()
    line = ("evaluate", folder / "run", "--external", folder / "clinic", *GROUPS, "--data", folder / "empty")
    status, out, err = command(capsys, *line)
    assert status == 0, err
    held = facts(folder)
    assert held["left_out"]["copies"] == 5
    assert held["copies"]["searched"] == "bytes"
    assert "are not at" in held["drift"]["reason"]
    assert "Only byte-identical copies are found" in out + err


def test_an_unknown_class_stops_before_anything_is_written(folder, capsys):
    picture(folder / "clinic/fox/1.png", 5, 0)
    line = ("evaluate", folder / "run", "--external", folder / "clinic", *GROUPS, "--data", folder)
    status, _, err = command(capsys, *line)
    assert status == 2
    assert "'fox' (1)" in err
    assert not (folder / "run/external").exists()
    assert command(capsys, *line, "--ignore-unknown-classes")[0] == 0
    assert facts(folder)["left_out"]["unknown_classes"] == 1


@pytest.mark.parametrize(
    "words", [("--name", "x"), ("--group-column", "patient"), ("--ignore-unknown-classes",)]
)
def test_options_of_new_data_want_new_data(folder, capsys, words):
    status, _, err = command(capsys, "evaluate", folder / "run", *words)
    assert status == 2
    assert f"{words[0]}: goes with --external" in err


def test_one_answer_a_case_of_a_fold(folder, trained, capsys):
    status, out, err = command(capsys, "evaluate", folder / "run", "--by", "source")
    assert status == 0, err
    held = json.loads((folder / "run/cases.json").read_text())
    answers = rows(folder / "run/cases.csv")
    assert held["cases"] == len(answers) == held["figures"]["n"]
    assert {row["case"][:4] for row in answers} <= {"cat/", "dog/"}
    assert held["chosen_on"] == "val"
    assert "One answer a case" in out
    assert "One answer a case" in (folder / "run/report.html").read_text()
    assert json.loads((folder / "run/report.json").read_text())["cases"]["cases"] == held["cases"]


def test_cases_of_a_fold_that_cannot_be_are_refused_before_it_is_read(folder, monkeypatch, capsys):
    before = (folder / "run/run.json").read_bytes()
    status, _, err = command(capsys, "evaluate", folder / "run", "--by", "site")
    assert (status, "no column 'site'. Choose among source" in err) == (2, True), err
    monkeypatch.setattr("groupwise.evaluation.cases.case_names", lambda rows, *_: ["one"] * len(rows))
    status, _, err = command(capsys, "evaluate", folder / "run", "--by", "source")
    assert (status, "of 1 of 1 cases, such as 'one', have several classes" in err) == (2, True), err
    assert (folder / "run/run.json").read_bytes() == before


@pytest.mark.parametrize(
    ("regex", "by", "said"),
    [
        (r"/\d(\d)\d", "source", "cases, such as '0', have several classes"),
        (GROUPS[1], "vist", "--by: no column 'vist'. Choose among source"),
    ],
)
def test_cases_that_cannot_be_are_refused_before_anything_is_measured(
    folder, capsys, by_bytes, regex, by, said
):
    before = (folder / "run/run.json").read_bytes()
    words = ("--external", folder / "clinic", "--group-regex", regex, "--by", by)
    status, _, err = command(capsys, "evaluate", folder / "run", *words)
    assert (status, said in err) == (2, True), err
    assert not (folder / "run/external").exists()  # so that the name is still free
    assert (folder / "run/run.json").read_bytes() == before


@pytest.mark.parametrize(("cluster", "sources"), [(1, 2), (9, 3)])
def test_drift_counts_by_the_sources_of_the_whole_run(monkeypatch, cluster, sources):
    folds = [("test", 0), (EXCLUDED, 1), (EXCLUDED, cluster), ("test", 2), ("test", 3)]
    groups = ["p", "p", "q", "q", "r"]
    split = Split(tuple(Assignment(f"{i}.png", "cat", groups[i], *folds[i][::-1]) for i in range(5)))
    compared = []
    monkeypatch.setattr(external, "read_images", lambda *_, **__: np.zeros((3, 2, 2, 3)))
    monkeypatch.setattr(external, "measure_pixels", lambda *_: None)
    monkeypatch.setattr(external, "measure_drift", lambda *given, seed: compared.append(given[2]) or {})
    run = SimpleNamespace(split=lambda: split, is_ensemble=True, is_refit=False)
    known = SimpleNamespace(
        usable=[SimpleNamespace(path=row.path, width=2, height=2) for row in split.rows], root=""
    )
    new = SimpleNamespace(rows=(), samples=(), sources=np.zeros(0, dtype=np.int64))
    predictor = SimpleNamespace(preprocessing=None)
    facts = external._drift(run, known, predictor, new, np.zeros((0, 2, 2, 3)), None)
    assert facts["sources"] == compared[0].n_sources[0] == sources
