"""The next steps: the right one first in each situation, and commands that the command line takes."""

import shlex

import pytest
import yaml

from groupwise.cli.main import VERBS, operands_of
from groupwise.cli.verb_parser import VerbParser
from groupwise.files import read_csv, read_json, write_csv, write_json
from groupwise.report.next_steps import MOST, next_steps
from groupwise.report.page import write_report
from groupwise.report.verdict import verdict
from groupwise.runs.files import read_run

PLANNED = {"plan": {"choices": []}, "reading": {"group_column": "pet"}}
CERTAIN = {"value": 0.9, "n": 12, "sources": 4, "low": 0.88, "high": 0.93}


def rows_of(file):
    return read_csv(file, [])


def rewrite(file, rows):
    write_csv(file, list(rows[0]), [list(row.values()) for row in rows])


def change(run, **figures):
    metrics = read_json(run / "metrics.json")
    metrics["test"] |= figures
    write_json(run / "metrics.json", metrics)


def steps_of(run):
    return next_steps(read_run(run))


def certain(run):
    """A run whose interval is narrow."""
    change(run, accuracy=CERTAIN)
    return run


def same_on_both_sides(make_run):
    run = make_run(ledger=PLANNED, method="random")
    return run, "train again by the usual rules", f"groupwise train pets --group-column pet --run {run}-again"


def chosen_on_test(make_run):
    run = make_run(ledger=PLANNED, select_fold="test")
    return run, "train again by the usual rules", f"groupwise train pets --group-column pet --run {run}-again"


def nobody_knows_sources(make_run):
    run = make_run(ledger={"plan": {}}, grouped=False)
    return run, "find out which images belong together", f"groupwise audit pets --out {run}-audit"


def copies_cannot_be_told(make_run):
    run = make_run(ledger={"plan": {}}, grouped=False)
    write_json(run / "audit.json", {"resemble": True})
    write_json(run / "split.json", read_json(run / "split.json") | {"copies": "report"})
    return run, "say of every image what it belongs to", f"groupwise audit pets --out {run}-audit"


