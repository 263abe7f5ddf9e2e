"""What the page says the number hangs on."""

from dataclasses import replace

import pytest

from groupwise.files import read_json, write_json
from groupwise.report.page import write_report
from groupwise.report.sections.dependence import fold_rows
from groupwise.report.sections.subgroups import between
from groupwise.runs.files import read_run

FIGURE = {"value": 0.8, "low": 0.6, "high": 0.9, "n": 40, "sources": 12}


@pytest.fixture
def measured(make_run):
    def add(**figures):
        run = make_run()
        metrics = read_json(run / "metrics.json")
        metrics["test"] |= figures
        write_json(run / "metrics.json", metrics)
        return run

    return add


@pytest.mark.usefixtures("plain_figures")
def test_the_training_fold_stands_beside_the_others(measured, parse):
    run = measured()
    assert "What the number hangs on" not in parse(write_report(run)).text
    seen = {"value": 0.99, "low": 0.95, "high": 1.0, "n": 2000, "sources": 500}
    facts = {"fold": "train", "n": 2000, "sources": 500, "all": False, "accuracy": seen}
    write_json(run / "training_fold.json", facts)
    text = parse(write_report(run)).text
    assert "learnt from, shown without augmentation2,00050099.0 %" in text
    assert "as many images as were looked at" in text
    assert read_json(run / "report.json")["training_fold"]["n"] == 2000


@pytest.mark.parametrize(
    ("epochs", "penalties", "role"),
    [
        (12, 0, "chose the epoch"),
        (1, 0, "set the temperature of the probabilities"),
        (12, 3, "chose the penalty"),
        (1, 3, "chose the penalty"),
        (12, 1, "set the temperature of the probabilities"),
    ],
)
def test_what_a_fold_chose_is_said_of_a_probe_as_of_a_network(make_run, epochs, penalties, role):
    files = read_run(make_run(epochs=epochs))
    if penalties:
        files = replace(files, history=[], probe={"penalties": [{}] * penalties})
    files = replace(files, metrics=files.metrics | {"val": files.metrics["test"]})
    assert [one[:2] for one in fold_rows(files)] == [("test", "took no part"), ("val", role)]


@pytest.mark.usefixtures("plain_figures")
def test_sources_that_move_the_number_are_named(measured, parse):
    influence = {
        "lowest": {"without": "ann", "images": 3, "value": 0.7},
        "highest": {"without": "<b>bob</b>", "images": 1, "value": 0.9},
    }
    text = parse(write_report(measured(influence=influence, unstated={"images": 1, "accuracy": FIGURE}))).text
    assert "between 70.0 % and 90.0 %: the lower without “ann” (3 images)" in text
    assert "the higher without “<b>bob</b>” (1 image)" in text
    assert "Of 1 image nobody said whose it is. Were they of one source, the 95 % interval would be" in text
    same = {name: one | {"value": 10 / 12} for name, one in influence.items()}
    assert (
        "Without any one source accuracy is 83.3 % as well."
        in parse(write_report(measured(influence=same))).text
    )


def test_a_column_says_what_a_further_site_may_have():
    facts = {"sites": 4, "mean": 0.83, "low": 0.7, "high": 0.9, "further_low": 0.5, "further_high": 0.95}
    column = {"column": "site", "heterogeneity": facts | {"i2": 0.4, "p": 0.03}}
    said = between(column).replace("\N{NO-BREAK SPACE}", " ")
    assert said.startswith("On a further site like these 4, 50.0 to 95.0 % would be right (95 % prediction")
    assert said.endswith("40.0 % of the spread between them is more than chance within them (I², p = 0.03).")
    assert between({"column": "site", "heterogeneity": None}) == between({"column": "site"}) == ""
