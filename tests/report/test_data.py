"""`report.json` says what the page says, with a version, and holds no NaN."""

import json

import pytest

from groupwise.files import read_json, write_json
from groupwise.report.data import SCHEMA
from groupwise.report.page import write_report

pytestmark = pytest.mark.usefixtures("plain_figures")

KEYS = {
    *("schema", "run", "data", "created", "version", "recipe", "headline", "hidden", "cautions", "not_said"),
    *("unchecked", "figures", "split", "findings", "leakage", "crossval", "slices", "robustness"),
    *("label_errors", "history", "checklist", "ledger", "environment", "verdict", "baselines"),
    *("optimised_for", "refit"),
    *("cases", "external", "training_fold", "learning_curve", "interval_width"),
}


def test_the_keys_belong_to_the_schema(make_run):
    run = make_run()
    write_report(run)
    data = read_json(run / "report.json")
    assert set(data) == KEYS, "raise SCHEMA where a key goes or changes its meaning"
    assert data["schema"] == SCHEMA == 2


def test_page_and_data_say_the_same(make_run, parse):
    run = make_run(method="random")
    page = parse(write_report(run))
    data = read_json(run / "report.json")
    assert data["headline"]["sentence"] in page.text
    assert data["headline"]["doubtful"]
    for note in data["hidden"] + data["cautions"]:
        assert note["title"] in page.text
    for line in data["not_said"]:
        assert line in page.text
    for one in data["checklist"]:
        assert one["question"] in page.text
    assert data["figures"] == read_json(run / "metrics.json")
    assert data["ledger"] == read_json(run / "run.json")


def test_there_is_no_nan_and_no_hidden_space(make_run):
    run = make_run()
    write_report(run)

    def refuse(constant):
        raise AssertionError(constant)

    text = (run / "report.json").read_text(encoding="utf-8")
    json.loads(text, parse_constant=refuse)
    assert "\N{NO-BREAK SPACE}" not in text


def test_pictures_stay_in_their_file(make_run):
    run = make_run()
    write_json(run / "findings.json", [{"severity": "note", "title": "t", "picture": "QUJD"}])
    write_report(run)
    data = read_json(run / "report.json")
    assert data["findings"] == [{"severity": "note", "title": "t", "picture": None}]
    assert data["robustness"] is None


def test_further_files_are_taken_over_whole(make_run, probed):
    run = probed(make_run())
    write_report(run)
    data = read_json(run / "report.json")
    for name in ("slices", "robustness"):
        assert data[name] == read_json(run / f"{name}.json")
