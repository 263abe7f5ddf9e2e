"""Help of every verb comes at once: it imports nothing that only the work needs."""

import subprocess
import sys

import pytest

from groupwise.cli.main import TASKS, VERBS, examples_of, main

HEAVY = (
    "torch",
    "scipy",
    "cv2",
    "pandas",
    "sklearn",
    "matplotlib",
    "jinja2",
    "onnx",
    "onnxruntime",
    "optuna",
    "fastapi",
)
CODE = f"""
import sys
from groupwise.cli.main import VERBS, main
for words in (["--help"], *([verb, "--help"] for verb in VERBS)):
    print("=====", words[0])
    assert main(words) == 0
    print("heavy", *words, *(name for name in {HEAVY} if name in sys.modules), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def helped():
    """What every verb's help says, in one process, and what each of them had imported by then."""
    return subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)


def test_no_help_imports_what_only_the_work_needs(helped):
    told = [line.split()[1:] for line in helped.stderr.splitlines() if line.startswith("heavy")]
    assert len(told) > 20
    assert [words for words in told if words[-1] != "--help"] == []


@pytest.mark.parametrize("verb", VERBS)
def test_examples_end_the_help_and_use_options_that_are_there(verb, helped):
    told = helped.stdout.partition(f"===== {verb}\n")[2].partition("=====")[0]
    assert "Path to a configuration file" not in told  # parts of recipes, which nobody has asked for
    options, _, examples = told.partition("\nexamples:\n")
    assert examples_of(verb)
    assert examples.split("\n")[:-1] == [f"  {line}" for line in examples_of(verb)]
    for line in examples_of(verb):
        assert all(f"{word} " in options for word in line.split() if word.startswith("--"))


def test_the_options_that_one_sets_come_first_and_fit_a_screen(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["train", "--help"]) == 0
    first = capsys.readouterr().out.partition("\nHow DATA is read:")[0]
    assert len(first.splitlines()) <= 30
    assert all(option in first for option in ("--run", "--budget", "--group-column", "--cv", "--resume"))


def test_every_verb_stands_under_one_task(capsys):
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(told.count(f"\n  {verb} ") == 1 for verb in VERBS)
    assert sum(len(verbs) for verbs in TASKS.values()) == len(VERBS)