def a_column_may_tell(make_run):
    run = make_run(ledger={"plan": {}}, grouped=False)
    rewrite(
        run / "manifest.csv",
        [row | {"patient_id": str(i // 2)} for i, row in enumerate(rows_of(run / "manifest.csv"))],
    )
    command = f"groupwise train pets --group-column patient_id --run {run}-grouped"
    return run, "say that patient_id tells which images belong together", command


def the_audit_stops(make_run):
    run = make_run(ledger=PLANNED)
    finding = {"code": "shortcut-size", "severity": "stop", "title": "Size gives the class away"}
    write_json(run / "findings.json", [finding | {"text": "", "paths": [], "remedy": ""}])
    command = f"groupwise audit pets --group-column pet --out {run}-audit"
    return run, "settle what the audit found", command


def wide_interval(make_run):
    run = make_run(ledger=PLANNED)
    command = f"groupwise train pets --group-column pet --cv 5 --run {run}-cv"
    return run, "test every image instead of one fold", command


def wide_interval_of_a_given_recipe(make_run):
    run = make_run()
    command = f"groupwise train pets --recipe {run}/recipe.yaml --cv 5 --run {run}-cv"
    return run, "test every image instead of one fold", command


def a_single_source(make_run):
    run = make_run(ledger=PLANNED)
    change(run, accuracy={"value": 0.8, "n": 12, "sources": 1, "reason": "one source"}, sources=1)
    command = f"groupwise train pets --group-column pet --cv 5 --run {run}-cv"
    return run, "test every image instead of one fold", command


def suspected_labels(make_run):
    run = certain(make_run(ledger=PLANNED))
    rewrite(
        run / "label_errors.csv",
        [{"path": f"image-0-{i}.png", "label": "cat", "suggested": "dog"} for i in range(3)],
    )
    return run, "look at the suspected labels", f"groupwise labels {run} --top 3"


def two_classes_mixed_up(make_run):
    run = certain(make_run(ledger=PLANNED, classes=("cat", "dog", "owl")))
    change(run, confusion=[[1, 5, 0], [0, 6, 0], [1, 0, 5]])
    rows = rows_of(run / "predictions.csv")
    wrong = next(row for row in rows if row["label"] == "cat")
    others = [row for row in rows if row["label"] != "cat" and row["predicted"] == row["label"]]
    rewrite(run / "predictions.csv", [wrong | {"predicted": "dog"}, *others])
    path = read_run(run).root / wrong["path"]
    return run, "look at what cat and dog are told by", f"groupwise explain {run} {path}"


def known_by_heart(make_run):
    run = certain(make_run(ledger=PLANNED))
    rewrite(run / "history.csv", [row | {"train_accuracy": "1.0"} for row in rows_of(run / "history.csv")])
    change(run, accuracy=CERTAIN | {"value": 0.7, "low": 0.68, "high": 0.72})
    command = f"groupwise train pets --group-column pet --augment.trivial true --run {run}-varied"
    return run, "vary the training images more", command


def the_clock_ended_it(make_run):
    more = {"stopped": {"epoch": 3, "step": 7}, "budget": {"seconds": 300, "spent": 299.0}}
    run = certain(make_run(ledger=PLANNED | more))
    command = f"groupwise train pets --group-column pet --budget 10min --run {run}-longer"
    return run, "give training more time", command


def all_is_well(make_run):
    run = certain(make_run(ledger=PLANNED))
    return run, "train the network that is handed over on every image", f"groupwise refit {run}"


def all_is_done(make_run):
    run = certain(make_run(ledger=PLANNED))
    (run / "refit").mkdir()
    return run, "measure what poorer images do to it", f"groupwise robustness {run}"


SITUATIONS = [
    same_on_both_sides,
    chosen_on_test,
    nobody_knows_sources,
    copies_cannot_be_told,
    a_column_may_tell,
    the_audit_stops,
    wide_interval,
    wide_interval_of_a_given_recipe,
    a_single_source,
    suspected_labels,
    two_classes_mixed_up,
    known_by_heart,
    the_clock_ended_it,
    all_is_well,
    all_is_done,
]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_right_step_comes_first(make_run, situation):
    run, what, command = situation(make_run)
    first, *others = steps_of(run)
    assert first.what.startswith(what)
    assert first.command == command
    assert len(others) < MOST
    assert all(step.reason for step in (first, *others))


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_command_is_one_that_the_command_line_takes(make_run, monkeypatch, tmp_path, situation):
    run, *_ = situation(make_run)
    (tmp_path / "pets").mkdir()
    monkeypatch.chdir(tmp_path)

    class ParsedError(Exception):
        pass

    def parse(self, *arguments, **options):
        taken(self, *arguments, **options)
        raise ParsedError

    taken = VerbParser.parse_args
    monkeypatch.setattr(VerbParser, "parse_args", parse)
    for step in steps_of(run):
        program, verb, *words = shlex.split(step.command)
        assert program == "groupwise"
        with pytest.raises(ParsedError):
            VERBS[verb](VerbParser(verb, "", operands_of(verb)), words)


def test_longer_than_before_is_longer_for_a_given_recipe_too(make_run):
    run = make_run(ledger={"reading": {}, "stopped": {"epoch": 3, "step": 1}})
    change(run, accuracy=CERTAIN)
    steps = {step.what: shlex.split(step.command) for step in steps_of(run)}
    words = steps["give training more time"]
    assert int(words[words.index("--training.epochs") + 1]) == 24  # the recipe has 12


def test_few_judges_are_said(make_run):
    run = make_run(ledger=PLANNED)
    assert "only 4 sources judged it" in verdict(read_run(run)).trust
    change(run, sources=5)
    assert "and 5 sources judged it" in verdict(read_run(run)).trust


def test_a_name_with_a_blank_is_quoted(make_run):
    run = make_run(name="my run", ledger={"reading": {"group_column": "pet name"}})
    (run / "recipe.yaml").write_text(yaml.safe_dump({"name": "default"}), encoding="utf-8")
    words = shlex.split(steps_of(run)[0].command)
    assert words[words.index("--group-column") + 1] == "pet name"
    assert words[-1] == f"{run}-cv"


@pytest.mark.usefixtures("plain_figures")
def test_terminal_page_and_data_name_the_same_steps(make_run, parse):
    run, *_ = wide_interval(make_run)
    steps = steps_of(run)
    page = parse(write_report(run))
    said = verdict(read_run(run))
    for step in steps:
        assert step.command in page.text
        assert step.command in said.text
    assert read_json(run / "report.json")["verdict"]["next_steps"][0]["command"] == steps[0].command
    assert said.sentences[-len(steps)].startswith("Next: ")
