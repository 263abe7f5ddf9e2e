"""A run directory is read whole, or the file that spoils it is named with a remedy."""

import pytest

from figures_case import as_older
from groupwise.errors import GroupwiseError
from groupwise.files import read_json, write_json
from groupwise.report.page import write_report
from groupwise.runs.files import read_run


@pytest.mark.parametrize("name", ["run.json", "recipe.yaml", "split.json", "metrics.json"])
@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_an_essential_file_is_named_when_missing_or_damaged(make_run, name, content):
    run = make_run()
    (run / name).unlink()
    if content is not None:
        (run / name).write_text(content)
    with pytest.raises(GroupwiseError) as caught:
        read_run(run)
    assert caught.value.place == str(run / name)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("history.csv", "epoch\n1\n"),
        ("findings.json", "{}"),
        ("manifest.csv", "path\na.jpg\n"),
        ("environment.json", "3"),
    ],
)
def test_an_optional_file_is_named_when_damaged(make_run, name, content):
    run = make_run()
    (run / name).write_text(content)
    with pytest.raises(GroupwiseError) as caught:
        read_run(run)
    assert caught.value.place == str(run / name)


def test_a_history_that_holds_words_is_refused(make_run):
    run = make_run()
    path = run / "history.csv"
    path.write_text(path.read_text().replace("0.9", "good"))
    with pytest.raises(GroupwiseError, match=r"history\.csv: not a number .*'good'"):
        read_run(run)


def test_half_a_measurement_is_refused(make_run):
    run = make_run()
    metrics = read_json(run / "metrics.json")
    del metrics["test"]["confusion"]
    write_json(run / "metrics.json", metrics)
    with pytest.raises(
        GroupwiseError, match=r"fold 'test' are incomplete\. Remove it, and run `groupwise evaluate` again"
    ):
        read_run(run)


def test_the_number_is_the_test_folds_where_there_is_one(make_run):
    run = make_run()
    metrics = read_json(run / "metrics.json")
    write_json(run / "metrics.json", {"val": metrics["test"], **metrics})
    assert read_run(run).fold == "test"
    write_json(run / "metrics.json", {"val": metrics["test"]})
    assert read_run(run).fold == "val"


def test_the_chosen_epoch_is_the_ledgers_or_else_the_first_best(make_run):
    assert read_run(make_run(name="a")).chosen_epoch == 3
    assert read_run(make_run(name="b", ledger={"best_epoch": 5})).chosen_epoch == 5


def test_a_run_of_the_older_build_has_the_same_report(make_run, probed, plain_figures):
    names = ("metrics.json", "slices.json", "robustness.json")
    newer, older = (probed(make_run(name=f"{build}/run")) for build in ("newer", "older"))
    for name in names:
        write_json(older / name, as_older(read_json(older / name)))
        assert '"groups"' in (older / name).read_text()
        assert '"sources"' not in (older / name).read_text()
    first, second = read_run(newer), read_run(older)
    assert (first.metrics, first.slices) == (second.metrics, second.slices)
    assert first.robustness == second.robustness
    for run in (newer, older):
        write_report(run)
    for name in ("report.html", "README.md", "report.json"):
        # apart from where the run lies, which commands name
        assert (newer / name).read_text().replace("newer/run", "older/run") == (older / name).read_text(), (
            name
        )
