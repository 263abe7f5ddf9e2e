"""Several pictures of a case have one answer, from a run, a bundle or the command line."""

import csv
import dataclasses
import json

import pytest

from groupwise.cli.main import main
from groupwise.errors import UsageError
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
