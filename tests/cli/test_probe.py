"""`groupwise slices` and `groupwise robustness` on a run of a CSV with further columns."""

import csv
import json
import shutil

import pytest
import torch

from cli_case import run
from folder_case import tiny_options, write_folder
from groupwise.cli.main import main


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of 60 pictures from 30 animals at two sites; its weight is told, and its keeper is a nuisance."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("pets")
    images = sorted(write_folder(root / "images").rglob("*.png"))
    with (root / "pets.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "label", "animal", "site", "weight", "keeper"])
        for i, path in enumerate(images):
            site = "AB"[i // 2 % 2]
            table.writerow([path.relative_to(root), path.parent.name, f"a{i // 2}", site, i, f"keeper {i}"])
    target = root / "run"
    shares = ["--split.train", "0.4", "--split.val", "0.2", "--split.test", "0.4"]
    argv = ["train", root / "pets.csv", "--group-column", "animal", "--run", target, *tiny_options(), *shares]
    assert main([str(word) for word in argv]) == 0
    return target


@pytest.fixture
def copied(finished, tmp_path, monkeypatch):
    """A copy of the run, whose report is not written again: that takes longer than all else."""
    monkeypatch.setattr("groupwise.report.page.write_report", lambda folder: folder / "report.html")
    return shutil.copytree(finished, tmp_path / "run")


def test_training_compares_further_columns_unasked(finished):
    facts = json.loads((finished / "slices.json").read_text())
    assert facts["fold"] == "test"
    assert "site" in [column["column"] for column in facts["columns"]]
    assert {"animal", "keeper"} <= {one["column"] for one in facts["skipped"]}
    assert "slices.json" in json.loads((finished / "run.json").read_text())["artefacts"]
    assert "Whether some fare worse than others" in (finished / "report.html").read_text()


def test_slices_by_one_column_are_no_reading(copied, capsys):
    before = json.loads((copied / "run.json").read_text())["test_readings"]
    status, out, _ = run(capsys, "slices", copied, "--by", "site", "--fold", "val")
    assert status == 0
    facts = json.loads((copied / "slices.json").read_text())
    assert [column["column"] for column in facts["columns"]] == ["site"]
    assert facts["fold"] == "val"
    for one in facts["columns"][0]["slices"]:
        assert f"  {one['value']}: {100 * one['accuracy']['value']:.1f} % of" in out
    assert json.loads((copied / "run.json").read_text())["test_readings"] == before


def test_columns_of_a_further_call_join_the_earlier_ones(copied, capsys):
    run(capsys, "slices", copied, "--by", "site", "--fold", "val")
    run(capsys, "slices", copied, "--by", "mode", "--fold", "val")
    facts = json.loads((copied / "slices.json").read_text())
    assert [one["column"] for one in (*facts["columns"], *facts["skipped"])] == ["site", "mode"]
    run(capsys, "slices", copied, "--by", "mode")
    facts = json.loads((copied / "slices.json").read_text())
    assert [one["column"] for one in (*facts["columns"], *facts["skipped"])] == ["mode"]  # another fold


def test_a_column_of_the_file_may_be_named(copied, capsys):
    status, out, _ = run(capsys, "slices", copied, "--by", "mode")
    assert status == 0
    assert "mode is not compared: the same for all images: RGB." in out


def test_slices_as_json_are_those_of_the_file(copied, capsys):
    _, out, _ = run(capsys, "slices", copied, "--json")
    assert json.loads(out) == json.loads((copied / "slices.json").read_text())


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (
            ["--by", "sex"],
            "--by: no column 'sex'. Choose among animal, site, weight, keeper, width, height, mode.",
        ),
        (["--fold", "moon"], "--fold: no predictions of a fold 'moon' were kept."),
    ],
)
def test_what_cannot_be_compared_is_refused(copied, capsys, argv, message):
    status, _, err = run(capsys, "slices", copied, *argv)
    assert status == 2
    assert message in err


def test_robustness_is_one_reading_and_repeats_itself(copied, capsys):
    before = json.loads((copied / "run.json").read_text())["test_readings"]
    status, out, _ = run(capsys, "robustness", copied)
    assert status == 0
    assert "blur, standard deviation in pixels" in out
    assert out.count("\n  damage ") == out.count("\n  right ") > 1
    assert out.count("were classified correctly") == 1
    ledger = json.loads((copied / "run.json").read_text())
    assert ledger["test_readings"] == before + 1
    assert ledger["test_reading_log"][-1]["why"] == "groupwise robustness"
    facts = json.loads((copied / "robustness.json").read_text())
    assert facts["clean"] == json.loads((copied / "metrics.json").read_text())["test"]["accuracy"]
    _, again, _ = run(capsys, "robustness", copied, "--json")
    assert json.loads(again) == facts


def test_robustness_of_another_fold_is_no_reading_and_an_unknown_one_is_refused(copied, capsys):
    before = json.loads((copied / "run.json").read_text())["test_readings"]
    assert run(capsys, "robustness", copied, "--fold", "val")[0] == 0
    assert json.loads((copied / "run.json").read_text())["test_readings"] == before
    status, _, err = run(capsys, "robustness", copied, "--fold", "moon")
    assert status == 2
    assert "--fold: no fold 'moon'. Choose one of train, val, test." in err
