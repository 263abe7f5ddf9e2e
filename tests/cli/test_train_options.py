"""`groupwise train` and `groupwise.train` are one: the same names, the same request, the same defaults."""

import time
from dataclasses import replace
from inspect import Parameter, signature

import pytest

import groupwise
from groupwise.cli.main import main
from groupwise.runs.request import CrossValidation

CALL_ONLY = {
    "data",
    "changes",
    "quiet",
}  # DATA, the options of the recipe, and what a terminal has no use for


@pytest.fixture
def requests(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("x", "photos", "r"):
        (tmp_path / name).mkdir()
    made = []
    for name in ("run_chain", "crossval"):
        monkeypatch.setattr(f"groupwise.api.{name}", lambda request, console: made.append(request) or {})
    return made


def test_every_argument_is_an_option_with_the_same_default(capsys):
    assert main(["train", "--help"]) == 0
    told = capsys.readouterr().out
    for name, parameter in signature(groupwise.train).parameters.items():
        if name in CALL_ONLY:
            continue
        option = f"--{name.replace('_', '-')} "
        assert option in told
        if parameter.default not in (None, False, (), Parameter.empty):
            lines = told[told.index(option) :].split("\n  --")[0]
            assert f"(default: {parameter.default})" in " ".join(lines.split())


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ([], {}),
        (["--budget", "5min", "--copies", "drop"], {"budget": "5min", "changes": {"split.copies": "drop"}}),
        (["--training.epochs", "120"], {"changes": {"training.epochs": 120}}),
        (["--recipe", "classic", "--seed", "4"], {"recipe": "classic", "changes": {"seed": 4}}),
        (
            ["--cv", "4", "--repeats", "2", "--jobs", "2", "--group-regex", "(a)", "--layout", "classes"],
            {"cv": 4, "repeats": 2, "jobs": 2, "group_regex": "(a)", "layout": "classes"},
        ),
        (
            [
                "--label-column",
                "kind",
                "--path-column",
                "file",
                "--root",
                "r",
                "--track",
                "wandb",
                "--resume",
            ],
            {"label_column": "kind", "path_column": "file", "root": "r", "track": ["wandb"], "resume": True},
        ),
    ],
)
def test_the_command_and_the_call_ask_for_the_same(requests, tmp_path, monkeypatch, options, arguments):
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)  # a budget counts from the start of each
    data, run = tmp_path / "photos", tmp_path / "run"
    assert main(["train", str(data), "--run", str(run), *options]) == 0
    groupwise.train(data, run=run, **arguments)
    command, call = (replace(request, scan=None) for request in requests)
    assert command == call


def test_a_cross_validation_is_asked_for_as_one(requests, tmp_path):
    main(["train", "x", "--run", "y", "--cv", "5"])
    assert requests[0].cv == CrossValidation(5)


def test_a_field_that_is_given_its_usual_value_is_the_users_own(requests):
    main(["train", "x", "--run", "y", "--training.epochs", "120", "--copies", "auto"])
    assert {"training.epochs", "split.copies"} <= requests[0].planning.chosen
