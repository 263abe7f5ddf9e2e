"""Several pictures of a case have one answer, from a run, a bundle or the command line."""

import csv
import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest

from groupwise.cli.main import main
from groupwise.errors import UsageError
from groupwise.export.targets import export_run
from groupwise.inference.bundle import open_predictor
from groupwise.inference.cases import answer_case
from groupwise.inference.decision import Decision
from groupwise.inference.predictor import load_run
from groupwise.stats.cases import CaseRule
from run_case import write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("cases"))


@pytest.fixture(scope="module")
def files(run):
    return sorted((run.folder.parent / "pets").glob("*/*.png"))


@pytest.mark.parametrize("rule", ["mean", "max", "vote"])
def test_the_case_is_answered_by_the_rule_of_the_decision(run, files, rule):
    predictor = load_run(run.folder)
    predictor = dataclasses.replace(
        predictor, decision=dataclasses.replace(predictor.decision, case=CaseRule(rule))
    )
    single = [list(one.probabilities.values()) for one in predictor.predict(files[:3])]
    found = predictor.predict_case(files[:3])
    sums = [sum(column) for column in zip(*single, strict=True)]
    highest = [max(column) for column in zip(*single, strict=True)]
    votes = [sum(max(row) == row[k] for row in single) for k in range(2)]
    expected = {
        "mean": [one / 3 for one in sums],
        "max": [one / sum(highest) for one in highest],
        "vote": [(n + one / 3) / 4 for n, one in zip(votes, sums, strict=True)],
    }
    assert list(found.probabilities.values()) == pytest.approx(expected[rule])
    assert (found.pictures, found.rule, found.unlike) == (3, rule, None)
    assert found.probability == max(found.probabilities.values())


def test_a_run_without_a_rule_takes_the_mean_and_a_picture_alone_keeps_its_answer(run, files):
    predictor = load_run(run.folder)
    (alone,) = predictor.predict(files[:1])
    found = answer_case([alone], predictor.decision)
    assert found.rule == "mean"
    assert found.probabilities == pytest.approx(alone.probabilities)


def test_the_rule_goes_through_json_and_older_decisions_have_none():
    rule = CaseRule("vote", 12, {"mean": 0.5, "max": 0.6, "vote": 0.4})
    held = json.loads(json.dumps(Decision(("a", "b"), case=rule).as_json()))
    assert Decision.from_json(held).case == rule
    older = Decision(("a", "b")).as_json()
    assert "case" not in older  # whose digest stays what it was
    assert Decision.from_json(older).case is None


def test_the_command_writes_a_row_a_case(run, files, tmp_path, capsys):
    target = tmp_path / "cases.csv"
    folder = run.folder.parent / "pets"
    assert (
        main(["predict", str(run.folder), str(folder), "--group-regex", r"/(\w+)/\d", "--csv", str(target)])
        == 0
    )
    with target.open(newline="") as file:
        rows = {row["case"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"cat", "dog"}
    assert {row["pictures"] for row in rows.values()} == {"12"}
    found = load_run(run.folder).predict_case(sorted((folder / "cat").glob("*.png")))
    assert float(rows["cat"]["prob_cat"]) == pytest.approx(found.probabilities["cat"])
    assert "Predicted 2 cases of 24 images" in capsys.readouterr().out
    assert (
        main(["predict", str(run.folder), str(files[0]), "--group-regex", r"/(\w+)/\d", "--csv", str(target)])
        == 2
    )
    assert "is there already" in capsys.readouterr().err


def test_a_damaged_picture_is_named_and_its_case_answered_by_the_others(run, files, tmp_path, capsys):
    bad = tmp_path / "cat" / "0.png"
    bad.parent.mkdir()
    bad.write_text("no picture")
    assert main(["predict", str(run.folder), str(bad), str(files[0]), "--group-regex", r"/(\w+)/\d"]) == 1
    told = capsys.readouterr()
    assert "\ncat: " in told.out
    assert "1 of 2 files could not be read" in told.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--group-regex", "nowhere"), "'nowhere' finds no group in any path"),
        (("--group-regex", "("), "is not a regular expression"),
        (("--group-regex", "cat", "--csv", "c.csv", "--resume"), "cases are written when all are answered"),
    ],
)
def test_what_cannot_be_meant_is_refused(run, files, capsys, words, said):
    assert main(["predict", str(run.folder), str(files[0]), *words]) == UsageError.exit_status
    assert said in capsys.readouterr().err


def test_what_is_said_of_files_is_said_of_those_of_cases(run, tmp_path, capsys):
    folds = {run.root / row.path: row.fold for row in run.split().rows}
    tested = next(path for path, fold in folds.items() if fold == "test")
    learnt = next(path for path, fold in folds.items() if fold == "train")
    odd = tmp_path / "cat" / "0.jpg"
    odd.parent.mkdir()
    odd.write_bytes(tested.read_bytes())
    command = ["predict", str(run.folder), "--group-regex", r"/(\w+)/\d"]
    assert main([*command, str(tested)]) == 0
    told = "".join(capsys.readouterr())
    assert "taught" not in told
    assert "wrong-extension" not in told
    assert main([*command, str(tested), str(learnt), str(odd)]) == 0
    told = " ".join("".join(capsys.readouterr()).split())
    assert "1 of these 3 files taught the network or chose its epoch" in told
    assert "0.jpg" in told.partition("wrong-extension: ")[2]


def test_a_name_that_is_not_utf8_keeps_its_bytes_in_the_table(run, files, tmp_path):
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    try:
        os.mkdir(folder)  # noqa: PTH102
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    odd = os.fsdecode(folder + b"/0.png")
    Path(odd).write_bytes(files[0].read_bytes())
    target = tmp_path / "cases.csv"
    assert main(["predict", str(run.folder), odd, "--group-regex", r"/([^/]+)/\d", "--csv", str(target)]) == 0
    assert target.read_bytes().splitlines()[1].startswith(b"caf\xe9,1,")


def test_no_pictures_have_no_answers_and_no_case(run):
    for folder in (run.folder, export_run(run.folder, "bundle")[0]):
        predictor = open_predictor(folder)
        size = predictor.preprocessing.image_size_px
        assert predictor.answer_images(np.zeros((0, size, size, 3), np.uint8)) == []
        assert len(predictor.answer_images(np.zeros((1, size, size, 3), np.uint8))) == 1
        assert predictor.predict([]) == []
        with pytest.raises(UsageError, match=r"^case: has no picture\. Give at least one"):
            predictor.predict_case([])
